"""Which state a machine is in, learned or given, and nothing while it moves between two."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.states import (
    SETTLE_READINGS,
    ZERO_SHARE,
    MachineStates,
    StateWatch,
    learned,
    named,
)

GIVEN = MachineStates(("stopped", "idle", "loaded"), (0.0, 4.0, 11.0))


def heaps(*middles, spread=0.3, seed=1):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(middle, spread, 500) for middle in middles])


@pytest.mark.parametrize(
    ("middles", "names"),
    [
        ((7.0,), ("loaded",)),
        ((0.0, 9.0), ("stopped", "loaded")),
        ((5.0, 9.0), ("idle", "loaded")),  # it never stops
        ((3.0, 5.0, 11.0), ("idle", "idle", "loaded")),
        ((3.0, 9.0, 11.0), ("idle", "loaded", "loaded")),
        ((0.0, 4.0, 11.0), ("stopped", "idle", "loaded")),
    ],
)
def test_states_are_learned_from_the_heaps_of_the_load(middles, names):
    states = learned(heaps(*middles))
    assert states.names == names
    assert states.middles == pytest.approx(middles, abs=0.1)


def test_one_broad_heap_is_one_state():
    assert learned(np.random.default_rng(2).normal(5.0, 3.0, 4000)).names == ("loaded",)


def test_a_constant_load_is_one_state():
    assert learned(np.full(100, 3.0)).names == ("loaded",)


def fed(watch, load, readings=SETTLE_READINGS):
    return [watch.update(load) for _ in range(readings)]


def test_a_state_counts_after_it_has_settled():
    watch = StateWatch(GIVEN)
    assert fed(watch, 4.1)[-2:] == ["", "idle"]


def test_while_it_moves_between_states_it_is_in_none():
    watch = StateWatch(GIVEN)
    fed(watch, 0.0)
    assert fed(watch, 11.0) == [""] * (SETTLE_READINGS - 1) + ["loaded"]


def test_a_load_about_the_half_way_does_not_flip():
    watch = StateWatch(GIVEN)
    fed(watch, 4.0)
    states = {watch.update(load) for load in [7.4, 7.6] * 50}
    assert states == {"idle"}


def test_an_unknown_load_makes_the_state_unknown():
    watch = StateWatch(GIVEN)
    fed(watch, 4.0)
    assert watch.update(float("nan")) == ""
    assert watch.update(4.0) == ""


def test_states_are_learned_once_and_then_told():
    loads = heaps(0.0, 9.0)
    watch = StateWatch(learn_readings=len(loads))
    assert {watch.update(load) for load in loads} == {""}
    assert fed(watch, 8.9)[-1] == "loaded"
    assert fed(watch, 0.1)[-1] == "stopped"


def test_states_survive_the_store():
    blob = msgspec.msgpack.encode(GIVEN)
    assert msgspec.msgpack.decode(blob, type=MachineStates) == GIVEN


@pytest.mark.parametrize(
    ("names", "middles"),
    [
        ((), ()),
        (("a",), (1.0, 2.0)),
        (("a", "b"), (2.0, 1.0)),
        (("a", "b", "c", "d"), (1.0, 2.0, 3.0, 4.0)),
    ],
)
def test_states_that_make_no_sense_are_refused(names, middles):
    with pytest.raises(ValueError, match="by rising load"):
        MachineStates(names, middles)


@given(st.floats(1e-6, 1e6), st.sampled_from([1.0, -1.0]))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_the_load_changes_no_state(scale, lowest):
    loads = heaps(0.0, 4.0, 11.0)
    assert learned(loads * scale).names == learned(loads).names
    assert learned((loads + 50.0 * lowest) * scale).names[0] != "stopped" or lowest < 0


@given(st.floats(0.0, 100.0), st.floats(0.1, 100.0))
@settings(max_examples=50, deadline=None)
def test_stopped_is_what_draws_next_to_nothing(low, more):
    name = named([low, low + more]).names[0]
    assert (name == "stopped") == (low <= ZERO_SHARE * (low + more))
