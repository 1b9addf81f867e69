"""The words of an alarm follow what is measured; that rings nobody."""

import itertools

import pytest

from banksman.alarm_book import AlarmBook, Moment
from banksman.wire.messages import Priority

KEY = "machine.pump"


@pytest.fixture
def now():
    numbers = itertools.count(1)
    return lambda: Moment(f"n-1-{next(numbers)}", 1000, 1)


def raised(now):
    book = AlarmBook("n", "boot")
    book.raise_alarm(KEY, "3.1 sigma", Priority.CRITICAL, "pump", now())
    return book


def test_what_is_shown_changes_and_nothing_else(now):
    book = raised(now)
    (before,) = book.active()
    book.reword(KEY, "4.7 sigma")
    (after,) = book.active()
    assert after.text == "4.7 sigma"
    assert (after.id, after.count, after.acknowledged) == (before.id, 1, False)


def test_what_someone_has_seen_stays_seen(now):
    book = raised(now)
    book.acknowledge(KEY, "ann", now())
    book.reword(KEY, "4.7 sigma")
    assert [alarm.acknowledged for alarm in book.active()] == [True]


def test_what_is_over_keeps_its_last_words(now):
    book = raised(now)
    book.clear_alarm(KEY, now())
    book.reword(KEY, "4.7 sigma")
    assert [alarm.text for alarm in book.active()] == ["3.1 sigma"]


def test_an_alarm_that_is_none_is_not_made(now):
    book = AlarmBook("n", "boot")
    book.reword(KEY, "4.7 sigma")
    assert book.active() == ()


def test_its_words_are_printable_and_short(now):
    book = raised(now)
    book.reword(KEY, "a\x1b[31m\n" + "x" * 1000)
    (alarm,) = book.active()
    assert alarm.text.isprintable()
    assert len(alarm.text) <= 500
