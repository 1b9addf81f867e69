"""The link's history, as the meter keeps it and people see it."""

import itertools

import msgspec
import pytest

from banksman.commands.sync import history_lines
from banksman.sync.link import HISTORY, STATE_S, LinkMeter, history_of

WALL_0_NS = 1_780_000_000_000_000_000


def test_a_state_each_five_seconds_and_no_more_than_an_hour_of_them():
    meter = LinkMeter()
    for tenth in range(int((HISTORY + 100) * STATE_S * 10)):
        meter.tick(tenth / 10, "up", "wide")
    times = [state.at_s for state in meter.history]
    assert len(times) == HISTORY
    assert {round(after - before, 6) for before, after in itertools.pairwise(times)} == {STATE_S}


def test_the_history_stands_on_the_wall_clock_of_now_and_has_no_speed_while_down():
    meter = LinkMeter()
    meter.succeeded(99.0, 1_000_000, 1.0, 0.02)
    meter.tick(100.0, "up", "middle")
    meter.failed(104.0)
    meter.tick(105.0, "down", "middle")
    history = history_of(meter.history, WALL_0_NS)
    assert history.wall_ms == [WALL_0_NS // 10**6 + 100_000, WALL_0_NS // 10**6 + 105_000]
    assert history.state == ["up", "down"]
    assert history.goodput_mbit == [pytest.approx(8.163, abs=0.01), None]
    assert history.round_trip_ms == [20.0, None]
    assert history.reliability == [1.0, 0.5]


def test_every_column_is_as_long_as_the_others():
    meter = LinkMeter()
    for step in range(7):
        meter.tick(step * STATE_S)
    history = history_of(meter.history, 0)
    assert {len(column) for column in msgspec.structs.astuple(history)} == {7}


def test_the_command_prints_changes_and_a_line_a_minute():
    meter = LinkMeter()
    for step in range(60):
        meter.tick(step * STATE_S, "down" if step == 30 else "up", "thin")
    told = msgspec.to_builtins(history_of(meter.history, WALL_0_NS))
    lines = history_lines(told)
    assert sum("down" in line for line in lines) == 1
    # Five minutes, begun twenty seconds into one, and the change there and back.
    assert 1 + 5 + 2 <= len(lines) <= 1 + 6 + 2


def test_without_an_uplink_the_command_says_what_to_do():
    (line,) = history_lines(msgspec.to_builtins(history_of([], 0)))
    assert "[sync]" in line
