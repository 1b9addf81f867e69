"""Letting go of frames that nobody wants."""

from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.camera.thin import Thin

MS = 1_000_000


def wanted(thin, times_ms):
    return [at for at in times_ms if thin.wants(at * MS)]


def test_every_frame_is_wanted_without_a_limit():
    assert wanted(Thin(None), range(0, 200, 33)) == list(range(0, 200, 33))


def test_of_a_hundred_frames_a_second_every_tenth_makes_ten():
    assert wanted(Thin(10), range(0, 500, 10)) == [0, 90, 190, 290, 390, 490]


def test_a_camera_as_fast_as_the_limit_loses_nothing_by_its_jitter():
    times = [0, 98, 203, 296, 401, 499]
    assert wanted(Thin(10), times) == times


def test_after_a_pause_there_is_no_rush():
    assert wanted(Thin(10), [0, 5000, 5010, 5050, 5099]) == [0, 5000, 5099]


@given(st.floats(0.5, 200), st.lists(st.integers(0, 400), max_size=200))
def test_no_second_has_more_than_the_limit_and_a_tenth(most_fps, steps_ms):
    thin, now, times = Thin(most_fps), 0, []
    for step in steps_ms:
        now += step
        times += wanted(thin, [now])
    for first in times:
        assert sum(first <= at < first + 1000 for at in times) <= most_fps * 1.1 + 2
