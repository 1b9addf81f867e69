"""Parts are seen, travel, pass, go back; positions are the belt's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.gpio.parts import PartTracker


@pytest.fixture
def tracker():
    return PartTracker(distance_mm=800, length_mm=40)


def present(tracker, position_mm):
    tracker.move(position_mm)
    return tracker.at_station(position_mm)[0]


def test_a_part_is_at_the_station_from_its_distance_on_for_its_length(tracker):
    tracker.see(100)
    positions = (100, 899.9, 900, 939.9, 940, 2000)
    assert [present(tracker, at) for at in positions] == [False, False, True, True, False, False]
    assert tracker.passed == 1


def test_parts_follow_each_other(tracker):
    tracker.see(0)
    tracker.see(100)
    assert [present(tracker, at) for at in (820, 860, 910)] == [True, False, True]


def test_a_belt_that_runs_back_takes_the_part_out_and_brings_it_again(tracker):
    tracker.see(0)
    assert [present(tracker, at) for at in (800, 790, 810)] == [True, False, True]


def test_a_part_that_goes_back_past_the_eye_is_forgotten(tracker):
    """The eye sees it anew: kept, it would be there twice."""
    tracker.see(100)
    tracker.move(99)
    assert len(tracker) == 0
    tracker.see(100)
    assert len(tracker) == 1


def test_missed_edges_make_the_parts_on_the_way_doubtful_and_later_ones_not(tracker):
    tracker.see(0)
    tracker.doubt()
    tracker.see(300)
    tracker.move(810)
    assert tracker.at_station(810) == (True, True)
    tracker.move(1110)
    assert tracker.at_station(1110) == (True, False)


def test_absence_is_doubtful_while_a_doubtful_part_is_near(tracker):
    tracker.see(0)
    tracker.doubt()
    tracker.move(770)
    assert tracker.at_station(770) == (False, True)
    assert tracker.at_station(700) == (False, False)


def test_one_part_too_many_is_not_taken_and_counted():
    tracker = PartTracker(800, 40, most=2)
    assert [tracker.see(at) for at in (0, 1, 2)] == [True, True, False]
    assert (len(tracker), tracker.dropped) == (2, 1)


def test_the_arrival_follows_from_distance_and_speed(tracker):
    tracker.see(0)
    assert tracker.arrival_ns(300, 250.0, now_ns=7) == 7 + 2_000_000_000


@pytest.mark.parametrize("speed", [0.0, -10.0])
def test_nothing_arrives_on_a_belt_that_does_not_run_forward(tracker, speed):
    tracker.see(0)
    assert tracker.arrival_ns(300, speed, now_ns=0) is None


def test_a_part_that_is_there_has_arrived(tracker):
    tracker.see(0)
    tracker.see(500)
    assert tracker.arrival_ns(820, 1000.0, now_ns=0) == 480_000_000


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=30),
    st.floats(1, 500),
    st.floats(1, 50),
)
def test_on_a_belt_that_runs_forward_every_part_passes_once(gaps, distance, length):
    tracker, at, parts = PartTracker(distance, length), 0.0, 0
    for gap in gaps:
        at += gap
        tracker.move(at)
        tracker.see(at)
        parts += 1
        assert tracker.passed + len(tracker) == parts
    tracker.move(at + distance + length + 1)
    assert (tracker.passed, len(tracker)) == (parts, 0)
