"""Who wakes the store thread: the control loop's thread only where it must."""

import pytest

from banksman.clock import ManualClock
from banksman.records import IdSource
from banksman.store.intake import Drops, Intake
from banksman.wire.messages import Priority


@pytest.fixture
def intake():
    return Intake("press", IdSource("press", 1), ManualClock(), 100, Drops())


@pytest.fixture
def put(intake, open_store, make_decision):
    store = open_store(start=False)

    def put(priority: Priority) -> None:
        intake.put_decision(make_decision(store), priority)

    return put


def calls(intake) -> int:
    return intake._entry_calls.qsize()


def test_while_readings_flow_a_normal_decision_wakes_nobody(intake, put):
    put(Priority.NORMAL)
    assert calls(intake) == 0
    intake.came_round()
    assert calls(intake) == 1
    assert len(intake.take_entries(10, 1.0)) == 1


def test_a_critical_decision_wakes_the_store_thread_at_once(intake, put):
    put(Priority.CRITICAL)
    assert calls(intake) == 1


def test_an_audit_entry_wakes_the_store_thread_at_once(intake):
    intake.put_audit("reset", "anna", {})
    assert calls(intake) == 1


def test_without_readings_a_normal_decision_wakes_the_store_thread_at_once(intake, put):
    assert intake.sleep()
    put(Priority.NORMAL)
    assert calls(intake) == 1


def test_what_came_just_before_the_spool_thread_sleeps_is_called_for(intake, put):
    put(Priority.NORMAL)
    assert intake.sleep()
    assert calls(intake) == 1


def test_a_call_that_was_not_heard_yet_is_not_made_twice(intake, put):
    for _ in range(5):
        put(Priority.CRITICAL)
    assert calls(intake) == 1
    assert len(intake.take_entries(3, 1.0)) == 3
    put(Priority.CRITICAL)
    assert calls(intake) == 2
    assert len(intake.take_entries(10)) == 3
