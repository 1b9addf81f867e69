"""Percentiles by nearest rank, and a spread that tells how far runs lie apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.stats import median, percentile, spread

samples = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1), (50, 50), (99, 99), (99.9, 100), (100, 100)]
)
def test_a_percentile_is_a_value_that_was_seen(percent, expected):
    assert percentile(list(range(100, 0, -1)), percent) == expected


@given(samples, st.floats(0, 100))
def test_at_least_that_share_does_not_exceed_a_percentile(values, percent):
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_an_empty_sample_has_no_statistics():
    assert median([]) is percentile([], 99) is spread([]) is None


def test_the_spread_is_relative_to_the_median():
    assert spread([9, 10, 12]) == 0.3
    assert spread([0, 0, 5]) is None
