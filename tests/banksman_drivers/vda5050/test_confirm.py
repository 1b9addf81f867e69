from __future__ import annotations

import json

import pytest

from banksman_drivers.vda5050_confirm import OrderSent, PauseSent, Refused
from banksman_drivers.vda5050_messages import read_state


@pytest.fixture
def told(make_state):
    return lambda **changes: read_state(json.dumps(make_state(1, **changes)).encode())


def action(status: str, action_id: str = "a") -> list[dict[str, str]]:
    return [{"actionId": action_id, "actionStatus": status}]


def error(text: str = "no", level: str = "WARNING", **about: str) -> dict[str, object]:
    references = [{"referenceKey": key, "referenceValue": value} for key, value in about.items()]
    return {
        "errorType": "orderError",
        "errorLevel": level,
        "errorDescription": text,
        "errorReferences": references,
    }


PAUSE = PauseSent(wanted=True, action_id="a", header_id=7)
ORDER = OrderSent(order_id="o", update_id=5, header_id=9, stood=())


@pytest.mark.parametrize("status", ["WAITING", "INITIALIZING", "RUNNING", "PAUSED"])
def test_a_listed_action_is_not_done_before_it_is_finished_even_if_paused_is_told(told, status):
    assert not PAUSE.done(told(actionStates=action(status), paused=True))


def test_a_finished_action_is_done_even_where_paused_is_never_told(told):
    assert PAUSE.done(told(actionStates=action("FINISHED"), paused=None))


def test_the_action_of_somebody_else_says_nothing(told):
    assert not PAUSE.done(told(actionStates=action("FINISHED", "b")))
    assert not PAUSE.done(told(actionStates=action("FAILED", "b")))


@pytest.mark.parametrize("about", [{"actionId": "a"}, {"topic": "instantActions", "headerId": "7"}])
def test_an_error_about_the_action_or_its_message_is_a_refusal(told, about):
    with pytest.raises(Refused, match="in manual mode"):
        PAUSE.done(told(errors=[error("in manual mode", **about)]))


def test_an_error_about_another_message_is_none(told):
    assert not PAUSE.done(told(errors=[error(topic="instantActions", headerId="6")]))
    assert not PAUSE.done(told(errors=[error(topic="order", headerId="7")]))


def test_an_error_that_stood_before_the_same_update_was_tried_again_is_no_refusal(told):
    old = error(orderId="o", orderUpdateId="5")
    stood = told(errors=[old]).errors
    again = OrderSent(order_id="o", update_id=5, header_id=10, stood=stood)
    assert again.done(told(errors=[old], orderId="o", orderUpdateId=5))
    with pytest.raises(Refused):
        ORDER.done(told(errors=[old], orderId="o", orderUpdateId=5))


def test_a_header_id_tells_the_tries_of_one_update_apart(told):
    def refusal(header_id: str) -> dict[str, object]:
        about = {"orderId": "o", "orderUpdateId": "5", "topic": "order", "headerId": header_id}
        return error(**about)

    assert not ORDER.done(told(errors=[refusal("8")]))
    with pytest.raises(Refused):
        ORDER.done(told(errors=[refusal("8"), refusal("9")]))


def test_a_later_update_of_the_same_order_confirms_and_another_order_does_not(told):
    assert ORDER.done(told(orderId="o", orderUpdateId=6))
    assert not ORDER.done(told(orderId="o", orderUpdateId=4))
    assert not ORDER.done(told(orderId="p", orderUpdateId=6))


def test_what_a_vehicle_says_is_cut_to_what_people_read(told):
    with pytest.raises(Refused) as refusal:
        PAUSE.done(told(errors=[error("x" * 5000, actionId="a")]))
    assert len(str(refusal.value)) == 200


def test_progress_says_how_far_the_vehicle_got(told):
    assert PAUSE.progress(told(actionStates=action("RUNNING"))) == "it is RUNNING"
    assert PAUSE.progress(None) == "it was never heard of"
    assert ORDER.progress(told(orderId="o", orderUpdateId=4)) == "it is at update 4"
    assert ORDER.progress(told(orderId="p")) == "it has not taken the order"
