"""A tacho beside the vibration: pulses, pairs, and faults that are read by angle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vibrations import struck_bearing

from banksman.config.schema_maintenance import MachineSettings, VibrationSettings
from banksman.maintenance.bearings import bearing_orders
from banksman.maintenance.hearing import Hearing
from banksman.maintenance.tacho import WAITING_MAX, Pairing, pulses_of, turned_by
from banksman_drivers.ports import Burst, Quality

RATE_HZ = 12_000.0
BLOCK = 1_200
ORDERS = bearing_orders("6205")
SPEED_HZ = 29.0


def marks(turns, per_turn=1):
    """What a gap sensor sees of marks that cover a fifth of their share of the shaft."""
    return np.where((turns * per_turn) % 1.0 < 0.2, 5.0, 0.1)


def burst(sensor, samples, block=1, quality=Quality.GOOD):
    at_ns = round(block * len(samples) / RATE_HZ * 1e9)
    return Burst(sensor, samples.astype(np.float32), RATE_HZ, "g", quality, at_ns)


def of(sensor, block, **options):
    return burst(sensor, np.full(BLOCK, float(block)), block, **options)


def run_up(seed=3, seconds=2.0, grows=1.5):
    """A struck outer race whose shaft speeds up: vibration and the turns, at equal times."""
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    # The machine in its own time, in which the shaft turns steadily, stretched into ours.
    own_s = t + (grows - 1) * t * t / (2 * seconds)
    random = np.random.default_rng(seed)
    steady = struck_bearing(
        random, "outer_race", ORDERS, rate_hz=4 * RATE_HZ, seconds=own_s[-1] + 0.01,
        shaft_hz=SPEED_HZ, jitter=0.002, strength=2.0,
    )  # fmt: skip
    at = np.arange(len(steady)) / (4 * RATE_HZ)
    return np.interp(own_s, at, steady), own_s * SPEED_HZ


def hearing(tacho=True, **options):
    table = {"id": "pump", **options}
    if tacho:
        table["tacho"] = {"sensor": "acc.tacho"}
    sensor = VibrationSettings(sensor="acc.x", bearing="6205")
    return Hearing(MachineSettings.model_validate(table), sensor)


def hear(ear, samples, turns, speed_rpm=None, tacho=marks):
    """All of it, block by block, as a driver gives it."""
    for block in range(1, len(samples) // BLOCK + 1):
        here = slice((block - 1) * BLOCK, block * BLOCK)
        beside = None if tacho is None else burst("acc.tacho", tacho(turns[here]), block)
        speed = None if speed_rpm is None else float(speed_rpm[here].mean())
        ear.take(burst("acc.x", samples[here], block), speed, beside)
    return ear.newest


def test_a_pulse_begins_where_the_signal_rises_between_two_samples():
    ramp = np.array([0, 0, 1, 2, 3, 3, 0, 0, 1.5, 3, 0], dtype=float)
    assert pulses_of(ramp, 10.0) == pytest.approx([0.3, 0.8 + 0.1 / 3])


def test_an_edge_that_trembles_is_one_pulse():
    t = np.arange(12_000) / RATE_HZ
    random = np.random.default_rng(5)
    noisy = marks(t * SPEED_HZ) + random.normal(0, 0.5, len(t))
    assert len(pulses_of(noisy, RATE_HZ)) == 28


@settings(deadline=None, max_examples=40)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_pulses_are_the_same_in_any_unit(scale, shift):
    level = marks(np.arange(4_000) / RATE_HZ * 30.0)
    assert pulses_of(level * scale + shift, RATE_HZ) == pytest.approx(
        pulses_of(level, RATE_HZ), abs=1e-9
    )


@pytest.mark.parametrize("level", [np.zeros(100), np.array([1.0]), np.full(50, np.nan)])
def test_a_signal_that_does_not_move_has_no_pulses(level):
    assert len(pulses_of(level, RATE_HZ)) == 0


def test_missed_pulses_tell_no_angle():
    turns = np.arange(12_000) / RATE_HZ * SPEED_HZ
    missed = np.where((turns > 9.9) & (turns < 10.9), 0.1, marks(turns))
    with pytest.raises(ValueError, match="missed or made up"):
        turned_by(np.zeros(12_000), missed, RATE_HZ, 1)


def test_a_pulse_made_up_by_a_spark_tells_no_angle():
    turns = np.arange(12_000) / RATE_HZ * SPEED_HZ
    sparked = marks(turns)
    sparked[6_150:6_155] = 5.0
    with pytest.raises(ValueError, match="missed or made up"):
        turned_by(np.zeros(12_000), sparked, RATE_HZ, 1)


def test_marks_count_for_a_turn_together():
    turns = np.arange(12_000) / RATE_HZ * SPEED_HZ
    turned = turned_by(np.zeros(12_000), marks(turns, per_turn=4), RATE_HZ, 4)
    assert turned.shaft_hz == pytest.approx(SPEED_HZ, rel=1e-4)


def test_a_fault_is_named_through_a_run_up():
    heard = hear(hearing(), *run_up())
    assert (heard.finding.fault, heard.finding.certainty) == ("outer_race", "named")
    assert heard.speed_told == "by its tacho"
    assert heard.shaft_hz == pytest.approx(SPEED_HZ * 1.375, rel=0.02)  # of the last second


def test_a_window_in_which_the_speed_moved_says_nothing_of_lines_without_a_tacho():
    samples, turns = run_up()
    rpm = np.gradient(turns, 1 / RATE_HZ) * 60
    heard = hear(hearing(tacho=False, speed="plc.rpm"), samples, turns, rpm, tacho=None)
    assert heard.finding.fault == "blocked"
    assert "only a tacho sees through that" in heard.finding.reason


def test_a_steady_speed_sensor_blocks_nothing():
    samples, turns = run_up(grows=1.0)
    rpm = np.full(len(samples), SPEED_HZ * 60) + np.sin(np.arange(len(samples)))
    heard = hear(hearing(tacho=False, speed="plc.rpm"), samples, turns, rpm, tacho=None)
    assert heard.finding.fault == "outer_race"
    assert heard.speed_told == "by plc.rpm"


def test_a_torn_tacho_is_told_and_the_speed_from_the_plate_is_taken():
    samples, turns = run_up(grows=1.0)
    heard = hear(hearing(speed_rpm=SPEED_HZ * 60), samples, turns, tacho=np.zeros_like)
    assert heard.finding.fault == "outer_race"
    assert heard.speed_told.startswith("as configured; acc.tacho tells no angle: 0 tacho pulses")


def test_a_block_without_tacho_shifts_nothing():
    samples, turns = run_up(seconds=4.0)
    ear, pairing = hearing(), Pairing("acc.tacho")
    for block in range(1, 41):
        here = slice((block - 1) * BLOCK, block * BLOCK)
        bursts = [burst("acc.x", samples[here], block)]
        if block != 3:
            bursts.append(burst("acc.tacho", marks(turns[here]), block))
        for each in bursts:
            for pair in pairing.take(each):
                ear.take(pair[0], None, pair[1])
    assert pairing.unpaired == 1
    assert ear.newest.finding.fault == "outer_race"
    assert ear.newest.speed_told == "by its tacho"


def test_a_burst_waits_for_its_tacho_whichever_comes_first():
    pairing = Pairing("acc.tacho")
    assert pairing.take(of("acc.x", 1)) == []
    assert pairing.take(of("acc.y", 1)) == []
    done = pairing.take(of("acc.tacho", 1))
    assert [(each.sensor, tacho.samples[0]) for each, tacho in done] == [("acc.x", 1), ("acc.y", 1)]
    assert pairing.take(of("acc.tacho", 2)) == []
    ((each, tacho),) = pairing.take(of("acc.x", 2))
    assert (each.mono_ns, tacho.samples[0]) == (tacho.mono_ns, 2)
    assert pairing.unpaired == 0


def test_a_silent_tacho_holds_a_burst_no_longer_than_until_the_next():
    pairing = Pairing("acc.tacho")
    assert pairing.take(of("acc.x", 1)) == []
    ((each, tacho),) = pairing.take(of("acc.x", 2))
    assert each.mono_ns == of("acc.x", 1).mono_ns
    assert np.isnan(tacho.samples).all()
    assert pairing.unpaired == 1


def test_a_bad_tacho_is_none():
    pairing = Pairing("acc.tacho")
    pairing.take(of("acc.x", 1))
    ((_, tacho),) = pairing.take(of("acc.tacho", 1, quality=Quality.BAD))
    assert np.isnan(tacho.samples).all()


def test_what_waits_is_bounded():
    pairing = Pairing("acc.tacho")
    given = [pairing.take(of(f"acc.x{number}", 1)) for number in range(WAITING_MAX + 5)]
    assert sum(len(each) for each in given) == 5
