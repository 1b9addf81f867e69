"""One vibration sensor of a machine, on signals that are made here."""

import math

import numpy as np
import pytest

from banksman.config.schema_maintenance import MachineSettings, VibrationSettings
from banksman.maintenance.bearings import bearing_orders
from banksman.maintenance.hearing import Hearing, peaks_of
from banksman.maintenance.levels import LEVEL_NAMES, SHAPES
from banksman_drivers.ports import Burst, Quality

RATE_HZ = 12_000.0
RPM = 1797.0


def settings(**options):
    return MachineSettings.model_validate({"id": "pump", "speed_rpm": RPM, **options})


def hearing(bearing="6205", **options):
    sensor = VibrationSettings(sensor="acc.x", bearing=bearing, full_scale=50.0)
    return Hearing(settings(**options), sensor)


def shaken(seed, order=None, unit="g", quality=Quality.GOOD, seconds=1.0, louder=1.0):
    """Noise, and where an order is given a resonance at 3 kHz that is struck once a period."""
    count = int(RATE_HZ * seconds)
    random = np.random.default_rng(seed)
    samples = random.normal(0.0, 0.05, count)
    if order is not None:
        period = RATE_HZ / (order * RPM / 60)
        ring = np.exp(-np.arange(120) / 20) * np.sin(2 * np.pi * 3000 / RATE_HZ * np.arange(120))
        for number in range(int(count / period) - 1):
            at = int((number + random.normal(0, 0.005)) * period) % (count - 120)
            samples[at : at + 120] += 1.0 * ring
    mono_ns = int((seed + 1) * 2e9)
    return Burst("acc.x", (samples * louder).astype(np.float32), RATE_HZ, unit, quality, mono_ns)


def heard(hearing, *bursts, speed=None):
    for burst in bursts:
        hearing.take(burst, speed)
    return hearing.newest


def test_bursts_that_follow_each_other_are_joined_until_a_fault_can_be_named():
    whole = shaken(1, bearing_orders("6205").bpfo, seconds=5.0).samples
    ear, size = hearing(), 1024
    for number in range(len(whole) // size):
        mono_ns = round((number + 1) * size / RATE_HZ * 1e9)
        piece = whole[number * size : (number + 1) * size]
        ear.take(Burst("acc.x", piece, RATE_HZ, "gn", Quality.GOOD, mono_ns), None)
    assert (ear.newest.finding.fault, ear.newest.finding.certainty) == ("outer_race", "named")


def test_short_bursts_between_pauses_say_that_they_are_too_short():
    order = bearing_orders("6205").bpfo
    told = heard(hearing(), *(shaken(seed, order, seconds=0.1) for seed in range(3)))
    assert told.finding.fault == "blocked"
    assert "revolutions" in told.finding.reason


def test_a_healthy_bearing_has_no_fault():
    told = heard(hearing(), *(shaken(seed) for seed in range(5)))
    assert told.finding.fault == "none"


@pytest.mark.parametrize(("fault", "order"), [("outer_race", "bpfo"), ("inner_race", "bpfi")])
def test_a_struck_race_is_named(fault, order):
    struck = getattr(bearing_orders("6205"), order)
    told = heard(hearing(), *(shaken(seed, struck) for seed in range(5)))
    assert (told.finding.fault, told.finding.certainty) == (fault, "named")
    assert told.shown is not None


def test_without_a_bearing_nothing_is_named():
    told = heard(hearing(bearing=None), shaken(1, 3.58))
    assert told.finding.fault == "none"
    assert told.finding.reason == "its bearing is not configured"


def test_without_a_speed_the_finding_says_so():
    told = heard(hearing(speed_rpm=None), shaken(1, 3.58))
    assert "speed" in told.finding.reason


def test_the_tacho_leads_over_the_plate():
    order = bearing_orders("6205").bpfo
    told = heard(hearing(speed_rpm=900.0), *(shaken(n, order) for n in range(5)), speed=RPM)
    assert told.finding.fault == "outer_race"
    assert told.shaft_hz == pytest.approx(RPM / 60)


def test_a_clipped_input_forbids_conclusions_and_says_why():
    burst = shaken(1, 3.58, louder=400.0)
    clipped = Burst("acc.x", burst.samples.clip(-50, 50), RATE_HZ, "g", Quality.GOOD, 1)
    told = heard(hearing(), clipped)
    assert told.finding.fault == "blocked"
    assert "range" in told.finding.reason


@pytest.mark.parametrize("spoiled", [math.nan, math.inf])
def test_samples_that_are_no_numbers_are_skipped_and_counted(spoiled):
    burst = shaken(1)
    burst.samples[100] = spoiled
    ear = hearing()
    assert heard(ear, burst) is None
    assert ear.skipped == 1


def test_a_bad_or_short_burst_is_skipped_and_counted():
    ear = hearing()
    heard(ear, shaken(1, quality=Quality.BAD), shaken(2, seconds=0.01))
    assert (ear.newest, ear.skipped) == (None, 2)
    assert np.isnan(ear.level()).all()


def test_twice_as_loud_is_the_logarithm_of_two_in_each_level_of_loudness_and_the_same_shape():
    once, twice = hearing(), hearing()
    heard(once, shaken(1))
    heard(twice, shaken(1, louder=2.0))
    difference = twice.level() - once.level()
    expected = [0.0 if name in SHAPES else math.log(2.0) for name in LEVEL_NAMES]
    assert difference == pytest.approx(np.array(expected), abs=1e-5)


def test_a_zone_is_told_where_the_machine_is_known():
    told = heard(hearing(group=2, foundation="rigid"), shaken(1, louder=0.01, seconds=4.0))
    assert told.severity.zone == "A"
    assert heard(hearing(), shaken(1)).severity.zone == "unknown"


def turning(*orders_mm_s):
    """Velocity, mm/s rms, at the shaft's orders 1, 2 …, on a little noise; four seconds."""
    seconds = np.arange(4 * 6400) / 6400
    samples = np.random.default_rng(1).normal(0.0, 0.02, len(seconds))
    for order, size in enumerate(orders_mm_s, start=1):
        samples += size * math.sqrt(2) * np.sin(2 * np.pi * order * RPM / 60 * seconds)
    return Burst("acc.x", samples.astype(np.float32), 6400.0, "mm/s", Quality.GOOD, 1)


def test_a_machine_that_shakes_too_much_at_its_shaft_is_suspected_of_imbalance():
    told = heard(hearing(bearing=None, group=2, foundation="rigid"), turning(6.0, 0.3))
    assert (told.finding.fault, told.finding.certainty) == ("imbalance", "suspected")
    assert "zone D" in told.finding.reason


def test_a_machine_that_shakes_no_more_than_it_should_is_suspected_of_nothing():
    told = heard(hearing(bearing=None, group=2, foundation="rigid"), turning(1.0, 0.05))
    assert told.finding.fault == "none"


@pytest.mark.parametrize(("lines", "points"), [(10, 600), (600, 600), (12_800, 600), (601, 600)])
def test_no_peak_of_a_spectrum_is_lost_when_it_is_drawn_in_fewer_points(lines, points):
    spectrum = np.random.default_rng(lines).random(lines)
    spectrum[lines // 3] = 7.0
    shown, each = peaks_of(spectrum, points)
    assert len(shown) <= points
    assert shown[lines // 3 // each] == 7.0
    assert len(shown) * each >= lines


def test_a_sensor_that_fell_silent_says_nothing_any_more():
    ear = hearing()
    heard(ear, shaken(1), shaken(2), shaken(3))  # one each two seconds
    at_ns = shaken(3).mono_ns
    assert ear.now(at_ns + int(5e9), 0.1) is not None
    assert ear.now(at_ns + int(7e9), 0.1) is None
    assert ear.now(at_ns + int(8e9), 0.1) is None
    heard(ear, shaken(8))
    assert ear.now(shaken(8).mono_ns, 0.1) is not None


def test_a_sensor_that_speaks_once_a_window_is_not_silent_in_between():
    ear = hearing()
    heard(ear, shaken(1), shaken(2))
    assert ear.now(shaken(2).mono_ns + int(100e9), 60.0) is not None
