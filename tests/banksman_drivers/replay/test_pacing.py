"""When each item of a recording is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.replay_pace import STANDSTILL_S, Playback


def test_items_keep_the_recordings_own_gaps_divided_by_the_speed():
    playback = Playback(10.0, now_s=100.0)
    assert [playback.due_s(stamp, 100.0) for stamp in (7.0, 8.0, 8.5)] == pytest.approx(
        [100.0, 100.1, 100.15]
    )


def test_lateness_never_adds_up():
    playback = Playback(1.0, now_s=0.0)
    late = [playback.due_s(float(n), n + 0.3) for n in range(1000)]
    assert late[-1] == pytest.approx(999.0)
    assert playback.standstills == 0


def test_a_recorders_clock_that_steps_back_is_no_gap():
    playback = Playback(1.0, now_s=0.0)
    assert [playback.due_s(stamp, 0.0) for stamp in (100.0, 40.0, 41.0)] == [0.0, 0.0, 1.0]


def test_after_a_standstill_of_the_box_the_rest_is_moved_not_poured_out():
    playback = Playback(1.0, now_s=0.0)
    playback.due_s(0.0, 0.0)
    assert playback.due_s(1.0, 60.0) == 60.0
    assert playback.due_s(2.0, 60.0) == 61.0
    assert playback.standstills == 1


def test_a_repeat_begins_one_gap_after_the_end():
    playback = Playback(1.0, now_s=0.0)
    for stamp in (0.0, 5.0):
        playback.due_s(stamp, 0.0)
    playback.again()
    assert playback.due_s(0.0, 0.0) == 10.0


def test_a_recording_of_one_item_repeats_with_a_pause():
    playback = Playback(1.0, now_s=0.0)
    playback.due_s(3.0, 0.0)
    playback.again()
    assert playback.due_s(3.0, 0.0) == 1.0


@given(st.lists(st.floats(-1e9, 1e9)), st.floats(0.001, 1e6), st.lists(st.floats(0, 10)))
def test_due_times_never_go_back_nor_lag_behind_by_more_than_a_standstill(stamps, speed, waits):
    playback = Playback(speed, now_s=0.0)
    now_s = before_s = 0.0
    for stamp, wait in zip(stamps, waits, strict=False):
        now_s += wait
        due_s = playback.due_s(stamp, now_s)
        assert due_s >= before_s
        assert now_s - due_s <= STANDSTILL_S
        before_s = due_s
