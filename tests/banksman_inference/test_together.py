import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_inference.one_thread import _library, one_blas_thread
from banksman_inference.together import Rarest, Summed

GOOD = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)


def test_a_sum_finds_what_each_score_doubts_a_little():
    little = np.full((1, 3), 1.6, np.float32)
    assert Summed(GOOD, (1, 1, 1)).of(little)[0] > Rarest(GOOD, (0, 0, 0)).of(little)[0]


def test_a_score_that_is_loud_alone_carries_the_sum():
    loud = np.array([[12.0, 0.0, 0.0]], np.float32)
    assert Summed(GOOD, (1, 1, 1)).of(loud)[0] > 4


@given(st.lists(st.floats(-5, 20), min_size=3, max_size=3), st.floats(0, 20), st.integers(0, 2))
@settings(deadline=None)
def test_a_higher_score_is_never_less_rare(scores, more, which):
    low = np.array([scores], np.float32)
    high = low.copy()
    high[0, which] += np.float32(more)
    for judge in (Summed(GOOD, (2, 1, 1)), Rarest(GOOD, (0, 1, 0))):
        assert judge.of(high)[0] >= judge.of(low)[0] - 1e-4


def test_a_guard_is_taken_off_and_nothing_is_under_nought():
    scores = np.array([[-9.0, 9.0, -9.0]], np.float32)
    free, behind = (Rarest(GOOD, (0, guard, 0)).of(scores)[0] for guard in (0.0, 1.0))
    assert behind == pytest.approx(free - 1, abs=1e-4)
    assert Rarest(GOOD, (9, 9, 9)).of(GOOD).min() == 0


def test_scores_that_never_differ_break_nothing():
    same = np.ones((20, 2), np.float32)
    assert np.isfinite(Summed(same, (1, 1)).of(same)).all()


def test_the_number_of_threads_is_as_before_afterwards_also_after_an_error():
    library = _library()
    if library is None:
        pytest.skip("numpy is built with a library that has no such function")
    handle, name = library
    threads = getattr(handle, name.format("get"))
    before = threads()
    inside = []

    def fail():
        with one_blas_thread():
            inside.append(threads())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [1]
    assert threads() == before
