"""One loss rings once: what follows from it is told under it (ISA-18.2, suppression by design)."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.alarm_book import AlarmBook, Moment
from banksman.alarms import AlarmDesk
from banksman.clock import ManualClock
from banksman.control.ports import NOTHING, Follows
from banksman.records import IdSource
from banksman.wire.messages import Priority

CRITICAL, IMPORTANT, NORMAL, BACKGROUND = Priority
PLC = Follows(("device.plc",))


class Bench:
    """A desk with its clock; ``told`` has every change."""

    def __init__(self):
        self.clock, self.told = ManualClock(), []
        self.desk = AlarmDesk("n", self.clock, IdSource("n", 1), self.told.append)

    def rings(self, key, priority=NORMAL, follows=NOTHING):
        self.desk.raise_alarm(key, f"{key} holds", priority, "", follows)

    def after(self, seconds):
        self.clock.advance(seconds)
        self.desk.elapse()

    def now(self):
        """Key -> what it is under."""
        return {alarm.key: alarm.under for alarm in self.desk.active()}

    def unseen(self):
        return {alarm.key for alarm in self.desk.active() if not alarm.acknowledged}


@pytest.fixture
def bench():
    return Bench()


def test_what_follows_from_an_alarm_is_recorded_under_it_and_rings_nobody(bench):
    bench.rings("device.plc", CRITICAL)
    bench.rings("hopper", follows=PLC)
    assert bench.now() == {"device.plc": "", "hopper": "device.plc"}
    assert bench.unseen() == {"device.plc"}
    assert [change.key for change in bench.told] == ["device.plc", "hopper"]


def test_a_consequence_that_came_a_moment_before_its_cause_goes_under_it(bench):
    bench.rings("hopper", follows=PLC)
    bench.clock.advance(0.05)
    bench.rings("device.plc", CRITICAL)
    assert bench.unseen() == {"device.plc"}
    assert (bench.told[-1].key, bench.told[-1].under) == ("hopper", "device.plc")


def test_what_rang_long_before_had_a_cause_of_its_own_and_rings_on(bench):
    bench.rings("hopper", follows=PLC)
    bench.after(60)
    bench.rings("device.plc", CRITICAL)
    assert bench.unseen() == {"device.plc", "hopper"}


def test_nothing_more_urgent_is_folded_under_what_is_less_urgent(bench):
    bench.rings("device.plc", IMPORTANT)
    bench.rings("siren", CRITICAL, PLC)
    assert bench.unseen() == {"device.plc", "siren"}


def test_a_consequence_that_becomes_more_urgent_than_its_cause_rings(bench):
    bench.rings("device.plc", IMPORTANT)
    bench.rings("hopper", NORMAL, PLC)
    bench.rings("hopper", CRITICAL, PLC)
    assert bench.unseen() == {"device.plc", "hopper"}


def test_a_consequence_of_a_consequence_stands_under_the_first_cause(bench):
    bench.rings("device.plc", CRITICAL)
    bench.rings("device.press", IMPORTANT, PLC)
    bench.rings("look_at_press", NORMAL, Follows(("device.press",)))
    assert bench.now()["look_at_press"] == "device.plc"


def test_a_cause_that_turns_up_late_takes_what_stands_under_its_consequences_too(bench):
    bench.rings("device.press", IMPORTANT, PLC)
    bench.rings("look_at_press", NORMAL, Follows(("device.press",)))
    bench.rings("device.plc", CRITICAL)
    assert bench.now() == {
        "device.plc": "",
        "device.press": "device.plc",
        "look_at_press": "device.plc",
    }


def test_devices_of_one_link_that_are_lost_together_ring_once(bench):
    bench.rings("device.a", IMPORTANT, Follows(beside=("device.b",)))
    bench.clock.advance(1)
    bench.rings("device.b", IMPORTANT, Follows(beside=("device.a",)))
    assert bench.unseen() == {"device.a"}


def test_the_more_urgent_of_two_on_one_link_is_the_cause_whichever_is_lost_first(bench):
    bench.rings("device.a", IMPORTANT, Follows(beside=("device.b",)))
    bench.rings("device.b", CRITICAL, Follows(beside=("device.a",)))
    assert bench.now() == {"device.b": "", "device.a": "device.b"}


def test_devices_of_one_link_that_are_lost_an_hour_apart_are_two_losses(bench):
    bench.rings("device.a", IMPORTANT, Follows(beside=("device.b",)))
    bench.after(3600)
    bench.rings("device.b", IMPORTANT, Follows(beside=("device.a",)))
    assert bench.unseen() == {"device.a", "device.b"}


def test_a_consequence_that_ends_leaves_without_a_person(bench):
    bench.rings("device.plc", CRITICAL)
    bench.rings("hopper", follows=PLC)
    bench.desk.clear_alarm("hopper")
    assert bench.now() == {"device.plc": ""}
    assert (bench.told[-1].key, bench.told[-1].active, bench.told[-1].under) == (
        "hopper",
        False,
        "device.plc",
    )


def test_a_consequence_that_ends_with_its_cause_never_rings(bench):
    bench.rings("device.plc", CRITICAL)
    bench.rings("hopper", follows=PLC)
    bench.desk.clear_alarm("device.plc")
    bench.after(2)
    bench.desk.clear_alarm("hopper")
    bench.after(60)
    assert bench.now() == {"device.plc": ""}


def test_a_consequence_that_outlasts_its_cause_rings_like_new(bench):
    bench.rings("device.plc", CRITICAL)
    bench.rings("hopper", follows=PLC)
    bench.desk.clear_alarm("device.plc")
    bench.after(PLC.within_s - 1)
    assert "hopper" not in bench.unseen()
    bench.after(PLC.within_s)
    assert bench.now()["hopper"] == ""
    assert "hopper" in bench.unseen()


def test_a_cause_that_comes_back_in_time_keeps_its_consequences_quiet(bench):
    bench.rings("device.plc", CRITICAL)
    bench.rings("hopper", follows=PLC)
    for _ in range(5):
        bench.desk.clear_alarm("device.plc")
        bench.after(PLC.within_s - 1)
        bench.rings("device.plc", CRITICAL)
        bench.after(PLC.within_s - 1)
    assert "hopper" not in bench.unseen()


def test_an_alarm_nobody_had_seen_is_not_silenced_by_coming_again_as_a_consequence(bench):
    bench.rings("hopper")
    bench.desk.clear_alarm("hopper")
    bench.after(10)
    bench.rings("device.plc", CRITICAL)
    bench.rings("hopper", follows=PLC)
    assert bench.unseen() == {"device.plc", "hopper"}


def test_consequences_of_the_last_run_stay_under_their_cause_until_both_settle():
    clock, ids = ManualClock(), IdSource("n", 1)
    first, told = AlarmDesk("n", clock, ids, lambda change: None), []
    first.raise_alarm("device.plc", "lost", CRITICAL, "")
    first.raise_alarm("hopper", "unknown", NORMAL, "", PLC)
    second = AlarmDesk("n", clock, ids, told.append, first.active())
    second.elapse()
    assert {alarm.key: alarm.under for alarm in second.active()}["hopper"] == "device.plc"
    second.raise_alarm("device.plc", "lost", CRITICAL, "")
    second.settle()
    assert [(change.key, change.active) for change in told] == [("hopper", False)]


keys = st.sampled_from([f"k{number}" for number in range(6)])
walks = st.lists(
    st.tuples(
        st.sampled_from(["raise", "clear", "acknowledge", "wait"]),
        keys,
        st.sampled_from(list(Priority)),
        st.lists(keys, max_size=2),
        st.booleans(),
    ),
    max_size=60,
)


@given(walks)
@settings(deadline=None)
def test_whatever_happens_each_stands_under_one_that_is_as_urgent_and_no_ring_is_lost(walk):
    numbers, now_ns = itertools.count(1), 0
    book = AlarmBook("n", "boot")

    def moment():
        return Moment(str(next(numbers)), now_ns, now_ns)

    for verb, key, priority, causes, beside in walk:
        if verb == "raise":
            follows = Follows((), tuple(causes)) if beside else Follows(tuple(causes))
            if book.raise_alarm(key, "t", priority, "", moment(), follows) is not None:
                book.fold(key, moment)
        elif verb == "clear":
            book.clear_alarm(key, moment())
        elif verb == "acknowledge" and key in {alarm.key for alarm in book.active()}:
            book.acknowledge(key, "ann", moment())
        elif verb == "wait":
            now_ns += 3_000_000_000
            book.end_folds(moment)
        held = {alarm.key: alarm for alarm in book.active()}
        for alarm in held.values():
            above = held.get(alarm.under)
            assert alarm.under != alarm.key
            assert not alarm.under or alarm.acknowledged
            if above is not None and above.active:
                assert above.under == "", "one level"
                assert above.priority <= alarm.priority
    now_ns += 3_600_000_000_000
    for _ in range(2):
        book.calm(moment)
        book.end_folds(moment)
        now_ns += 3_600_000_000_000
    held = {alarm.key: alarm for alarm in book.active()}
    for alarm in held.values():
        assert not alarm.under or held[alarm.under].active, "nothing is silent for good"
