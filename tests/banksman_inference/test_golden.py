"""How far outputs may be from the golden ones: in the worst value, and in the mean."""

from __future__ import annotations

import numpy as np
import pytest

from banksman_inference.golden import Difference, compare
from banksman_inference.manifest import Golden
from banksman_inference.ports import TensorSpec

SPEC = TensorSpec("y", (1, 100), "int8", 0.1)
DEEP = Golden(cases=1, tolerance_lsb=96.0, tolerance_mean_lsb=2.5)


@pytest.fixture
def wanted():
    return np.zeros(SPEC.shape, np.int8)


def test_single_values_far_off_pass_where_the_mean_is_near(wanted):
    got = wanted.copy()
    got[0, 0] = 55
    found = compare([SPEC], [got], [wanted])
    assert (found.lsb, found.mean_lsb) == (55.0, 0.55)
    assert found.within(DEEP)
    assert not found.within(Golden(cases=1))


def test_all_values_a_little_off_are_refused_by_the_mean(wanted):
    found = compare([SPEC], [wanted + np.int8(3)], [wanted])
    assert found.lsb <= DEEP.tolerance_lsb
    assert not found.within(DEEP)
    assert "3 in the mean" in str(found)


def test_the_worst_output_and_the_worst_case_count():
    worst = Difference(3.0, 0.0, 0.5).worse(Difference(1.0, 0.1, 0.75))
    assert worst == Difference(3.0, 0.1, 0.75)
