"""Samples that may not be believed, each by its name; and samples that may."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.integrity import (
    check_clock,
    check_spectrum,
    check_window,
    forbidden,
    quality_of,
)
from banksman.maintenance.window import line_powers
from banksman_drivers.ports import Quality

NOISE = np.random.default_rng(1).standard_normal(4096)


def kinds(samples, unit="g", full_scale=None):
    return [flaw.kind for flaw in check_window(samples, unit, full_scale)]


def quantised(samples, bits=16, full=8.0):
    step = full / 2 ** (bits - 1)
    return np.round(samples / step) * step


@given(seed=st.integers(0, 5000), bits=st.sampled_from([10, 12, 16, 24]))
@settings(deadline=None, max_examples=60)
def test_noise_of_any_resolution_is_believed(seed, bits):
    samples = quantised(np.random.default_rng(seed).standard_normal(2048), bits)
    assert kinds(samples) == []


@given(hz=st.floats(1.0, 400.0), phase=st.floats(0, 6.3), bits=st.sampled_from([8, 12, 16]))
@settings(deadline=None, max_examples=60)
def test_a_slow_pure_tone_is_believed(hz, phase, bits):
    t = np.arange(4096) / 25_600
    assert kinds(quantised(np.sin(2 * np.pi * hz * t + phase), bits, 2.0)) == []


@pytest.mark.parametrize("per_period", [8, 64, 200])
def test_a_tone_in_step_with_the_sampling_is_not_clipped(per_period):
    assert kinds(np.sin(2 * np.pi * np.arange(4096) / per_period + 1.0)) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_forbid_everything(value):
    samples = NOISE.copy()
    samples[100] = value
    (flaw,) = check_window(samples, "g")
    assert (flaw.kind, flaw.quality) == ("numbers", Quality.BAD)
    for conclusion in ("level", "impacts", "lines", "severity"):
        assert forbidden([flaw], conclusion) is not None
    assert kinds(np.zeros(0)) == ["numbers"]


def test_a_stuck_sensor_is_bad():
    (flaw,) = check_window(np.full(1000, 0.25), "g")
    assert (flaw.kind, flaw.quality) == ("stuck", Quality.BAD)


@pytest.mark.parametrize("limit", [0.2, 0.5, 0.79, 1.0, 2.0])  # at 0.79 it is as flat as a sine
def test_clipping_is_seen_without_knowing_the_range(limit):
    (flaw,) = check_window(np.clip(NOISE, -limit, limit), "g")
    assert flaw.kind == "clipped"
    assert f"{limit:.4g}" in flaw.reason
    assert forbidden([flaw], "impacts") is not None
    assert forbidden([flaw], "lines") is None


def test_clipping_at_one_end_only_is_seen():
    assert kinds(np.minimum(NOISE, 1.5)) == ["clipped"]
    assert kinds(np.maximum(NOISE, -1.5)) == ["clipped"]


def test_a_known_range_shows_a_few_clipped_samples():
    samples = NOISE.copy()
    samples[[10, 500]] = 16.0
    assert kinds(samples) == []
    assert kinds(samples, full_scale=16.0) == ["clipped"]


@pytest.mark.parametrize("run", [16, 64, 500])
def test_samples_that_were_dropped_and_filled_in_are_seen(run):
    samples = quantised(NOISE)
    samples[1000 : 1000 + run] = samples[999]
    (flaw,) = check_window(samples, "g")
    assert flaw.kind == "dropped"
    assert forbidden([flaw], "impacts") is not None
    assert forbidden([flaw], "level") is None


def test_zeros_in_the_place_of_samples_are_seen():
    samples = NOISE.copy()
    samples[3000:3040] = 0.0
    assert kinds(samples) == ["dropped"]


def test_a_spectrum_that_rises_to_its_end_hints_at_aliasing():
    hz = np.linspace(0, 1, 2049)[1:]
    flat, rising, falling = np.ones(2048), np.where(hz > 0.9, 30.0, 1.0), np.exp(-8 * hz)
    assert check_spectrum(flat) == []
    assert check_spectrum(falling) == []
    (flaw,) = check_spectrum(rising)
    assert flaw.kind == "aliased"
    assert forbidden([flaw], "lines") is not None
    assert forbidden([flaw], "impacts") is None


def test_noise_gives_no_hint_of_aliasing():
    for seed in range(50):
        samples = np.random.default_rng(seed).standard_normal(1024)
        assert check_spectrum(line_powers(np.fft.rfft(samples)[1:], 1024)) == []


@pytest.mark.parametrize(
    ("elapsed_ms", "gapless", "told"),
    [
        (100, True, None),
        (104, True, None),
        (96, True, None),
        (10_000, False, None),
        (10_000, True, "missing"),
        (50, False, "too early"),
        (0, False, "went back"),
        (-300, True, "went back"),
    ],
)
def test_the_time_between_bursts_must_hold_their_samples(elapsed_ms, gapless, told):
    found = check_clock(
        5_000_000_000, 5_000_000_000 + elapsed_ms * 1_000_000, 2560, 25_600, gapless
    )
    if told is None:
        assert found == []
    else:
        assert told in found[0].reason
        assert forbidden(found, "impacts") is not None


@pytest.mark.parametrize(
    ("samples", "unit", "wrong"),
    [
        (NOISE * 0.1 + 9.81, "g", True),
        (NOISE * 0.1 - 9.75, "gn", True),
        (NOISE * 0.1 + 9.81, "mgn", False),
        (NOISE * 0.1 + 9.81, "m/s2", False),
        (NOISE * 0.1 + 1.0, "g", False),
        (NOISE * 0.1 + 5.0, "g", False),
        (NOISE * 0.1 + 1.002, "m/s2", True),
        (NOISE * 0.1 + 1.05, "m/s2", False),
        (NOISE * 0.1 + 1000.0, "g", True),
        (NOISE * 0.1 + 1000.0, "mg", False),
        (NOISE * 0.1 + 9.81, "mm/s", True),
        (NOISE * 0.1 - 0.99, "mm/s", True),
        (NOISE * 9 + 0.3, "mm/s", False),
        (NOISE * 2000, "m/s2", True),
        (NOISE * 300, "g", True),
        (NOISE * 300, "mg", False),
        (NOISE * 900, "mm/s", True),
        (NOISE * 9, "mm/s", False),
        (NOISE * 1e9, "bar", False),
    ],
)
def test_gravity_and_levels_tell_a_wrong_unit(samples, unit, wrong):
    found = check_window(samples, unit)
    assert [flaw.kind for flaw in found] == (["unit"] if wrong else [])
    assert (forbidden(found, "severity") is not None) == wrong


def test_the_worst_flaw_is_the_quality():
    assert quality_of([]) is Quality.GOOD
    samples = np.clip(NOISE, -1, 1)
    assert quality_of(check_window(samples, "g")) is Quality.UNCERTAIN
    assert quality_of(check_window(np.zeros(100), "g")) is Quality.BAD


def test_a_forbidden_conclusion_says_every_reason():
    flaws = check_window(np.clip(NOISE * 0.1 + 9.81, 9.7, 9.9), "g")
    finding = forbidden(flaws, "level")
    assert finding is not None
    assert finding.fault == "blocked"
    assert "clipped" in finding.reason
    assert "m/s2" in finding.reason


@given(
    power=st.integers(-12, 12),
    turned=st.sampled_from([-1.0, 1.0]),
    how=st.sampled_from(["whole", "clipped", "dropped", "stuck"]),
)
@settings(deadline=None, max_examples=40)
def test_gain_and_polarity_of_a_sensor_hide_no_flaw_and_make_none(power, turned, how):
    samples = np.round(NOISE * 4096) / 4096
    if how == "clipped":
        samples = np.clip(samples, -1.5, 1.5)
    elif how == "dropped":
        samples[500:600] = samples[500]
    elif how == "stuck":
        samples = np.full(len(samples), 0.25)
    found = check_window(samples * turned * 2.0**power, "bar")
    assert [flaw.kind for flaw in found] == ([] if how == "whole" else [how])
