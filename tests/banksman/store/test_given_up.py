"""What was given up is counted over restarts, and reported by class and period."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.config.schema_services import StoreSettings
from banksman.status import StoreStatus
from banksman.store.given_up import (
    CLASSES_MAX,
    LONGEST_NS,
    QUIET_NS,
    STATE_KEY,
    GivenUp,
    GivenUpBook,
    decoded,
    with_more,
)
from banksman.store.watch import StoreWatch

S = 10**9


class Desk:
    """A book over a place that outlives it, a clock set by hand, and what was reported."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.wall_ns = 1_000_000 * S
        self.reports: list[tuple[str, str, str]] = []
        self.thinned = 0
        self.raised: list[str] = []
        self.start()

    def start(self) -> None:
        self.book = GivenUpBook(
            self.kept.get,
            self.kept.__setitem__,
            lambda: self.wall_ns,
            lambda event, _by, told: self.reports.append((event, told["class"], told["count"])),
            lambda: self.thinned,
        )

    def raise_alarm(self, key: str, *_: object) -> None:
        self.raised.append(key)

    def clear_alarm(self, key: str) -> None:
        self.raised.remove(key)

    def look(self, after_s: float = 0, **dropped: int) -> None:
        self.wall_ns += round(after_s * S)
        self.book.look(dropped)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_what_was_shed_is_counted_on_after_a_restart(open_store, make_decision, until):
    first = open_store()
    book = GivenUpBook(first.load_state, first.save_state, lambda: 1, lambda *_: None)
    first._parts.drops.add("normal_shed", 7)
    first._parts.drops.add("rows_pruned", 3)
    book.look(first.status().dropped)
    assert first.stop()
    second = open_store()
    assert second.status().dropped == {"normal_shed": 7}
    second._parts.drops.add("normal_shed", 2)
    assert second.status().dropped == {"normal_shed": 9}


def test_a_period_is_one_report_of_each_class_when_nothing_more_has_gone_for_a_while(desk):
    desk.look(normal_shed=400, readings_shed=8)
    desk.look(1, normal_shed=800, readings_shed=8, rows_pruned=9)
    assert desk.reports == []
    desk.look(QUIET_NS / S, normal_shed=800, readings_shed=8, rows_pruned=9)
    assert sorted(desk.reports) == [
        ("records_given_up", "normal_shed", "800"),
        ("records_given_up", "readings_shed", "8"),
    ]
    desk.look(QUIET_NS / S, normal_shed=800, readings_shed=8)
    assert len(desk.reports) == 2


def test_shedding_that_does_not_end_is_reported_once_an_hour(desk):
    for second in range(0, 3 * 3600 + 1, 10):
        desk.look(10, readings_shed=second + 1)
    assert len(desk.reports) == 3 * 3600 * S // LONGEST_NS


def test_a_restart_neither_ends_a_period_nor_counts_it_twice(desk):
    desk.look(normal_shed=5)
    desk.start()
    desk.look(1, normal_shed=6)
    desk.look(QUIET_NS / S, normal_shed=6)
    assert desk.reports == [("records_given_up", "normal_shed", "6")]


def test_readings_that_went_up_thinned_are_reported_as_that(desk):
    desk.thinned = 300
    desk.look()
    desk.look(QUIET_NS / S)
    assert desk.reports == [("readings_thinned", "readings_thinned", "300")]


def test_a_clock_that_jumps_back_ends_the_period(desk):
    desk.look(normal_shed=5)
    desk.look(-3 * 3600, normal_shed=5)
    assert desk.reports == [("records_given_up", "normal_shed", "5")]


def test_what_was_saved_and_cannot_be_read_begins_anew(desk):
    desk.kept[STATE_KEY] = b"\xff{"
    desk.start()
    desk.look(normal_shed=2)
    assert decoded(desk.kept[STATE_KEY]).totals == {"normal_shed": 2}


def test_losses_of_an_earlier_start_raise_no_alarm_and_the_next_one_does(desk):
    desk.look(normal_shed=5)
    desk.start()
    status = StoreStatus(dropped={"normal_shed": 5})
    watch = StoreWatch(lambda: status, StoreSettings(), desk, lambda _why: None, desk.book)
    watch.look()
    assert desk.raised == []
    status = StoreStatus(dropped={"normal_shed": 6})
    watch.look()
    assert desk.raised == ["store.shed"]


@given(st.lists(st.integers(0, 50), max_size=40))
def test_no_loss_is_left_out_of_the_periods_and_none_is_in_two(steps):
    desk, total = Desk(), 0
    for more in steps:
        total += more
        desk.look(400 if more % 2 else 700, normal_shed=total)
    desk.look(2 * LONGEST_NS / S, normal_shed=total)
    assert sum(int(count) for _, _, count in desk.reports) == total


def test_classes_are_bounded():
    counts = {f"c{i}_shed": 1 for i in range(2 * CLASSES_MAX)}
    assert len(with_more(GivenUp(), counts, 0).totals) == CLASSES_MAX
