"""Change points of a machine's sensors together, and residuals of each given the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.change import LEARN_READINGS, SPAN, ChangeWatch
from banksman.maintenance.residuals import MachineNormal


def machine(readings, seed=1):
    rng = np.random.default_rng(seed)
    load = rng.normal(size=readings)
    return np.stack([load + rng.normal(size=readings) * 0.1, load, rng.normal(size=readings)], 1)


def watched(values, sensors=3):
    watch = ChangeWatch(sensors)
    return [watch.update(row) for row in values]


def test_a_healthy_machine_hardly_ever_changes():
    changes = watched(machine(6000))
    assert np.mean([each.changing for each in changes]) < 0.02


def test_a_step_is_told_within_seconds_and_names_its_sensor():
    values = machine(1000)
    values[700:, 2] += 6.0
    changes = watched(values)
    told = [number for number, each in enumerate(changes) if each.told and number >= 700]
    assert told[0] < 712
    assert changes[told[0]].sensor == 2
    assert changes[told[0]].score > 0.99


def test_what_goes_on_changing_is_told_now_and_then_only():
    values = machine(1000)
    values[700:, 2] += 0.5 * np.arange(300)
    told = [number for number, each in enumerate(watched(values)) if each.told]
    assert 2 <= len(told) <= 12


def test_slow_drift_is_no_change():
    values = machine(6000)
    values[:, 2] += 0.0005 * np.arange(6000)
    assert np.mean([each.changing for each in watched(values)]) < 0.02


def test_nothing_is_said_while_it_learns():
    values = machine(LEARN_READINGS)
    values[SPAN + 100 :, 0] += 50.0
    assert not any(each.changing for each in watched(values))


def test_vectors_with_gaps_are_left_out():
    values = machine(900)
    values[600:, 0] += 8.0
    gaps = np.insert(values, range(0, 900, 3), np.nan, axis=0)
    plain = [each for each in watched(values) if each.told]
    assert [each for each in watched(gaps) if each.told] == plain


def test_a_sensor_that_stood_still_while_learning_has_no_say():
    values = machine(1000)
    values[:, 1] = 3.0
    values[700:, 1] = 9.0
    assert watched(values)[705].sensor != 1


def test_too_little_to_learn_from_is_refused():
    with pytest.raises(ValueError, match="at least"):
        ChangeWatch(3, SPAN)


@given(st.integers(0, 2**32 - 1), st.permutations(range(3)), st.sampled_from([0.5, 8.0, 2.0**20]))
@settings(max_examples=5, deadline=None)
def test_scale_and_order_of_the_sensors_change_nothing(seed, order, scale):
    values = machine(700, seed)
    values[600:, 0] += 5.0
    ours, theirs = watched(values), watched(values[:, order] * scale)
    for first, second in zip(ours, theirs, strict=True):
        assert first.told == second.told
        assert first.score == pytest.approx(second.score, abs=1e-9)


def test_sensors_that_move_together_are_expected_to():
    normal = MachineNormal(machine(2000))
    together = normal.beyond(np.array([3.0, 3.0, 0.0])) / normal.beyond_spread
    apart = normal.beyond(np.array([1.5, -1.5, 0.0])) / normal.beyond_spread
    assert np.abs(together).max() < 2.5
    assert np.abs(apart[:2]).min() > 3.0


def test_residuals_of_healthy_vectors_scatter_as_they_did_while_learned():
    values = machine(4000)
    normal = MachineNormal(values[:2000])
    residuals = normal.beyond(values[2000:]) / normal.beyond_spread
    assert residuals.std(axis=0) == pytest.approx(np.ones(3), abs=0.1)


def test_sensors_that_are_copies_do_no_harm():
    values = machine(500)
    values[:, 1] = values[:, 0]
    assert np.isfinite(MachineNormal(values).beyond(values)).all()


def test_a_still_sensor_takes_no_part():
    values = machine(500)
    values[:, 2] = 7.0
    normal = MachineNormal(values)
    assert normal.beyond(np.array([0.0, 0.0, 99.0]))[2] == 0.0
    assert normal.beyond_spread[2] == 0.0


@pytest.mark.parametrize("healthy", [np.zeros((5, 3)), np.zeros(50), np.full((50, 2), np.nan)])
def test_normal_is_not_learned_from_nothing(healthy):
    with pytest.raises(ValueError, match="healthy vectors"):
        MachineNormal(healthy)


@given(st.integers(0, 2**32 - 1), st.permutations(range(3)))
@settings(max_examples=10, deadline=None)
def test_residuals_follow_the_sensors_whatever_their_scale_shift_and_order(seed, order):
    values = machine(300, seed)
    ours = MachineNormal(values).beyond(values)
    scale, shift = np.array([0.5, 4.0, 1024.0]), np.array([3.0, -7.0, 1e4])
    moved = (values * scale + shift)[:, order]
    theirs = MachineNormal(moved).beyond(moved)
    assert np.allclose((ours * scale)[:, order], theirs, atol=1e-5)
