from __future__ import annotations

import json
import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from banksman.control.snapshot import SensorView, Snapshot, TripView
from banksman.telemetry.state import DEAD_BAND, StateReport
from banksman.wire.messages import AlarmMessage, Priority


def names(report, snapshot, alarms=()):
    return [name for name, _ in report.changes(snapshot, alarms)]


def test_the_first_report_is_everything_and_the_second_nothing(make_snapshot, make_sensor):
    report = StateReport()
    snapshot = make_snapshot(make_sensor("plc.a", 1.0), make_sensor("plc.b", 2.0))
    assert names(report, snapshot) == ["plc.a", "plc.b", "mode", "estop", "alarms"]
    assert names(report, snapshot) == []
    report.forget()
    assert len(names(report, snapshot)) == 5


def test_a_flag_is_told_whenever_it_flips(make_snapshot, make_sensor):
    report = StateReport()
    told = [
        "plc.door" in names(report, make_snapshot(make_sensor("plc.door", value, unit="flag")))
        for value in (0.0, 0.0, 1.0, 1.0, 0.0)
    ]
    assert told == [True, False, True, False, True]


def test_quality_and_staleness_are_told_even_if_the_value_stands(make_snapshot, make_sensor):
    report = StateReport()
    names(report, make_snapshot(make_sensor("plc.a", 1.0)))
    assert names(report, make_snapshot(make_sensor("plc.a", 1.0, quality="uncertain"))) == ["plc.a"]
    stale = make_sensor("plc.a", 1.0, quality="uncertain", stale=True)
    assert names(report, make_snapshot(stale)) == ["plc.a"]


def test_words_are_told_when_they_change_however_little_the_value_does(make_snapshot, make_sensor):
    report = StateReport()
    names(report, make_snapshot(make_sensor("scanner.scanned", 100_000.0, text="A")))
    told = dict(
        report.changes(make_snapshot(make_sensor("scanner.scanned", 100_001.0, text="B")), ())
    )
    assert json.loads(told["scanner.scanned"])["text"] == "B"
    again = make_snapshot(make_sensor("scanner.scanned", 100_001.0, text="B"))
    assert names(report, again) == []


def test_what_was_not_sent_is_told_next_time(make_snapshot, make_sensor):
    report = StateReport()
    snapshot = make_snapshot(make_sensor("plc.a", 1.0))
    names(report, snapshot)
    report.untell("plc.a")
    report.untell("mode")
    assert names(report, snapshot) == ["plc.a", "mode"]


def test_a_latched_emergency_stop_is_told_with_its_cause(make_snapshot):
    trip = TripView("stop", "estop", "", True, "button 3", ("button 3",), "reset", ())
    report = StateReport()
    told = dict(report.changes(make_snapshot(trips=(trip,), mode="armed"), ()))
    assert json.loads(told["estop"])["value"] == "tripped"
    assert json.loads(told["estop"])["text"] == "button 3"
    assert json.loads(told["mode"])["value"] == "armed"
    cleared = make_snapshot(trips=(msgspec.structs.replace(trip, latched=False),), mode="armed")
    assert [name for name, _ in report.changes(cleared, ())] == ["estop"]


def test_the_time_is_that_of_the_reading(make_snapshot, make_sensor):
    snapshot = make_snapshot(make_sensor("plc.a", 1.0, age_ms=250.0))
    told = dict(StateReport().changes(snapshot, ()))
    assert json.loads(told["plc.a"])["wall_ns"] == snapshot.wall_ns - 250_000_000


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=50))
def test_what_was_told_last_is_never_further_than_the_dead_band_from_the_truth(values):
    report, told = StateReport(), None
    for value in values:
        view = SensorView("a", "", "", value, "good", 0.0, False, 0.0, 0.0, 0.0, 1)
        snapshot = Snapshot(1, 1, "observe", "n", "r", sensors=(view,))
        for name, payload in report.changes(snapshot, ()):
            if name == "a":
                told = json.loads(payload)["value"]
        if math.isfinite(value):
            assert told is not None
            assert abs(told - value) <= abs(told) * DEAD_BAND
        else:
            assert told is None


def test_the_nodes_alarms_are_those_that_stand_for_themselves(make_snapshot):
    cause = AlarmMessage("1", "n", "device.plc", "lost", Priority.CRITICAL, True, False, 1, 1, "b")
    follows = msgspec.structs.replace(cause, key="hopper", text="unknown", under="device.plc")
    told = dict(StateReport().changes(make_snapshot(), [cause, follows]))
    assert msgspec.json.decode(told["alarms"])["value"] == 1
