"""A few made minutes through the daemon's own control thread: the story that the plant tells."""

import pytest

from banksman_drivers.vda5050_points import VEHICLE_POINTS
from benchmarks.headline.hour import run_hour

SECONDS = 320.0  # the door at 180 s, and its reset and start


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    return run_hour(tmp_path_factory.mktemp("hour"), seed=1, seconds=SECONDS)


def actions(hour, point):
    """The actions of a point as they changed."""
    taken = [each.action for each in hour.decisions if each.point == point]
    return [now for before, now in zip([None, *taken], taken, strict=False) if now != before]


def test_the_line_is_started_by_a_person_and_makes_parts(hour):
    assert actions(hour, "start_panel")[:4] == ["none", "give_permit", "start_line", "none"]
    assert hour.parts.good_passed > 50


def test_the_open_door_is_answered_and_holds_the_forklift(hour):
    assert actions(hour, "press_door") == ["all_quiet", "alarm_door", "all_quiet"]
    assert actions(hour, "aisle") == ["agv_go", "agv_hold", "agv_go"]


def test_defective_parts_reach_the_reject_bin_and_good_ones_do_not(hour):
    assert hour.parts.defects_rejected > 0
    assert (hour.parts.defects_passed, hour.parts.good_rejected) == (0, 0)


def test_every_reading_of_every_device_was_taken(hour):
    plc, vib, agv = SECONDS / 0.05 * 25, SECONDS / 0.2 * 5, SECONDS * len(VEHICLE_POINTS)
    guard = hour.readings - plc - vib - agv
    assert SECONDS / 0.25 * 3 <= guard < SECONDS / 0.2 * 3


def test_the_time_of_local_work_is_real(hour):
    assert all(each.latency_us > 0 for each in hour.decisions)
    assert {each.source for each in hour.decisions} == {"rule"}


def test_less_is_sent_than_read(hour):
    assert 0 < hour.by_exception_bytes < hour.every_reading_bytes


def test_another_seed_is_another_history(tmp_path, hour):
    other = run_hour(tmp_path, seed=2, seconds=SECONDS)
    assert other.parts != hour.parts
