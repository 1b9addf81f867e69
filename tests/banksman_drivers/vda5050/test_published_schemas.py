"""Every message that we and the shipped forklift send, against the standard's own JSON schemas.

The schemas are those of github.com/VDA5050/VDA5050 as the package vda5050-sdk (MIT) carries them;
only its data files are read. One omission of theirs is known: PAUSED, which the text of the
standard has among the action states (chapter 6.11), is missing in the schema.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from banksman_drivers.fake.plant.forklift import Forklift
from banksman_drivers.fake.plant.vehicle import Vehicle
from banksman_drivers.vda5050_messages import Sender
from banksman_drivers.vda5050_order import read_plan

WALL_NS = 1_738_330_620_123_000_000
Check = Callable[[str, object], None]


@pytest.fixture(scope="module")
def check() -> Check:
    """``check("state", message)`` fails with the schema's own words."""
    try:
        files = importlib.metadata.files("vda5050-sdk") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("vda5050-sdk is not installed (pip install -e '.[dev]')")
    schemas = {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for file in files
        if file.parent.name == "schemas" and file.suffix == ".json"
    }
    validators = {
        name: jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        for name, schema in schemas.items()
    }

    def check(topic: str, message: object) -> None:
        validators[topic].validate(json.loads(message) if isinstance(message, bytes) else message)

    return check


@pytest.fixture
def sender() -> Sender:
    return Sender("acme", "7")


def test_the_schemas_refuse_what_they_should(check, make_state):
    check("state", make_state(1))
    for wrong in (
        {"safetyState": {"eStop": "PRESSED", "fieldViolation": False}},
        {"batteryState": {"batteryCharge": 1.0}},
        {"timestamp": "yesterday"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check("state", make_state(1, **wrong))


@pytest.mark.parametrize("action_type", ["startPause", "stopPause"])
def test_our_instant_actions_are_as_published(check, sender, action_type):
    check("instantActions", sender.instant_action(action_type, "a-1", WALL_NS))


@pytest.mark.parametrize(("first", "released"), [(0, 1), (0, 4), (1, 3), (3, 4)])
def test_our_orders_and_updates_are_as_published(check, sender, order_file, first, released):
    check("order", sender.order(read_plan(order_file), 0, first, released, WALL_NS))


def test_an_order_file_with_the_least_in_it_is_completed_to_what_the_schema_requires(
    check, sender, tmp_path
):
    file = tmp_path / "order.json"
    nodes = [{"nodeId": "a", "sequenceId": 0}, {"nodeId": "b", "sequenceId": 2}]
    file.write_text(
        json.dumps({"orderId": "o", "nodes": nodes, "edges": [{"edgeId": "e", "sequenceId": 1}]})
    )
    order = sender.order(read_plan(file), 0, 0, 1, WALL_NS)
    check("order", order)
    (edge,) = json.loads(order)["edges"]
    assert (edge["startNodeId"], edge["endNodeId"]) == ("a", "b")


def test_header_ids_count_for_each_topic_by_itself(sender, order_file):
    plan = read_plan(order_file)
    actions = [json.loads(sender.instant_action("startPause", "a", WALL_NS)) for _ in range(2)]
    order = json.loads(sender.order(plan, 0, 0, 1, WALL_NS))
    assert [one["headerId"] for one in (*actions, order)] == [0, 1, 0]
    assert order["timestamp"] == "2025-01-31T13:37:00.123Z"


def _route(update_id: int, first: int, released: int) -> dict[str, Any]:
    return {
        "headerId": update_id,
        "orderId": "o",
        "orderUpdateId": update_id,
        "nodes": [
            {
                "nodeId": f"n{index}",
                "sequenceId": 2 * index,
                "released": index < released,
                "nodePosition": {"x": 0.5 * index, "y": 0.0, "mapId": "hall"},
            }
            for index in range(first, 4)
        ],
        "edges": [
            {"edgeId": f"e{index}", "sequenceId": 2 * index + 1, "released": index + 1 < released}
            for index in range(first, 3)
        ],
    }


async def test_whatever_the_shipped_forklift_goes_through_its_messages_are_as_published(
    check, free_port
):
    vehicle = Vehicle()
    forklift = Forklift(vehicle, "127.0.0.1", free_port, "acme", "7")

    def tell() -> None:
        check("state", json.loads(forklift._message("state", vehicle.state())))

    tell()
    vehicle.order(_route(0, 0, 2))
    for _ in range(20):
        vehicle.step(0.05)
        tell()
    vehicle.instant_actions({"actions": [{"actionId": "p", "actionType": "startPause"}]})
    tell()
    vehicle.instant_actions({"actions": [{"actionId": "x", "actionType": "dance"}]})
    vehicle.instant_actions({"headerId": 3})
    vehicle.order(_route(1, 0, 3))  # refused: it does not begin at the end of the base
    vehicle.order("garbage")
    vehicle.e_stop = "MANUAL"
    vehicle.battery = 3.0
    vehicle.step(0.05)
    tell()
    assert {one["errorType"] for one in vehicle.state()["errors"]} >= {"orderError", "batteryLow"}
    for word in ("ONLINE", "OFFLINE", "CONNECTIONBROKEN"):
        check("connection", json.loads(forklift._connection(word)))


@pytest.mark.broker
async def test_what_goes_over_the_broker_in_a_whole_order_is_as_published(
    check, broker, listen, make_driver, order_file, until
):
    heard = listen(broker, "uagv/v2/acme/7/#")
    order = json.loads(order_file.read_text())
    for index, node in enumerate(order["nodes"]):
        node["nodePosition"] = {"x": 0.2 * index, "y": 0.0, "mapId": "hall"}
    order_file.write_text(json.dumps(order))
    forklift = Forklift(Vehicle(), broker.host, broker.port, "acme", "7")
    forklift.start()

    async def drive() -> None:
        while True:
            forklift.step(0.02)
            await asyncio.sleep(0.02)

    driving = asyncio.create_task(drive())
    try:
        one = make_driver(broker.port, order_file=str(order_file))
        await until(lambda: one.sink.value("connected") == 1.0, "the vehicle is heard")
        await one.driver.apply(one.command("released_nodes", 2))
        await one.driver.apply(one.command("pause", True))
        await one.driver.apply(one.command("pause", False))
        await one.driver.apply(one.command("released_nodes", 4))
        await until(lambda: one.sink.value("node") == 3.0, "the end of the order")
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        await asyncio.to_thread(forklift.stop)
    await until(lambda: any(b"OFFLINE" in payload for _, payload, _ in heard.heard), "goodbye")
    topics = set()
    for topic, payload, _ in heard.heard:
        name = topic.rpartition("/")[2]
        topics.add(name)
        check(name, payload)
    assert topics == {"order", "instantActions", "state", "connection"}
