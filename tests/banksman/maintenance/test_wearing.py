"""A life so far, known runs on their shelf, and what both say of the hours left."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.degradation import Crossing
from banksman.maintenance.keeping import packed, unpacked
from banksman.maintenance.levels import LEVELS
from banksman.maintenance.life import Remaining, Run
from banksman.maintenance.prognosis import prognosis
from banksman.maintenance.shelf import RUNS_MAX, RunShelf
from banksman.maintenance.trend import Forecast
from banksman.maintenance.wearing import MOMENTS_MAX, KeptLife, Wearing

WELL = np.zeros((1, LEVELS))


def lived(windows, wearing=None, grown=0.0, state="loaded"):
    wearing = wearing or Wearing(1, ("idle", "loaded"))
    for _ in range(windows):
        wearing.hours += 1.0
        wearing.take(state, WELL + grown, WELL)
    return wearing


def test_its_moments_are_bounded_and_span_all_of_its_life():
    run = lived(3 * MOMENTS_MAX).failed("a")
    assert len(run.hours) < MOMENTS_MAX
    assert run.hours[0] < 10.0
    assert run.hours[-1] > 3 * MOMENTS_MAX - 10
    assert run.life_hours == 3 * MOMENTS_MAX


def test_who_failed_is_new():
    wearing = lived(100, grown=1.0)
    assert wearing.growth == pytest.approx(1.0)
    wearing.failed("a")
    assert (wearing.hours, wearing.growth) == (0.0, 0.0)


def test_a_new_normal_keeps_its_age():
    wearing = lived(100, grown=1.0)
    wearing.renew()
    assert (wearing.hours, wearing.growth) == (100.0, 0.0)
    assert len(wearing.failed("a").hours) == 100


def test_each_state_is_compared_with_its_own_past_while_its_normal_is_not_known():
    wearing, unknown = Wearing(1, ("idle", "loaded")), WELL * np.nan
    for number in range(200):
        loaded = number % 40 >= 20
        wearing.take("loaded" if loaded else "idle", WELL + 2.0 * loaded, unknown)
    assert not wearing.failing


def test_a_sensor_that_says_nothing_changes_nothing():
    wearing = lived(10)
    wearing.take("loaded", WELL * np.nan, WELL)
    assert len(wearing.failed("a").hours) == 10


def test_a_life_outlives_a_restart():
    before = lived(80, grown=0.3)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(before.saved()), type=KeptLife)
    after = Wearing(1, ("idle", "loaded"))
    assert after.restore(kept)
    assert (after.hours, after.growth) == (before.hours, before.growth)
    assert after.looks == pytest.approx(before.looks)
    assert len(after.failed("a").hours) == 80


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": -1.0},
        {"hours": math.nan},
        {"stride": 0},
        {"moments": packed(np.zeros((3, 9)))},
        {"moments": packed(np.full((3, 3), np.nan))},
        {"lately": packed(np.zeros((3, 2)))},
    ],
)
def test_a_damaged_life_begins_anew(wrong):
    kept = msgspec.structs.replace(lived(30).saved(), **wrong)
    wearing = Wearing(1, ("loaded",))
    assert not wearing.restore(kept)
    assert wearing.hours == 0.0


def run(name, looks=2, hours=100.0):
    times = np.linspace(1.0, hours, 50)
    return Run(name, times, np.zeros((50, looks)), hours)


def test_runs_are_kept_bounded_and_known_again():
    kept = []
    shelf = RunShelf("spindles", kept.append, None)
    for number in range(RUNS_MAX + 3):
        shelf.add(run(str(number)))
    assert (len(shelf), shelf.dropped) == (RUNS_MAX, 3)
    again = RunShelf("spindles", kept.append, kept[-1])
    assert again.book(2).runs == RUNS_MAX


def test_machines_with_other_sensors_do_not_compare():
    shelf = RunShelf("spindles", lambda _: None, None)
    shelf.add(run("a", looks=2))
    shelf.add(run("b", looks=3))
    assert (shelf.book(2).runs, shelf.book(3).runs, shelf.book(4).runs) == (1, 1, 0)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_whatever_the_store_gives_back_is_no_reason_to_fall(saved):
    assert RunShelf("spindles", lambda _: None, saved).book(2).runs == 0


def forecast(hours, low=1.0, high=9.0):
    reason = "if the trend goes on as it is" if hours is not None else "fewer than 10 windows"
    return Forecast("heat", 80.0, Crossing(hours, low, high, reason))


def test_the_soonest_of_what_is_known_is_told_with_its_assumption():
    life = Remaining(5.0, 2.0, 8.0, "it ends like the 2 known runs to failure")
    assert prognosis([forecast(3.0)], life).assumption == "the trend goes on as it is"
    told = prognosis([forecast(7.0)], life)
    assert (told.hours, told.low_hours, told.high_hours) == (5.0, 2.0, 8.0)
    assert told.reason == "5.0 h left (80 %: 2.0 h to 8.0 h), if " + life.assumption


def test_where_neither_knows_both_say_why():
    life = Remaining(None, 0.0, math.inf, "only 0 runs to failure are known, 2 are needed")
    told = prognosis([forecast(None)], life)
    assert told.hours is None
    assert told.reason == f"heat: fewer than 10 windows; {life.assumption}"


def test_an_array_that_is_not_of_this_shape_is_none_of_ours():
    kept = packed(np.arange(6.0).reshape(2, 3))
    assert unpacked(kept, 2, 3) == pytest.approx(np.arange(6.0).reshape(2, 3))
    assert unpacked(kept, None, 3) is not None
    assert unpacked(kept, 3, 2) is None
    assert unpacked(kept, 6) is None
    assert unpacked(msgspec.structs.replace(kept, shape=(-2, -3)), None, None) is None
    assert unpacked(msgspec.structs.replace(kept, fine=False), 2, 3) is None
    assert unpacked(packed(np.array([np.nan])), 1, finite=True) is None
