"""Bytes are those of real packets; what has not moved costs nothing."""

import pytest

from banksman.clock import ManualClock
from banksman.control.snapshot import SensorView, Snapshot
from banksman.records import IdSource
from banksman_drivers.ports import Quality, Reading
from benchmarks.headline.traffic import Traffic, publish_bytes


@pytest.mark.parametrize(
    ("remaining", "length_bytes"),
    [(3, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (2_097_151, 3), (2_097_152, 4)],
)
def test_a_packet_has_the_length_field_that_the_standard_says(remaining, length_bytes):
    """MQTT 3.1.1, table 2.4."""
    payload = b"x" * (remaining - 3)  # beside the topic's length and its one letter
    assert publish_bytes("t", payload, qos=0) == 1 + length_bytes + remaining


def test_an_acknowledged_packet_carries_an_id():
    assert publish_bytes("t", b"x", qos=1) - publish_bytes("t", b"x", qos=0) == 2


@pytest.fixture
def traffic():
    return Traffic("demo", ManualClock(), IdSource("demo", 1).next)


def snapshot(value):
    sensor = SensorView(
        id="plc.oven", label="", unit="degC", value=value, quality="good", age_ms=1.0, stale=False,
        mean=value, rate=0.0, score=0.0, count=1,
    )  # fmt: skip
    return Snapshot(
        mono_ns=0, wall_ns=0, mode="armed", node="demo", rules_version="", sensors=(sensor,)
    )


def test_a_value_that_rests_is_sent_once(traffic):
    traffic.states(snapshot(180.0), ())
    first = traffic.by_exception
    traffic.states(snapshot(180.01), ())
    assert traffic.by_exception == first > 0


def test_a_value_that_moves_is_sent_again(traffic):
    traffic.states(snapshot(180.0), ())
    first = traffic.by_exception
    traffic.states(snapshot(190.0), ())
    assert 50 < traffic.by_exception - first < 200


def test_every_poll_counts_on_the_other_side(traffic):
    batch = [Reading("plc.oven", 180.0, "degC", Quality.GOOD, 1)]
    traffic.readings("plc", batch)
    once = traffic.every_reading
    traffic.readings("plc", batch)
    assert traffic.every_reading == pytest.approx(2 * once, abs=1)
    assert traffic.by_exception == 0


def test_an_audit_entry_counts(traffic):
    traffic.audit("interlock tripped", "interlock", {"trip": "line"})
    assert traffic.by_exception > 100
