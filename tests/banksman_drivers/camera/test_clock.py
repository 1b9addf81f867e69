"""When a frame was exposed, and what is missing."""

import random

from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.camera.clock import FrameClock

MS = 1_000_000
PERIOD = 40 * MS


def test_a_monotonic_stamp_is_the_frames_time():
    clock = FrameClock("monotonic")
    assert clock.exposed_ns(1_000 * MS, 1_030 * MS) == 1_000 * MS


def test_a_stamp_of_another_clock_is_not_believed():
    wall_clock, future = FrameClock("monotonic"), FrameClock("monotonic")
    assert wall_clock.exposed_ns(1_000 * MS, 900_000 * MS) == 900_000 * MS
    assert future.exposed_ns(2_000 * MS, 1_000 * MS) == 1_000 * MS


def test_without_stamps_a_frame_is_of_when_it_arrived():
    clock = FrameClock("none")
    assert clock.exposed_ns(None, 70 * MS) == 70 * MS
    assert FrameClock("stream").exposed_ns(None, 70 * MS) == 70 * MS


def test_the_jitter_of_a_network_is_taken_out_of_a_streams_times():
    clock, chance = FrameClock("stream"), random.Random(1)
    delays = [5 * MS, *(chance.randrange(5 * MS, 30 * MS) for _ in range(200))]
    times = [
        clock.exposed_ns(number * PERIOD, 10**12 + number * PERIOD + delay)
        for number, delay in enumerate(delays)
    ]
    # 100 ppm of 40 ms is 4 us a frame; each short delay brings it back.
    errors = [time - 10**12 - 5 * MS - number * PERIOD for number, time in enumerate(times)]
    assert all(0 <= error < MS for error in errors)


def test_a_camera_whose_quartz_is_slow_is_followed():
    clock = FrameClock("stream")
    for number in range(50_000):
        arrival = 10**12 + number * (PERIOD + 2_000)  # 50 ppm
        late_ns = arrival - clock.exposed_ns(number * PERIOD, arrival)
    assert late_ns == 0


def test_a_stream_that_begins_anew_begins_anew_here():
    clock = FrameClock("stream")
    clock.exposed_ns(90_000 * MS, 100_000 * MS)
    assert clock.exposed_ns(0, 101_000 * MS) == 101_000 * MS


@given(
    st.sampled_from(["monotonic", "stream", "none"]),
    st.lists(st.tuples(st.none() | st.integers(0, 10**14), st.integers(0, 10**9)), max_size=50),
)
def test_times_never_go_back_nor_after_the_arrival_whatever_a_camera_says(stamps, frames):
    clock, arrival, before = FrameClock(stamps), 10**13, 0
    for stamp, step in frames:
        arrival += step
        exposed = clock.exposed_ns(stamp, arrival)
        assert before <= exposed <= arrival
        before = exposed


def test_frames_that_the_stamps_leave_room_for_are_missing():
    clock = FrameClock("monotonic")
    for number in (0, 1, 2, 3, 4, 5, 6, 9, 10, 12):
        clock.exposed_ns(10**12 + number * PERIOD, 10**12 + number * PERIOD)
    assert clock.missing == 2 + 1


def test_jitter_of_stamps_is_no_missing_frame():
    clock, chance = FrameClock("monotonic"), random.Random(2)
    for number in range(500):
        stamp = 10**12 + number * PERIOD + chance.randrange(-8 * MS, 8 * MS)
        clock.exposed_ns(stamp, stamp + 20 * MS)
    assert clock.missing == 0


def test_a_camera_that_slows_down_for_the_night_misses_little_and_not_for_ever():
    clock, stamp = FrameClock("monotonic"), 10**12
    for number in range(200):
        stamp += PERIOD if number < 50 else 2 * PERIOD
        clock.exposed_ns(stamp, stamp)
    assert clock.missing <= 8
