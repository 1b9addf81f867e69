"""A work order holds until a person says done."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.alarm_book import AlarmBook, Moment
from banksman.telemetry.topics import kind_of
from banksman.wire.messages import AlarmMessage, Priority

KEY = "work_order.spindle.plan_bearing"


@pytest.fixture
def now():
    numbers = itertools.count(1)
    return lambda: Moment(f"n-1-{next(numbers)}", 1000, 1)


def opened(now):
    book = AlarmBook("n", "boot")
    told = book.raise_alarm(KEY, "Change the bearing: worn", Priority.NORMAL, "d-1", now())
    return book, told


def test_saying_done_closes_it(now):
    book, _ = opened(now)
    told = book.acknowledge(KEY, "ann", now())
    assert (told.active, told.acknowledged, told.by) == (False, True, "ann")
    assert book.active() == ()


def test_a_restart_does_not_close_it(now):
    _, told = opened(now)
    after = AlarmBook("n", "next boot", [told])
    assert after.settle(now) == []
    assert [alarm.key for alarm in after.active()] == [KEY]


def test_what_is_advised_again_stays_one_order(now):
    book, _ = opened(now)
    assert book.raise_alarm(KEY, "still worn", Priority.NORMAL, "d-2", now()) is None
    assert [alarm.count for alarm in book.active()] == [2]


def test_it_has_a_topic_of_its_own(now):
    _, told = opened(now)
    assert kind_of("alarm", msgspec.json.encode(told)) == "work_order"


@given(st.text(), st.text().filter(lambda key: not key.startswith("work_order.")))
def test_no_text_or_key_of_another_alarm_takes_that_topic(text, key):
    alarm = AlarmMessage("i", "n", key, text, Priority.NORMAL, True, False, 1, 1, "b", text)
    assert kind_of("alarm", msgspec.json.encode(alarm)) == "alarm"


def test_a_decision_that_speaks_of_one_is_none():
    assert kind_of("decision", b'{"key":"work_order.x"}') == "decision"
