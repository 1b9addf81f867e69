"""The physics of each machine."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.plant.conveyor import CURRENT_JAMMED_A, SPACING_MM, Conveyor
from banksman_drivers.fake.plant.gauge import NOMINAL_MM, TOLERANCE_MM, Gauge
from banksman_drivers.fake.plant.hopper import PART_KG, Hopper
from banksman_drivers.fake.plant.oven import CUT_OUT_DEGC, Oven
from banksman_drivers.fake.plant.press import Press, bearing_kurtosis, bearing_rms_mm_s
from banksman_drivers.fake.plant.vibration import Transmitter

DT_S = 0.01


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)


def run(conveyor: Conveyor, seconds: float, on: bool = True, speed: float = 200.0) -> int:
    return sum(conveyor.step(DT_S, on, speed) for _ in range(round(seconds / DT_S)))


def heat(oven: Oven, seconds: float, contactor: bool = True) -> list[float]:
    temperatures = []
    for _ in range(round(seconds / DT_S)):
        oven.step(DT_S, contactor, 180.0)
        temperatures.append(oven.temperature_degc)
    return temperatures


def test_a_part_arrives_each_spacing_of_belt_travel(rng):
    conveyor = Conveyor(rng)
    run(conveyor, 5.0)
    assert run(conveyor, 20.0) == round(20.0 * 200.0 / SPACING_MM)


def test_the_belt_accelerates_and_runs_out_within_its_limit(rng):
    conveyor = Conveyor(rng)
    run(conveyor, 0.25)
    assert 0 < conveyor.speed_mm_s < 200
    run(conveyor, 1.0)
    assert conveyor.speed_mm_s == 200
    run(conveyor, 1.0, on=False)
    assert conveyor.speed_mm_s == 0


def test_a_jam_raises_the_current_far_over_anything_normal(rng):
    conveyor = Conveyor(rng)
    normal = 0.0
    for _ in range(1500):
        conveyor.step(DT_S, True, 200.0)
        normal = max(normal, conveyor.current_a)
    conveyor.jammed = True
    run(conveyor, 4.0)
    assert normal < 5.0
    assert conveyor.current_a == pytest.approx(CURRENT_JAMMED_A, abs=0.5)


def test_a_jam_stops_the_belt_with_a_part_in_front_of_the_eye(rng):
    conveyor = Conveyor(rng)
    run(conveyor, 6.3)
    conveyor.jammed = True
    run(conveyor, 4.0)
    parts = conveyor.parts
    run(conveyor, 10.0)
    assert conveyor.eye_blocked
    assert conveyor.speed_mm_s == 0
    assert conveyor.parts == parts


def test_a_stopped_motor_draws_nothing_even_when_jammed(rng):
    conveyor = Conveyor(rng)
    conveyor.jammed = True
    run(conveyor, 5.0)
    run(conveyor, 3.0, on=False)
    assert conveyor.current_a < 0.01


def test_a_cleared_jam_lets_the_parts_go_on(rng):
    conveyor = Conveyor(rng)
    conveyor.jammed = True
    run(conveyor, 5.0)
    conveyor.jammed = False
    assert run(conveyor, 5.0) >= 2


def test_the_oven_heats_to_its_setpoint_and_holds_it(rng):
    oven = Oven(rng)
    temperatures = heat(oven, 60.0)
    assert temperatures[1000] > temperatures[100]
    held = heat(oven, 60.0)
    assert max(held) < 186
    assert min(held) > 174


def test_the_oven_cools_without_its_contactor(rng):
    oven = Oven(rng, degc=180.0)
    cooling = heat(oven, 100.0, contactor=False)
    assert cooling[-1] < 60
    assert not oven.heating


def test_a_welded_thermostat_heats_on_until_the_cut_out(rng):
    oven = Oven(rng, degc=180.0)
    oven.welded = True
    temperatures = heat(oven, 120.0)
    assert max(temperatures) == pytest.approx(CUT_OUT_DEGC, abs=2.0)


def test_opening_the_contactor_ends_the_heating_of_a_welded_thermostat(rng):
    oven = Oven(rng, degc=220.0)
    oven.welded = True
    assert heat(oven, 20.0, contactor=False)[-1] < 180


def test_the_cut_out_stays_until_the_oven_has_cooled(rng):
    oven = Oven(rng, degc=CUT_OUT_DEGC + 1)
    heat(oven, 1.0)
    assert oven.cut_out
    heat(oven, 5.0)
    assert oven.cut_out
    heat(oven, 30.0)
    assert not oven.cut_out


@given(st.floats(0, 1), st.floats(0, 1))
def test_wear_raises_vibration_monotonically(a, b):
    worse, better = min(a, b), max(a, b)
    assert bearing_rms_mm_s(worse) >= bearing_rms_mm_s(better)
    assert bearing_kurtosis(worse) >= bearing_kurtosis(better)


def test_a_failing_bearing_passes_every_zone_of_iso_10816_within_a_minute(rng):
    press, transmitter = Press(rng), Transmitter(rng)
    press.failing = True
    seen = []
    for _ in range(6000):
        press.step(DT_S, True, True)
        transmitter.step(DT_S, press)
        seen.append(transmitter.rms_mm_s)
    tens = [statistics.mean(seen[start : start + 1000]) for start in range(0, 5000, 1000)]
    assert tens == sorted(tens)
    assert tens[0] < 2.3
    assert seen[-1] > 7.1


def test_the_transmitter_counts_its_refreshes_so_that_a_frozen_value_is_seen(rng):
    press, transmitter = Press(rng), Transmitter(rng)
    for _ in range(1000):
        transmitter.step(DT_S, press)
    assert transmitter.sequence == pytest.approx(100, abs=1)


def test_a_standing_press_hardly_vibrates_however_worn(rng):
    press, transmitter = Press(rng), Transmitter(rng)
    press.health = 0.0
    for _ in range(500):
        press.step(DT_S, False, True)
        transmitter.step(DT_S, press)
    assert transmitter.rms_mm_s < 0.3


def test_the_press_stops_by_its_own_switch_when_the_door_opens(rng):
    press = Press(rng)
    press.step(DT_S, True, False)
    assert not press.running
    assert press.force_kn == 0


def test_the_press_strokes_once_a_cycle_at_its_force(rng):
    press = Press(rng)
    forces = []
    for _ in range(1600):
        press.step(DT_S, True, True)
        forces.append(press.force_kn)
    assert press.cycles == 10
    assert max(forces) == pytest.approx(120.0, abs=2.0)


def test_defects_are_rare_until_the_tool_is_worn(rng):
    gauge = Gauge(rng)
    sizes = [gauge.measure() for _ in range(2000)]
    share = sum(abs(size - NOMINAL_MM) > TOLERANCE_MM for size in sizes) / len(sizes)
    assert 0.01 < share < 0.03
    gauge.failing = True
    for _ in range(5):
        gauge.measure()
    assert gauge.defects_in_row >= 5


def test_the_gate_decides_when_the_part_passes_it_not_when_it_is_measured(rng):
    gauge = Gauge(rng)
    gauge.failing = True
    gauge.measure()
    gauge.carry(149.0, gate_open=False)
    assert (gauge.good, gauge.rejected) == (0, 0)
    gauge.carry(2.0, gate_open=True)
    assert (gauge.good, gauge.rejected, gauge.missed) == (0, 1, 0)


def test_a_defect_that_finds_the_gate_shut_is_counted_as_missed(rng):
    gauge = Gauge(rng)
    gauge.failing = True
    gauge.measure()
    gauge.carry(200.0, gate_open=False)
    assert (gauge.good, gauge.missed) == (1, 1)


def test_parts_take_material_and_a_leak_parts_scale_from_plan(rng):
    hopper = Hopper(rng)
    for _ in range(100):
        hopper.step(0.1, 1)
    assert hopper.difference_kg == pytest.approx(0, abs=0.5)
    assert hopper.expected_kg == pytest.approx(120 - 100 * PART_KG)
    hopper.leaking = True
    for _ in range(100):
        hopper.step(0.1, 0)
    assert hopper.difference_kg < -6


def test_a_refill_brings_scale_and_plan_together(rng):
    hopper = Hopper(rng)
    hopper.leaking = True
    for _ in range(1400):
        hopper.step(0.1, 0)
    assert hopper.wants_refill
    hopper.leaking = False
    hopper.refill()
    hopper.step(0.1, 0)
    assert hopper.difference_kg == pytest.approx(0, abs=0.5)
