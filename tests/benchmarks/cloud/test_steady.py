"""What a long run says of the endpoint's memory: a leak is seen, a breath is not."""

import random

import pytest

from benchmarks.cloud.steady import SLOPE_MB, Sample, slope_mb


def run_of(kb_a_batch: float, breath_mb: float = 3.0, warm_mb: float = 30.0) -> list[Sample]:
    """Five million records in batches of 500: caches fill first, and memory breathes."""
    chance = random.Random(7)
    samples = []
    for taken in range(0, 5_000_001, 20_000):
        warm = warm_mb * min(1.0, taken / 900_000)
        leak = taken / 500 * kb_a_batch / 1e3
        samples.append(Sample(taken, 80 + warm + leak + chance.uniform(-1, 1) * breath_mb))
    return samples


def test_a_kilobyte_that_each_batch_leaves_behind_is_over_the_target():
    assert slope_mb(run_of(1.0)) == pytest.approx(2.0, abs=0.5)
    assert slope_mb(run_of(1.0)) > SLOPE_MB


def test_caches_that_fill_and_a_heap_that_breathes_are_no_leak():
    assert abs(slope_mb(run_of(0.0))) < SLOPE_MB / 2


def test_too_short_a_run_says_nothing():
    assert slope_mb([]) is None
    assert slope_mb([Sample(0, 80.0)] * 50) is None
    assert slope_mb(run_of(0.0)[:5]) is None
