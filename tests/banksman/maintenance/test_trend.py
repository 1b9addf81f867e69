"""The newest windows, and when a limit is reached."""

import numpy as np
import pytest

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.degradation import WINDOWS_MAX
from banksman.maintenance.rows import RowTable
from banksman.maintenance.trend import Limit, Trend, forecasts, limits_of


def rising(windows=120, per_hour=6.0):
    trend = Trend()
    for minute in range(windows):
        trend.add(minute * 60.0, "loaded", np.array([50.0 + minute * per_hour / 60, 3.0]))
    return trend


def test_a_straight_trend_is_told_with_its_limit():
    found = forecasts(rising(), "loaded", [Limit(1, "p.bar", 5.0), Limit(0, "p.heat", 80.0)])
    assert [each.sensor for each in found] == ["p.heat", "p.bar"]
    assert found[0].told.hours == pytest.approx(3.0, rel=0.05)
    assert found[0].words.startswith("p.heat reaches 80 in 3.0 h (80 %: ")
    assert found[1].words.startswith("p.bar: ")
    assert found[1].told.hours is None


def test_other_states_are_left_out():
    trend = rising()
    for minute in range(30):
        trend.add((200 + minute) * 60.0, "idle", np.array([0.0, 0.0]))
    hours, levels = trend.of("loaded")
    assert len(hours) == 120
    assert levels.min() > 2.0


def test_windows_are_bounded():
    hours, levels = rising(3 * WINDOWS_MAX).of("loaded")
    assert len(hours) == len(levels) == WINDOWS_MAX
    assert hours[-1] == pytest.approx((3 * WINDOWS_MAX - 1) / 60)


def test_a_clock_that_was_set_back_leaves_out_what_lies_ahead():
    trend = rising(10)
    trend.add(150.0, "loaded", np.array([9.0, 9.0]))
    hours, _ = trend.of("loaded")
    assert list(hours) == pytest.approx([0.0, 1 / 60, 2 / 60, 2.5 / 60])


def test_without_windows_nothing_is_forecast():
    found = forecasts(Trend(), "loaded", [Limit(0, "p.heat", 80.0)])
    assert found[0].told.hours is None
    assert "fewer than" in found[0].words


def test_a_gap_is_no_level():
    trend = rising()
    trend.add(120 * 60.0, "loaded", np.array([np.nan, 3.0]))
    found = forecasts(trend, "loaded", [Limit(0, "p.heat", 80.0)])
    assert found[0].told.hours == pytest.approx(3.0, rel=0.05)


def test_vibration_that_grows_by_shares_is_told_with_its_limit():
    settings = MachineSettings.model_validate(
        {"id": "pump", "vibration": [{"sensor": "acc.x", "limit_rms": 2.0}]}
    )
    table = RowTable(settings)
    (limit,) = limits_of(settings, table)
    trend = Trend()
    for minute in range(120):  # doubles in four hours, and two of them are over
        levels = np.zeros(len(table))
        levels[table.names.index("acc.x rms")] = np.log(2.0) * minute / 240
        trend.add(minute * 60.0, "loaded", levels)
    (found,) = forecasts(trend, "loaded", [limit])
    assert found.told.hours == pytest.approx(2.0, rel=0.05)
    assert found.words.startswith("acc.x rms reaches 2 in 2.0 h (80 %: ")
