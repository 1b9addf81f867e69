"""How long a lost device is left alone."""

from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.retry import back_off_s


@given(st.integers(0, 10_000), st.floats(50, 600_000), st.floats(0, 1))
def test_the_wait_never_passes_its_ceiling_nor_falls_under_half_of_it(failures, max_ms, random):
    ceiling_s = min(max_ms, 50 * 2.0 ** min(failures, 40)) / 1000
    assert ceiling_s / 2 <= back_off_s(failures, max_ms, random) <= ceiling_s


def test_the_wait_doubles_with_each_failure_until_the_ceiling():
    assert [back_off_s(n, 1000, 1.0) for n in range(6)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]


def test_two_boxes_with_different_luck_knock_at_different_times():
    assert back_off_s(5, 5000, 0.1) != back_off_s(5, 5000, 0.9)
