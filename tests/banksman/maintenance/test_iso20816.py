"""Velocity from acceleration and the zones of ISO 20816-3."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.iso20816 import LIMITS, severity, velocity_mm_s, zone_of
from banksman.maintenance.units import STANDARD_GRAVITY_MS2

RATE_HZ = 8_000.0


def tone(hz, velocity_rms_mm_s, seconds=4.0):
    """An acceleration in m/s2 whose velocity has that rms."""
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    peak = velocity_rms_mm_s * math.sqrt(2) / 1e3 * 2 * math.pi * hz
    return peak * np.sin(2 * np.pi * hz * t)


@given(hz=st.floats(13.0, 950.0), velocity=st.floats(0.1, 30.0))
@settings(deadline=None, max_examples=50)
def test_a_tone_has_the_velocity_it_was_made_with(hz, velocity):
    assert velocity_mm_s(tone(hz, velocity), RATE_HZ, "m/s2") == pytest.approx(velocity, rel=0.01)


@pytest.mark.parametrize(
    ("unit", "ms2"),
    [
        ("m/s2", 1.0),
        ("m/s²", 1.0),
        ("mm/s2", 1e-3),
        ("gn", 9.80665),
        ("g", 9.80665),
        ("mgn", 9.80665e-3),
        ("mg", 9.80665e-3),
        ("in/s2", 0.0254),
    ],
)
def test_every_unit_of_acceleration_gives_the_same_velocity(unit, ms2):
    samples = tone(100.0, 4.5) / ms2
    assert velocity_mm_s(samples, RATE_HZ, unit) == pytest.approx(4.5, rel=0.01)


def test_a_velocity_sensor_needs_no_integral():
    t = np.arange(32_000) / RATE_HZ
    samples = math.sqrt(2) * 3.0 * np.sin(2 * np.pi * 100.0 * t)
    assert velocity_mm_s(samples, RATE_HZ, "mm/s") == pytest.approx(3.0, rel=0.01)
    assert velocity_mm_s(samples / 1e3, RATE_HZ, "m/s") == pytest.approx(3.0, rel=0.01)
    assert velocity_mm_s(samples / 25.4, RATE_HZ, "in/s") == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("hz", [2.0, 5.0, 8.0, 1_100.0, 3_000.0])
def test_what_lies_outside_10_to_1000_hz_does_not_count(hz):
    assert velocity_mm_s(tone(hz, 10.0), RATE_HZ, "m/s2") < 0.1


def test_gravity_and_drift_do_not_become_velocity():
    drift = STANDARD_GRAVITY_MS2 + np.linspace(0, 1.0, 32_000)
    assert velocity_mm_s(drift, RATE_HZ, "m/s2") < 0.05


def test_velocities_of_tones_add_by_their_squares():
    both = tone(50.0, 3.0) + tone(120.0, 4.0)
    assert velocity_mm_s(both, RATE_HZ, "m/s2") == pytest.approx(5.0, rel=0.01)


@pytest.mark.parametrize(
    ("group", "foundation", "velocity", "zone"),
    [
        (1, "rigid", 2.2, "A"),
        (1, "rigid", 2.4, "B"),
        (1, "rigid", 4.6, "C"),
        (1, "rigid", 7.2, "D"),
        (1, "flexible", 3.4, "A"),
        (1, "flexible", 7.0, "B"),
        (1, "flexible", 10.9, "C"),
        (1, "flexible", 11.2, "D"),
        (2, "rigid", 1.3, "A"),
        (2, "rigid", 2.7, "B"),
        (2, "rigid", 4.4, "C"),
        (2, "rigid", 4.6, "D"),
        (2, "flexible", 2.2, "A"),
        (2, "flexible", 4.4, "B"),
        (2, "flexible", 7.0, "C"),
        (2, "flexible", 7.2, "D"),
    ],
)
def test_the_zones_are_those_of_the_standard(group, foundation, velocity, zone):
    found = severity(tone(100.0, velocity), RATE_HZ, "m/s2", group, foundation, 1500.0)
    assert found.zone == zone
    assert found.velocity_mm_s == pytest.approx(velocity, rel=0.01)


def test_a_limit_itself_belongs_to_the_better_zone():
    for limits in LIMITS.values():
        assert [zone_of(v, limits) for v in (limits.a_b, limits.b_c, limits.c_d)] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"unit": ""}, "unit"),
        ({"unit": "bar"}, "unit"),
        ({"rate_hz": 2_000.0}, "2560 Hz"),
        ({"samples": tone(100.0, 1.0, seconds=0.1)}, "lasts 0.10 s"),
        ({"group": None}, "group"),
        ({"foundation": None}, "foundation"),
        ({"group": 3}, "no group 3"),
        ({"speed_rpm": None}, "speed"),
        ({"speed_rpm": 300.0}, "600 to 30000"),
    ],
)
def test_the_zone_is_unknown_where_anything_is_missing(changed, why):
    given_ = {
        "samples": tone(100.0, 1.0),
        "rate_hz": RATE_HZ,
        "unit": "m/s2",
        "group": 1,
        "foundation": "rigid",
        "speed_rpm": 1500.0,
    }
    found = severity(**{**given_, **changed})
    assert found.zone == "unknown"
    assert why in found.reason


@given(
    seed=st.integers(0, 1000),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-50, 50),
    unit=st.sampled_from(["gn", "m/s2", "mm/s"]),
)
@settings(deadline=None, max_examples=25)
def test_the_velocity_is_as_many_times_greater_as_the_samples_and_knows_no_offset(
    seed, scale, shift, unit
):
    samples = np.random.default_rng(seed).standard_normal(8_000)
    plain = velocity_mm_s(samples, 4_000.0, unit)
    assert velocity_mm_s(samples * scale + shift, 4_000.0, unit) == pytest.approx(
        plain * scale, rel=1e-3
    )


def test_a_velocity_that_is_no_number_lies_in_no_zone():
    for limits in LIMITS.values():
        assert zone_of(math.nan, limits) == "unknown"
