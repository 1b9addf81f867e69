"""A shelved alarm rings nobody until its time is over (ISA-18.2, IEC 62682)."""

import itertools

import pytest

from banksman.alarm_book import SHELF_MAX_S, AlarmBook, Moment
from banksman.alarms import AlarmDesk
from banksman.clock import ManualClock
from banksman.errors import ShelfRefused
from banksman.records import IdSource
from banksman.wire.messages import Priority

CRITICAL, IMPORTANT, NORMAL, _ = Priority
HOUR_S = 3600.0


class Times:
    """Moments of a wall clock that a test sets."""

    def __init__(self):
        self.wall_s = 1_000_000.0
        self._numbers = itertools.count(1)

    def __call__(self):
        number = next(self._numbers)
        return Moment(f"n-1-{number}", int(self.wall_s * 1e9), number)


@pytest.fixture
def now():
    return Times()


@pytest.fixture
def book(now):
    book = AlarmBook("n", "boot")
    book.raise_alarm("machine.pump", "it hums", NORMAL, "", now())
    return book


def only(book):
    (alarm,) = book.active()
    return alarm


def test_who_shelves_an_alarm_has_seen_it(book, now):
    told = book.shelve("machine.pump", "ann", HOUR_S, now())
    assert (told.acknowledged, told.by, told.active) == (True, "ann", True)
    assert told.shelved_until_wall_ns == int((now.wall_s + HOUR_S) * 1e9)


def test_on_the_shelf_it_comes_and_goes_and_rings_nobody(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    book.clear_alarm("machine.pump", now())
    assert book.raise_alarm("machine.pump", "again", NORMAL, "", now()) is None
    assert (only(book).active, only(book).acknowledged, only(book).count) == (True, True, 2)


def test_when_its_time_is_over_what_holds_rings_like_new(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    now.wall_s += HOUR_S
    (told,) = book.end_shelves(now)
    assert (told.active, told.acknowledged, told.shelved_until_wall_ns) == (True, False, 0)


def test_when_its_time_is_over_what_is_gone_leaves(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    book.clear_alarm("machine.pump", now())
    now.wall_s += HOUR_S
    (told,) = book.end_shelves(now)
    assert (told.active, told.acknowledged) == (False, True)
    assert book.active() == ()


def test_before_its_time_nothing_changes(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    now.wall_s += HOUR_S - 1
    assert book.end_shelves(now) == []


def test_a_person_may_take_it_from_the_shelf(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    (told,) = book.end_shelves(now, key="machine.pump")
    assert (told.active, told.acknowledged) == (True, False)


def test_what_became_more_urgent_rings_at_once(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    told = book.raise_alarm("machine.pump", "it screams", CRITICAL, "", now())
    assert (told.acknowledged, told.shelved_until_wall_ns) == (False, 0)


def test_a_clock_that_was_set_back_keeps_no_alarm_silent(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    now.wall_s -= 100 * 24 * HOUR_S
    assert [told.acknowledged for told in book.end_shelves(now)] == [False]


def test_the_shelf_outlives_a_restart(book, now):
    told = book.shelve("machine.pump", "ann", HOUR_S, now())
    after = AlarmBook("n", "next boot", [told])
    assert after.raise_alarm("machine.pump", "it hums", NORMAL, "", now()) is None
    assert only(after).shelved_until_wall_ns == told.shelved_until_wall_ns


def test_what_is_shelved_stands_last(book, now):
    book.shelve("machine.pump", "ann", HOUR_S, now())
    book.raise_alarm("door", "open", NORMAL, "", now())
    book.clear_alarm("door", now())
    assert [alarm.key for alarm in book.active()] == ["door", "machine.pump"]


@pytest.mark.parametrize("seconds", [0.0, -1.0, SHELF_MAX_S + 1, float("nan"), float("inf")])
def test_a_shelf_has_a_longest_time(book, now, seconds):
    with pytest.raises(ShelfRefused, match="up to 12 h"):
        book.shelve("machine.pump", "ann", seconds, now())


def test_a_trip_cannot_be_shelved(book, now):
    book.raise_alarm("trip.line", "jam", CRITICAL, "", now())
    with pytest.raises(ShelfRefused, match=r"trip\.line is a trip"):
        book.shelve("trip.line", "ann", HOUR_S, now())


def test_the_desk_tells_its_listeners_of_the_shelf_and_of_its_end():
    clock, told = ManualClock(), []
    desk = AlarmDesk("n", clock, IdSource("n", 1), told.append)
    desk.raise_alarm("door", "open", IMPORTANT, "")
    desk.shelve("door", "ann", 60.0)
    desk.raise_alarm("door", "open", IMPORTANT, "")
    desk.elapse()
    clock.advance(60.0)
    desk.elapse()
    assert [bool(change.shelved_until_wall_ns) for change in told] == [False, True, False]
    with pytest.raises(KeyError):
        desk.unshelve("door")
