"""Samples by angle, and speeds that are estimated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vibrations import shaft

from banksman.maintenance.orders import by_angle, estimate_speed

RATE_HZ = 6_400.0


def run_up(seconds=4.0, from_hz=18.0, to_hz=30.0, order=3.6):
    """A machine that speeds up: samples, and the times of one pulse each turn."""
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    turns = from_hz * t + (to_hz - from_hz) * t * t / (2 * seconds)
    fine = np.arange(round(200_000 * seconds)) / 200_000
    fine_turns = from_hz * fine + (to_hz - from_hz) * fine * fine / (2 * seconds)
    pulses = np.interp(np.arange(1, int(fine_turns[-1])), fine_turns, fine)
    return np.sin(2 * np.pi * order * turns), pulses


def test_a_line_stands_still_in_orders_while_the_speed_rises():
    samples, pulses = run_up()
    turned = by_angle(samples, RATE_HZ, pulses)
    count = len(turned.samples)
    power = np.abs(np.fft.rfft(turned.samples * np.hanning(count))) ** 2
    order = np.arange(len(power)) * turned.per_turn / count
    near = np.abs(order - 3.6) < 0.06
    assert order[power.argmax()] == pytest.approx(3.6, abs=0.02)
    assert power[near].sum() > 0.97 * power.sum()
    # In time the same line is smeared over eight orders' tenths.
    smeared = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    assert smeared.max() < 0.2 * power.max()


def test_the_mean_speed_is_that_of_the_pulses():
    samples, pulses = run_up()
    turned = by_angle(samples, RATE_HZ, pulses)
    assert turned.shaft_hz == pytest.approx((len(pulses) - 1) / (pulses[-1] - pulses[0]))
    assert turned.rate_hz >= RATE_HZ


def test_several_pulses_a_turn_are_one_turn():
    t = np.arange(6_400) / RATE_HZ
    samples = np.sin(2 * np.pi * 20.0 * t)
    turned = by_angle(samples, RATE_HZ, np.arange(1, 80) / 80.0, pulses_per_turn=4)
    assert turned.shaft_hz == pytest.approx(20.0)
    assert turned.samples[:: turned.per_turn].std() < 0.01


@pytest.mark.parametrize(
    "pulses", [[], [0.1, 0.2], [0.1, 0.3, 0.2, 0.4], [0.1, 0.1, 0.2], [-3, 5, 9]]
)
def test_pulses_that_tell_no_speed_are_refused(pulses):
    with pytest.raises(ValueError, match="tacho pulses"):
        by_angle(np.zeros(6_400), RATE_HZ, np.array(pulses))


@pytest.mark.parametrize("true_hz", [23.4, 24.1, 24.9, 25.6])
def test_a_speed_near_the_plate_is_found(true_hz):
    random = np.random.default_rng(1)
    lines = {1: 1.0, 2: 0.4, 3: 0.3}
    samples = shaft(lines, rate_hz=RATE_HZ, seconds=2.0, shaft_hz=true_hz)
    samples = samples + random.standard_normal(len(samples))
    found = estimate_speed(samples, RATE_HZ, 24.6)
    assert found is not None
    assert found.shaft_hz == pytest.approx(true_hz, abs=0.13)


@given(scale=st.floats(1e-4, 1e4), shift=st.floats(-10, 10), turned=st.sampled_from([-1, 1]))
@settings(deadline=None, max_examples=15)
def test_gain_offset_and_polarity_of_a_sensor_change_no_speed(scale, shift, turned):
    samples = shaft({1: 1.0, 2: 0.5, 3: 0.4}, rate_hz=RATE_HZ, seconds=2.0, shaft_hz=24.1)
    samples = samples + np.random.default_rng(4).standard_normal(len(samples))
    plain = estimate_speed(samples, RATE_HZ, 24.6)
    other = estimate_speed((samples + shift) * scale * turned, RATE_HZ, 24.6)
    assert plain is not None
    assert other is not None
    assert other.shaft_hz == pytest.approx(plain.shaft_hz)


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3), faster=st.floats(0.1, 10.0))
@settings(deadline=None, max_examples=15)
def test_by_angle_a_machine_and_its_sampling_sped_up_together_are_the_same(seed, scale, faster):
    samples, pulses = run_up(seconds=1.0)
    samples = samples + 0.1 * np.random.default_rng(seed).standard_normal(len(samples))
    plain = by_angle(samples, RATE_HZ, pulses)
    other = by_angle(samples * scale, RATE_HZ * faster, pulses / faster)
    assert other.shaft_hz == pytest.approx(plain.shaft_hz * faster)
    shared = min(len(plain.samples), len(other.samples))
    assert abs(len(plain.samples) - len(other.samples)) <= plain.per_turn + other.per_turn
    if plain.per_turn == other.per_turn:
        assert np.allclose(
            other.samples[:shared], plain.samples[:shared] * scale, atol=1e-6 * scale
        )


def test_noise_has_no_speed():
    random = np.random.default_rng(2)
    found = [estimate_speed(random.standard_normal(12_800), RATE_HZ, 24.6) for _ in range(30)]
    assert sum(estimate is not None for estimate in found) <= 1


def test_the_mains_are_no_shaft():
    t = np.arange(12_800) / RATE_HZ
    random = np.random.default_rng(3)
    samples = sum(np.sin(2 * np.pi * k * 50.0 * t) for k in range(1, 6))
    samples = samples + random.standard_normal(12_800)
    assert estimate_speed(samples, RATE_HZ, 24.6) is None
