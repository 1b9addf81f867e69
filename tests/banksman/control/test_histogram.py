"""The latency histogram."""

from hypothesis import given
from hypothesis import strategies as st

from banksman.control.histogram import BOUNDS_NS, Histogram


def test_an_empty_histogram_shows_zeros():
    view = Histogram().view()
    assert (view.count, view.p50_s, view.p99_s, view.max_s) == (0, 0.0, 0.0, 0.0)


def test_a_duration_at_a_bound_counts_below_it():
    histogram = Histogram()
    histogram.add(BOUNDS_NS[0])
    assert histogram.view().counts[0] == 1


def test_a_negative_duration_counts_as_zero():
    histogram = Histogram()
    histogram.add(-5)
    view = histogram.view()
    assert view.count == 1
    assert view.sum_s == 0


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=200))
def test_counts_are_cumulative_and_quantiles_lie_within_what_was_seen(durations_ns):
    histogram = Histogram()
    for duration_ns in durations_ns:
        histogram.add(duration_ns)
    view = histogram.view()
    assert list(view.counts) == sorted(view.counts)
    assert view.counts[-1] == view.count == len(durations_ns)
    assert 0 <= view.p50_s <= view.p99_s <= view.max_s == max(durations_ns) / 1e9
