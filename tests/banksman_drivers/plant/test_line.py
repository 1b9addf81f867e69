"""The plant as a whole: nothing runs without its chain, and nothing restarts by itself."""

from __future__ import annotations

import pytest

from banksman_drivers.fake.plant.line import INCIDENTS, Line

RUN = ("plc.conveyor_running", "plc.press_running", "plc.oven_heating")


def running(line: Line) -> list[bool]:
    values = line.values()
    return [bool(values[name]) for name in RUN]


def test_everything_runs_once_the_chain_is_closed_and_commanded(hall):
    hall.run_everything()
    hall.pass_time(5.0)
    assert running(hall.line) == [True, True, True]
    assert hall.line.conveyor.parts > 1


def test_nothing_runs_before_the_appliance_has_been_seen_alive(hall):
    hall.feeds_watchdog = False
    hall.line.write("conveyor_run", 1)
    hall.pass_time(2.0)
    assert running(hall.line) == [False, False, False]


def test_a_watchdog_register_that_stands_still_drops_every_output_after_a_second(hall):
    hall.run_everything()
    hall.line.write("siren", 1)
    hall.pass_time(2.0)
    hall.feeds_watchdog = False
    hall.pass_time(0.9)
    assert running(hall.line) == [True, True, True]
    hall.pass_time(0.2)
    assert running(hall.line) == [False, False, False]
    assert not hall.line.outputs.siren
    assert hall.line.dropped == 1


def test_a_watchdog_that_moves_again_restarts_nothing(hall):
    hall.run_everything()
    hall.feeds_watchdog = False
    hall.pass_time(2.0)
    hall.feeds_watchdog = True
    hall.pass_time(2.0)
    assert hall.line.chain_closed
    assert running(hall.line) == [False, False, False]


def test_the_end_of_the_permit_line_stops_the_line_at_once(hall):
    hall.run_everything()
    hall.pass_time(1.0)
    hall.toggles_permit = False
    hall.line.permit.lost()
    hall.pass_time(0.02)
    assert running(hall.line) == [False, False, False]


@pytest.mark.parametrize("level", [True, False])
def test_a_permit_line_that_stands_still_stops_the_line_whatever_its_level(hall, level):
    hall.run_everything()
    hall.pass_time(1.0)
    hall.toggles_permit = False
    hall.line.permit.level(level)
    hall.pass_time(0.5)
    assert running(hall.line) == [False, False, False]


def test_the_first_level_of_the_permit_line_is_not_an_edge(hall):
    hall.toggles_permit = False
    for level in (True, False):
        hall.line.permit.level(level)
    hall.pass_time(0.1)
    assert not hall.line.permit.closed


def test_the_estop_stops_everything_and_its_release_starts_nothing(hall):
    hall.run_everything()
    hall.pass_time(1.0)
    hall.line.incident("estop", on=True)
    hall.pass_time(0.02)
    assert running(hall.line) == [False, False, False]
    hall.line.incident("estop", on=False)
    hall.pass_time(1.0)
    assert running(hall.line) == [False, False, False]


def test_parts_spill_into_the_aisle_when_nobody_stops_a_jammed_belt(hall):
    hall.run_everything()
    hall.pass_time(3.0)
    hall.line.incident("jam", on=True)
    hall.pass_time(12.0)
    assert hall.line.spill
    hall.line.incident("jam", on=False)
    assert not hall.line.spill


def test_no_parts_spill_when_the_jammed_belt_is_stopped(hall):
    hall.run_everything()
    hall.pass_time(3.0)
    hall.line.incident("jam", on=True)
    hall.pass_time(3.0)
    hall.line.write("conveyor_run", 0)
    hall.pass_time(12.0)
    assert not hall.line.spill


def test_the_shift_begins_with_one_reset_and_one_start_and_has_no_second(hall):
    line = hall.line = Line(1, begins_shift=True)
    resets, starts, was = 0, 0, (False, False)
    for _ in range(1000):
        hall.pass_time(0.01)
        now = (line.operator.resetting, line.operator.starting)
        resets += now[0] and not was[0]
        starts += now[1] and not was[1]
        was = now
    assert (resets, starts) == (1, 1)


def test_one_seed_gives_one_history():
    def history() -> list[dict[str, float]]:
        line = Line(5, bridged=True)
        seen = []
        for beat in range(3000):
            line.write("watchdog", beat)
            line.write("conveyor_run", 1)
            line.step(0.01)
            seen.append(line.values())
        return seen

    assert history() == history()


def test_every_incident_begins_is_told_and_ends(hall):
    for name in INCIDENTS:
        hall.line.incident(name, on=True)
        assert [key for key, on in hall.line.incidents().items() if on] == [name]
        hall.line.incident(name, on=False)
        assert not any(hall.line.incidents().values())


def test_an_unknown_output_or_incident_is_refused(hall):
    with pytest.raises(KeyError):
        hall.line.write("exit_lock", 1)
    with pytest.raises(KeyError):
        hall.line.incident("flood", on=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_setpoint_that_is_no_number_is_refused(hall, value):
    with pytest.raises(ValueError, match="no setpoint"):
        hall.line.write("conveyor_speed_set", value)


def test_no_output_of_the_plant_is_a_lock(hall):
    outputs = [name for name in hall.line.values() if "lock" in name and "block" not in name]
    assert outputs == []
