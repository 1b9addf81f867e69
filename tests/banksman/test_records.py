"""Our values as wire messages: the ids, the nulls and the bytes."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.deciding.decision import Decision
from banksman.records import IdSource, Stamp, decision_message, readings_messages, to_json
from banksman.wire.messages import DecisionMessage, ReadingsMessage
from banksman_drivers.ports import Quality, Reading


def stamp(ids: IdSource, wall_offset_ns: int = 0) -> Stamp:
    return Stamp(ids.next(), "press", "plc", "boot", wall_offset_ns, ids.next)


def test_ids_are_given_once_whichever_thread_asks():
    ids = IdSource("press", 3)
    with ThreadPoolExecutor(4) as threads:
        given_out = list(threads.map(lambda _: [ids.next() for _ in range(500)], range(8)))
    flat = [one for part in given_out for one in part]
    assert set(flat) == {f"press-3-{n}" for n in range(1, 4001)}
    assert len(flat) == 4000


@given(
    st.lists(
        st.builds(
            Reading,
            sensor=st.sampled_from(["plc.a", "plc.b", "plc.c.d", "other.a"]),
            value=st.floats(),
            unit=st.just(""),
            quality=st.sampled_from(Quality),
            mono_ns=st.integers(0, 10**15),
        )
    )
)
def test_no_value_of_a_batch_is_lost_and_every_message_survives_its_bytes(batch):
    ids = IdSource("press", 1)
    messages = readings_messages(batch, stamp(ids))
    assert sum(len(message.values) for message in messages) == len(batch)
    assert len({message.id for message in messages}) == len(messages)
    values = [value for message in messages for value in message.values.values()]
    for reading, value in zip(batch, values, strict=True):
        usable = reading.quality is not Quality.BAD and math.isfinite(reading.value)
        assert value == (reading.value if usable else None)
    for message in messages:
        payload = to_json(message)
        assert b"\n" not in payload
        assert msgspec.json.decode(payload, type=ReadingsMessage) == message


def test_points_are_named_without_their_device_and_good_ones_carry_no_quality():
    batch = (Reading("plc.oven.top", 1.0, "degC", Quality.GOOD, 5),)
    (message,) = readings_messages(batch, stamp(IdSource("press", 1), wall_offset_ns=100))
    assert message.values == {"oven.top": 1.0}
    assert (message.mono_ns, message.wall_ns) == (5, 105)
    assert b"quality" not in to_json(message)


def test_words_go_beside_the_values_that_have_them_and_into_no_other_message():
    words = {1: "A", 2: ""}
    scans = [Reading("plc.scanned", n, "", Quality.GOOD, n, text) for n, text in words.items()]
    first, second = readings_messages(scans, stamp(IdSource("press", 1)))
    assert (first.values, first.texts) == ({"scanned": 1.0}, {"scanned": "A"})
    assert (second.values, second.texts) == ({"scanned": 2.0}, {})
    assert b"texts" not in to_json(second)


@pytest.mark.parametrize("confidence", [math.nan, math.inf, 0.7])
def test_a_decision_survives_its_bytes_whatever_its_numbers(confidence):
    decision = Decision(
        id="press-1-1", node="press", type="quality_control", point="oven", wall_ns=1, mono_ns=2,
        boot_id="boot", clock_quality="unknown", latency_us=3.0, action="reject",
        confidence=confidence, source="model", reason="zu heiß\n", inputs={"plc.oven": math.nan},
        rules_version="v1", rule=None, model_version="m1", sync=True, review=True, mode="armed",
    )  # fmt: skip
    payload = to_json(decision_message(decision))
    assert b"\n" not in payload
    message = msgspec.json.decode(payload, type=DecisionMessage)
    assert message.inputs == {"plc.oven": None}
    assert message.confidence == (confidence if math.isfinite(confidence) else 0.0)
    assert (message.reason, message.model_version, message.mode) == ("zu heiß\n", "m1", "armed")
