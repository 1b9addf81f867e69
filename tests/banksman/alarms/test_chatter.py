"""What comes and goes all the time is one alarm that holds (ISA-18.2)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.alarm_book import AlarmBook, Moment
from banksman.chatter import KEYS_MAX, QUIET_NS, RAISINGS, WITHIN_NS, Chatter
from banksman.wire.messages import Priority

S = 1_000_000_000


class Bench:
    """A book and a clock; tells of each change of one alarm."""

    def __init__(self):
        self.book, self.now_ns, self.told = AlarmBook("n", "boot"), 0, []
        self._numbers = itertools.count(1)

    def moment(self):
        return Moment(f"n-1-{next(self._numbers)}", self.now_ns, self.now_ns)

    def edge(self, holds, after_s=1, key="door"):
        self.now_ns += after_s * S
        if holds:
            change = self.book.raise_alarm(key, "open", Priority.NORMAL, "", self.moment())
        else:
            change = self.book.clear_alarm(key, self.moment())
        self.told += [] if change is None else [change]

    def calm(self, after_s=0):
        self.now_ns += after_s * S
        self.told += self.book.calm(self.moment)


@pytest.fixture
def bench():
    return Bench()


def flap(bench, times, key="door"):
    for _ in range(times):
        bench.edge(True, key=key)
        bench.edge(False, key=key)


def test_a_hundred_edges_are_one_alarm_that_holds(bench):
    flap(bench, 100)
    (alarm,) = bench.book.active()
    assert alarm.active
    assert len(bench.told) == 2 * RAISINGS - 1


def test_after_five_quiet_minutes_it_clears(bench):
    flap(bench, 10)
    bench.calm(after_s=QUIET_NS // S - 1)
    assert bench.told[-1].active
    bench.calm(after_s=1)
    assert not bench.told[-1].active


def test_a_further_edge_begins_the_quiet_anew(bench):
    flap(bench, 10)
    bench.calm(after_s=200)
    flap(bench, 1)
    bench.calm(after_s=200)
    assert bench.told[-1].active


def test_what_holds_is_not_quiet(bench):
    flap(bench, 10)
    bench.edge(True)
    bench.calm(after_s=10 * QUIET_NS // S)
    assert bench.told[-1].active


def test_what_comes_and_goes_slowly_is_told_each_time(bench):
    for _ in range(10):
        bench.edge(True, after_s=WITHIN_NS // S)
        bench.edge(False, after_s=1)
    assert len(bench.told) == 20


def test_a_trip_is_told_each_time(bench):
    flap(bench, 10, key="trip.line")
    assert len(bench.told) == 20


def test_acknowledging_a_held_alarm_lets_it_leave_when_it_is_quiet(bench):
    flap(bench, 10)
    bench.book.acknowledge("door", "ann", bench.moment())
    bench.calm(after_s=QUIET_NS // S)
    assert bench.book.active() == ()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=60))
def test_once_all_is_quiet_nothing_stays_active(edges):
    bench = Bench()
    for holds, after_s in edges:
        bench.edge(holds, after_s)
        bench.calm()
    bench.edge(False)
    bench.calm(after_s=QUIET_NS // S)
    assert [alarm for alarm in bench.book.active() if alarm.active] == []


def test_the_oldest_keys_are_forgotten_first():
    chatter = Chatter()
    for number in range(KEYS_MAX + 10):
        for _ in range(RAISINGS):
            chatter.raised(f"alarm {number}", 1)
    assert not chatter.holds("alarm 0", 1)
    assert chatter.holds(f"alarm {KEYS_MAX}", 1)


def test_what_is_looked_at_seldom_chatters_at_its_own_pace(bench):
    bench.book.pace("machine.pump", 1800.0)
    for _ in range(10):
        bench.edge(True, after_s=300, key="machine.pump")
        bench.edge(False, after_s=540, key="machine.pump")
    assert len(bench.told) == 2 * RAISINGS - 1
    bench.calm(after_s=1800 - 1)
    assert bench.told[-1].active
    bench.calm(after_s=1)
    assert not bench.told[-1].active


def test_no_pace_is_shorter_than_a_minute(bench):
    bench.book.pace("door", 1.0)
    flap(bench, 10)
    assert len(bench.told) == 2 * RAISINGS - 1
