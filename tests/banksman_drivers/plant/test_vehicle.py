"""The forklift as VDA 5050 asks for it, without a broker."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.plant.vehicle import ACCELERATION_M_S2, SPEED_M_S, Vehicle


def order(
    released: int, update: int = 0, count: int = 5, first: int = 0, order_id: str = "o"
) -> dict[str, Any]:
    """A straight line of nodes two metres apart."""
    nodes = [
        {
            "nodeId": f"n{index}",
            "sequenceId": 2 * index,
            "released": index < released,
            "nodePosition": {"x": 2.0 * index, "y": 0.0, "mapId": "hall"},
        }
        for index in range(first, count)
    ]
    edges = [
        {"edgeId": f"e{index}", "sequenceId": 2 * index + 1, "released": index + 1 < released}
        for index in range(first, count - 1)
    ]
    return {"orderId": order_id, "orderUpdateId": update, "nodes": nodes, "edges": edges}


def drive(vehicle: Vehicle, seconds: float) -> None:
    for _ in range(round(seconds * 100)):
        vehicle.step(0.01)


def act(vehicle: Vehicle, kind: str, action_id: str = "a") -> None:
    vehicle.instant_actions({"actions": [{"actionId": action_id, "actionType": kind}]})


def status(vehicle: Vehicle, action_id: str = "a") -> str:
    states = {state["actionId"]: state for state in vehicle.state()["actionStates"]}
    return str(states[action_id]["actionStatus"])


def test_it_drives_to_the_end_of_its_base_and_no_further():
    vehicle = Vehicle()
    vehicle.order(order(released=3))
    drive(vehicle, 30)
    assert (vehicle.x_m, vehicle.last_node_id, vehicle.driving) == (4.0, "n2", False)
    assert vehicle.state()["newBaseRequest"]


def test_it_never_leaves_its_base_and_never_speeds_on_the_way():
    vehicle = Vehicle()
    vehicle.order(order(released=3))
    for _ in range(3000):
        vehicle.step(0.01)
        assert 0 <= vehicle.x_m <= 4.0
        assert vehicle.speed_m_s <= SPEED_M_S


def test_an_update_extends_the_base_from_the_stitching_node():
    vehicle = Vehicle()
    vehicle.order(order(released=2))
    drive(vehicle, 10)
    vehicle.order(order(released=5, update=1, first=1))
    drive(vehicle, 20)
    assert vehicle.last_node_id == "n4"
    assert vehicle.nodes_ahead == 0


def test_an_update_while_driving_does_not_stop_it():
    vehicle = Vehicle()
    vehicle.order(order(released=3))
    drive(vehicle, 3)
    vehicle.order(order(released=5, update=1, first=2))
    assert vehicle.driving
    drive(vehicle, 20)
    assert vehicle.last_node_id == "n4"


def test_a_repeated_update_changes_nothing():
    vehicle = Vehicle()
    vehicle.order(order(released=3))
    before = vehicle.state()
    vehicle.order(order(released=5))
    assert vehicle.state() == before


def test_start_pause_runs_until_it_stands_and_then_is_finished():
    vehicle = Vehicle()
    vehicle.order(order(released=5))
    drive(vehicle, 3)
    act(vehicle, "startPause")
    assert (status(vehicle), vehicle.paused, vehicle.driving) == ("RUNNING", False, True)
    drive(vehicle, SPEED_M_S / ACCELERATION_M_S2 + 0.1)
    assert (status(vehicle), vehicle.paused, vehicle.driving) == ("FINISHED", True, False)


def test_a_pause_brakes_within_its_stopping_distance():
    vehicle = Vehicle()
    vehicle.order(order(released=5))
    drive(vehicle, 3)
    start_m = vehicle.x_m
    act(vehicle, "startPause")
    drive(vehicle, 5)
    assert vehicle.x_m - start_m <= SPEED_M_S**2 / (2 * ACCELERATION_M_S2) + 0.02


def test_stop_pause_lets_it_go_on():
    vehicle = Vehicle()
    vehicle.order(order(released=5))
    act(vehicle, "startPause", "p")
    drive(vehicle, 1)
    act(vehicle, "stopPause", "g")
    drive(vehicle, 1)
    assert (status(vehicle, "p"), status(vehicle, "g")) == ("FINISHED", "FINISHED")
    assert vehicle.driving


def test_stop_pause_while_still_braking_fails_the_pause():
    vehicle = Vehicle()
    vehicle.order(order(released=5))
    drive(vehicle, 3)
    act(vehicle, "startPause", "p")
    act(vehicle, "stopPause", "g")
    assert (status(vehicle, "p"), status(vehicle, "g")) == ("FAILED", "FINISHED")
    drive(vehicle, 1)
    assert not vehicle.paused


def test_a_repeated_instant_action_is_done_once():
    vehicle = Vehicle()
    act(vehicle, "startPause")
    act(vehicle, "startPause")
    assert len(vehicle.state()["actionStates"]) == 1


def test_an_unknown_instant_action_fails_with_a_reason():
    vehicle = Vehicle()
    act(vehicle, "fly")
    state = vehicle.state()
    assert status(vehicle) == "FAILED"
    assert "fly" in state["actionStates"][0]["resultDescription"]
    assert state["errors"][0]["errorType"] == "instantActionError"


def test_cancel_order_makes_room_for_a_new_one():
    vehicle = Vehicle()
    vehicle.order(order(released=5))
    vehicle.order(order(released=5, order_id="p"))
    assert vehicle.order_id == "o"
    act(vehicle, "cancelOrder")
    vehicle.order(order(released=5, order_id="p"))
    assert vehicle.order_id == "p"


def test_a_refused_order_is_reported_with_what_it_was():
    vehicle = Vehicle()
    vehicle.order(order(released=0))
    (error,) = vehicle.state()["errors"]
    assert error["errorType"] == "orderError"
    assert {"referenceKey": "orderId", "referenceValue": "o"} in error["errorReferences"]
    assert vehicle.order_id == ""


BROKEN_ORDERS: dict[str, object] = {
    "a list": [],
    "no id": order(2) | {"orderId": ""},
    "a negative update": order(2) | {"orderUpdateId": -1},
    "no nodes": order(2) | {"nodes": []},
    "a node without position": order(2) | {"nodes": [{"sequenceId": 0, "released": True}]},
    "nodes backwards": order(5) | {"nodes": order(5)["nodes"][::-1]},
    "edges of text": order(2) | {"edges": ["e"]},
    "far away": order(2) | {"nodes": order(5)["nodes"][3:]},
    "an infinite place": order(2)
    | {"nodes": [order(1)["nodes"][0] | {"nodePosition": {"x": float("inf"), "y": 0}}]},
    "too many nodes": order(2) | {"nodes": order(2)["nodes"] * 2000},
    "a hole in the base": order(5)
    | {"nodes": [node | {"released": index != 1} for index, node in enumerate(order(5)["nodes"])]},
}


@pytest.mark.parametrize("name", BROKEN_ORDERS)
def test_a_broken_order_moves_nothing(name):
    vehicle = Vehicle()
    vehicle.order(BROKEN_ORDERS[name])
    drive(vehicle, 2)
    assert (vehicle.x_m, vehicle.y_m, vehicle.order_id) == (0.0, 0.0, "")
    assert vehicle.state()["errors"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(JSON, st.sampled_from(["orderId", "orderUpdateId", "nodes", "edges"]))
def test_no_message_breaks_the_vehicle(anything, key):
    vehicle = Vehicle()
    vehicle.order(anything)
    vehicle.order(order(3) | {key: anything})
    vehicle.instant_actions(anything)
    vehicle.instant_actions({"actions": anything})
    vehicle.instant_actions({"actions": [anything, {"actionId": "x", "actionType": anything}]})
    drive(vehicle, 0.1)
    assert set(vehicle.state()) == set(Vehicle().state())


def test_errors_and_action_states_are_bounded():
    vehicle = Vehicle()
    for index in range(500):
        vehicle.order(None)
        act(vehicle, "fly", f"a{index}")
    state = vehicle.state()
    assert len(state["errors"]) <= 5
    assert len(state["actionStates"]) <= 20


def test_driving_costs_battery_and_standing_without_an_order_charges_it():
    vehicle = Vehicle()
    full = vehicle.battery
    vehicle.order(order(released=5))
    drive(vehicle, 5)
    used = vehicle.battery
    assert used < full
    act(vehicle, "cancelOrder")
    drive(vehicle, 5)
    assert vehicle.battery > used
