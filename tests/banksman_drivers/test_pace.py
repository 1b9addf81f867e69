"""A fixed schedule on the monotonic clock."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.pace import Pace, start_of


def test_deadlines_do_not_drift_when_every_poll_is_a_little_late():
    pace = Pace(0.1, start_s=50.0)
    deadlines = [pace.next_s(50.0 + n * 0.1 + 0.03) for n in range(1000)]
    assert deadlines[-1] == pytest.approx(150.0)
    assert pace.skipped == 0


def test_a_one_millisecond_poll_late_by_three_is_caught_up_not_skipped():
    pace = Pace(0.001, start_s=0.0)
    assert [pace.next_s(0.004) for _ in range(4)] == pytest.approx([0.001, 0.002, 0.003, 0.004])
    assert pace.skipped == 0


def test_polls_missed_by_more_than_their_patience_are_skipped_counted_and_in_phase():
    pace = Pace(0.1, start_s=0.0)
    assert pace.next_s(0.55) == pytest.approx(0.5)
    assert pace.skipped == 4


@settings(deadline=None)
@given(st.floats(0.001, 10), st.lists(st.floats(0, 5), max_size=50))
def test_every_deadline_stays_on_the_grid_and_none_is_lost_uncounted(period_s, work_s):
    pace = Pace(period_s, start_s=0.0)
    now_s = 0.0
    for made, work in enumerate(work_s, 1):
        deadline_s = pace.next_s(now_s)
        assert deadline_s == pytest.approx((made + pace.skipped) * period_s)
        now_s = max(now_s, deadline_s) + work
        assert math.isfinite(now_s)


@settings(deadline=None)
@given(
    st.text(min_size=1, max_size=20),
    st.floats(0.001, 3600),
    st.floats(0, 1e7),
)
def test_a_device_s_own_phase_lies_within_the_period_before_now(name, period_s, now_s):
    start_s = start_of(name, period_s, now_s)
    assert now_s - period_s - 1e-6 <= start_s <= now_s


def test_a_device_s_phase_is_the_same_whenever_it_comes_up():
    first, second = start_of("plc", 0.05, 100.0), start_of("plc", 0.05, 707.317)
    beats = (second - first) / 0.05
    assert beats == pytest.approx(round(beats), abs=1e-6)


def test_the_phases_of_many_devices_are_spread_over_the_period():
    phases = sorted(start_of(f"d{number}", 0.05, 0.0) + 0.05 for number in range(50))
    in_each_tenth = [sum(n * 0.005 <= p < (n + 1) * 0.005 for p in phases) for n in range(10)]
    assert max(in_each_tenth) <= 12
    assert min(in_each_tenth) >= 1
