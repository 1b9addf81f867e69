"""Laws of the features: Parseval, scale, shift, sampling rate, permutation; and known signals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.window import FIRST_LINES, OCTAVES, describe, octave_starts

SEEDS = st.integers(0, 10_000)
LENGTHS = st.integers(256, 1500)


def windows(seed, count=3, samples=1024):
    random = np.random.default_rng(seed)
    return random.standard_normal((count, samples)) + random.uniform(-5, 5, (count, 1))


@given(seed=SEEDS, samples=LENGTHS)
@settings(deadline=None, max_examples=50)
def test_the_powers_of_a_spectrum_sum_to_the_mean_square(seed, samples):
    features = describe(windows(seed, samples=samples), 1000.0)
    assert np.allclose(features.octave_power.sum(axis=1), features.rms**2)


@given(seed=SEEDS, scale=st.floats(1e-4, 1e4))
@settings(deadline=None, max_examples=50)
def test_scaling_scales_levels_and_leaves_shapes(seed, scale):
    plain = describe(windows(seed), 1000.0)
    scaled = describe(windows(seed) * scale, 1000.0)
    for name in ("mean", "rms", "peak", "first_rms"):
        assert np.allclose(getattr(scaled, name), getattr(plain, name) * scale)
    assert np.allclose(scaled.octave_power, plain.octave_power * scale**2)
    for name in ("crest", "kurtosis", "impulsive", "envelope_power", "impulsive_low_hz"):
        assert np.allclose(getattr(scaled, name), getattr(plain, name))


@given(seed=SEEDS, shift=st.floats(-1e3, 1e3))
@settings(deadline=None, max_examples=50)
def test_an_offset_changes_the_mean_and_nothing_else(seed, shift):
    plain = describe(windows(seed), 1000.0)
    shifted = describe(windows(seed) + shift, 1000.0)
    assert np.allclose(shifted.mean, plain.mean + shift)
    for name in ("rms", "peak", "crest", "kurtosis", "first_rms", "octave_power", "impulsive"):
        assert np.allclose(getattr(shifted, name), getattr(plain, name), atol=1e-9)


@given(seed=SEEDS, faster=st.floats(0.1, 100.0))
@settings(deadline=None, max_examples=25)
def test_the_sampling_rate_only_stretches_the_frequencies(seed, faster):
    plain = describe(windows(seed), 1000.0)
    other = describe(windows(seed), 1000.0 * faster)
    assert np.array_equal(other.octave_power, plain.octave_power)
    assert np.array_equal(other.kurtosis, plain.kurtosis)
    assert other.line_hz == pytest.approx(plain.line_hz * faster)
    assert np.allclose(other.impulsive_low_hz, plain.impulsive_low_hz * faster)


@given(seed=SEEDS, order=st.permutations(range(5)))
@settings(deadline=None, max_examples=25)
def test_each_window_is_described_alone(seed, order):
    plain = describe(windows(seed, count=5), 1000.0)
    other = describe(windows(seed, count=5)[list(order)], 1000.0)
    for name in ("rms", "kurtosis", "first_rms", "octave_power", "envelope_power", "impulsive"):
        assert np.allclose(getattr(other, name), getattr(plain, name)[list(order)])


@given(seed=SEEDS)
@settings(deadline=None, max_examples=25)
def test_levels_do_not_depend_on_the_order_of_the_samples(seed):
    samples = windows(seed)
    shuffled = np.random.default_rng(seed).permuted(samples, axis=1)
    plain, other = describe(samples, 1000.0), describe(shuffled, 1000.0)
    for name in ("mean", "rms", "peak", "crest", "kurtosis"):
        assert np.allclose(getattr(other, name), getattr(plain, name))
    assert np.allclose(other.octave_power.sum(axis=1), plain.octave_power.sum(axis=1))


@given(
    seed=SEEDS, turn=st.integers(0, 1023), backwards=st.booleans(), upside=st.sampled_from([-1, 1])
)
@settings(deadline=None, max_examples=50)
def test_a_spectrum_knows_neither_beginning_nor_direction_nor_polarity(
    seed, turn, backwards, upside
):
    samples = windows(seed)
    other = upside * np.roll(samples, turn, axis=1)[:, :: -1 if backwards else 1]
    plain, turned = describe(samples, 1000.0), describe(other, 1000.0)
    for name in ("rms", "peak", "kurtosis", "first_rms", "octave_power"):
        assert np.allclose(getattr(turned, name), getattr(plain, name))
    assert np.allclose(turned.mean, upside * plain.mean)


def test_a_sine_is_what_a_sine_is():
    t = np.arange(4096) / 4096
    features = describe(3.0 * np.sin(2 * np.pi * 40 * t)[None, :], 4096.0)
    assert features.rms[0] == pytest.approx(3 / math.sqrt(2))
    assert features.peak[0] == pytest.approx(3.0, rel=1e-3)
    assert features.crest[0] == pytest.approx(math.sqrt(2), rel=1e-3)
    assert features.kurtosis[0] == pytest.approx(1.5, rel=1e-6)
    assert features.first_rms[0, 39] == pytest.approx(3 / math.sqrt(2))
    assert np.delete(features.first_rms[0], 39).max() < 1e-9


def test_noise_has_a_kurtosis_of_three_and_no_impulsive_band():
    features = describe(np.random.default_rng(1).standard_normal((20, 4096)), 4096.0)
    assert features.kurtosis.mean() == pytest.approx(3.0, abs=0.1)
    assert features.impulsive.max() < 1.5


def test_strikes_are_found_in_the_band_where_they_ring_with_their_rate():
    rate_hz, samples = 16_384.0, 4096
    t = np.arange(samples) / rate_hz
    train = np.zeros(samples)
    train[:: round(rate_hz / 128.0)] = 1.0
    ring = np.exp(-600 * t[:200]) * np.sin(2 * np.pi * 5_500.0 * t[:200])
    struck = 16.0 * np.convolve(train, ring)[:samples]
    struck += np.random.default_rng(2).standard_normal(samples)
    features = describe(struck[None, :], rate_hz)
    # The band in which they ring, or the one beside it: a short ring is wide.
    assert abs(features.impulsive_low_hz[0] + 512 - 5_500) < 1.5 * 1_024
    assert features.impulsive[0] > 1.5
    strongest = (int(features.envelope_power[0].argmax()) + 1) * features.line_hz
    assert strongest % 128.0 == pytest.approx(0.0, abs=features.line_hz)


def test_a_window_in_which_nothing_moves_gives_no_ratios_and_no_warning():
    features = describe(np.full((2, 512), 7.0), 1000.0)
    assert features.rms.tolist() == [0.0, 0.0]
    assert np.isnan(features.crest).all()
    assert np.isnan(features.kurtosis).all()
    assert np.isfinite(features.envelope_power).all()


def test_whole_numbers_and_single_precision_are_described_as_exactly():
    raw = np.random.default_rng(3).integers(-2000, 2000, (2, 1024))
    exact = describe(raw.astype(np.float64), 1000.0)
    for kind in (np.int16, np.float32):
        features = describe(raw.astype(kind), 1000.0)
        assert np.allclose(features.kurtosis, exact.kurtosis)
        assert np.allclose(features.octave_power, exact.octave_power)


@pytest.mark.parametrize("shape", [(1024,), (3, 255), (2, 3, 1024)])
def test_what_is_no_window_is_refused(shape):
    with pytest.raises(ValueError, match="samples"):
        describe(np.zeros(shape), 1000.0)


@given(lines=st.integers(128, 100_000))
@settings(deadline=None)
def test_octaves_rise_and_the_last_is_the_upper_half(lines):
    starts = octave_starts(lines)
    assert len(starts) == OCTAVES
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert starts[-1] == lines // 2


def test_short_windows_have_the_first_lines_that_there_are():
    features = describe(windows(1, samples=256), 1000.0)
    assert features.first_rms.shape == (3, FIRST_LINES)
