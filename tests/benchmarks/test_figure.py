"""`met` is computed from value, peer, target and pressure, and from nothing else."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figure import Target, figure, judge


@pytest.mark.parametrize(
    ("target", "direction", "value", "peer_value", "met"),
    [
        (Target("value", 5.0), "lower", 5.0, None, True),
        (Target("value", 5.0), "lower", 5.1, None, False),
        (Target("value", 995), "higher", 995, None, True),
        (Target("value", 995), "higher", 994, None, False),
        (Target("ratio", 1.5), "lower", 3.0, 2.0, True),
        (Target("ratio", 1.5), "lower", 3.1, 2.0, False),
        (Target("ratio", 50), "higher", 51, 1, True),
        (Target("excess", 1.0), "lower", 1.2, 0.3, True),
        (Target("excess", 1.0), "lower", 1.4, 0.3, False),
    ],
)
def test_a_target_bounds_the_value_its_ratio_or_its_excess(
    target, direction, value, peer_value, met
):
    assert judge(target, direction, value, peer_value, 3.0) is met


@given(pressure_pct=st.floats(20.001, 100), value=st.floats(0, 1e6), limit=st.floats(0, 1e6))
def test_nothing_is_claimed_on_a_machine_under_pressure(pressure_pct, value, limit):
    assert judge(Target("value", limit), "lower", value, None, pressure_pct) is None


@pytest.mark.parametrize(
    ("target", "value", "peer_value", "pressure_pct"),
    [
        (None, 1.0, 1.0, 3.0),
        (Target("value", 1), None, None, 3.0),
        (Target("ratio", 1), 1.0, None, 3.0),
        (Target("ratio", 1), 1.0, 0.0, 3.0),
        (Target("excess", 1), 1.0, None, 3.0),
        (Target("value", 1), 1.0, None, None),
    ],
)
def test_nothing_is_claimed_of_what_could_not_be_measured(target, value, peer_value, pressure_pct):
    assert judge(target, "lower", value, peer_value, pressure_pct) is None


@given(value=st.floats(0, 1e6), less=st.floats(0, 1e6), limit=st.floats(0, 1e6))
def test_a_better_value_never_misses_what_a_worse_one_met(value, less, limit):
    target, better = Target("value", limit), min(value, less)
    if judge(target, "lower", value, None, 0.0):
        assert judge(target, "lower", better, None, 0.0)


def test_value_and_peer_are_medians_and_the_spread_is_told():
    made = figure(
        "reaction.p50", "ms", [0.3, 0.2, 0.7], direction="lower", n=900, pressure_pct=3.14,
        target=Target("ratio", 1.4), peer="pyloop", peer_values=[0.2, 0.24, 0.5],
    )  # fmt: skip
    assert (made.value, made.peer_value, made.ratio) == (0.3, 0.24, 1.25)
    assert (made.spread, made.runs, made.n, made.pressure_pct) == (1.667, 3, 900, 3.1)
    assert made.met is True


def test_the_verdict_follows_the_measurement_and_not_its_rounding():
    made = figure(
        "a.b", "ms", [5.00004], direction="lower", n=1, pressure_pct=0.0, target=Target("value", 5)
    )
    assert made.value == 5.0
    assert made.met is False


@given(pressure_pct=st.floats(0, 100))
def test_the_pressure_that_is_written_down_is_the_one_that_was_judged_by(pressure_pct):
    made = figure(
        "a.b", "ms", [1.0], direction="lower", n=1, pressure_pct=pressure_pct,
        target=Target("value", 5),
    )  # fmt: skip
    assert (made.met is None) == (made.pressure_pct > 20.0)


@pytest.mark.parametrize(
    ("target", "direction", "words"),
    [
        (Target("value", 5), "lower", "<= 5 ms"),
        (Target("value", 5), "higher", ">= 5 ms"),
        (Target("ratio", 0.125), "lower", "<= 0.125 x nodered"),
        (Target("excess", 1), "lower", "<= nodered + 1 ms"),
    ],
)
def test_a_target_is_told_in_words_that_come_from_its_numbers(target, direction, words):
    assert target.words(direction, "ms", "nodered") == words


def test_a_comparison_needs_a_peer():
    with pytest.raises(ValueError, match="needs a peer"):
        figure(
            "a.b", "ms", [1], direction="lower", n=1, pressure_pct=0.0, target=Target("ratio", 1)
        )


def test_a_figure_that_numpy_computed_can_be_written_down():
    made = figure(
        "a.b", "ms", [np.float64(2.0)], direction="lower", n=1, pressure_pct=0.0,
        target=Target("value", 3.0),
    )  # fmt: skip
    assert msgspec.to_builtins(made)["met"] is True
