"""What the journal tells."""

import logging

import pytest

from banksman.alarms import AlarmDesk
from banksman.clock import ManualClock
from banksman.control.ports import Follows
from banksman.logs import log_alarm
from banksman.records import IdSource
from banksman.wire.messages import Priority


@pytest.fixture
def desk():
    made = AlarmDesk("n1", ManualClock(), IdSource("n1", 1), lambda change: None)
    made.listen(log_alarm)
    return made


def test_a_trip_stands_in_the_log_when_it_comes_is_seen_and_goes(desk, caplog):
    caplog.set_level(logging.INFO)
    desk.raise_alarm("trip.line", "a part is jammed", Priority.CRITICAL, "line")
    desk.raise_alarm("trip.line", "a part is jammed", Priority.CRITICAL, "line")
    desk.acknowledge("trip.line", "ann")
    desk.clear_alarm("trip.line")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "alarm trip.line (critical) active: a part is jammed"),
        ("INFO", "alarm trip.line (critical) active, acknowledged by ann: a part is jammed"),
        ("INFO", "alarm trip.line (critical) over, acknowledged by ann: a part is jammed"),
    ]


def test_what_follows_from_another_alarm_is_logged_with_its_cause_and_no_warning(desk, caplog):
    caplog.set_level(logging.INFO)
    desk.raise_alarm("device.plc", "lost", Priority.CRITICAL, "plc")
    desk.raise_alarm("hopper", "unknown", Priority.NORMAL, "", Follows(("device.plc",)))
    assert [(record.levelname, record.getMessage()) for record in caplog.records][1:] == [
        ("INFO", "alarm hopper (normal) active, follows from device.plc: unknown"),
    ]
