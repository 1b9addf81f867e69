"""What a machine is doing, by the load of its windows."""

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.loading import SEEN_MAX, Loading
from banksman.maintenance.states import MachineStates

LEARN = 60


def machine(**load):
    table = {"id": "pump", "learn_windows": LEARN, "slow": [{"sensor": "plc.heat"}]}
    if load:
        table["load"] = {"sensor": "p.kw", **load}
    return MachineSettings.model_validate(table)


def window(loading, *loads):
    for load in loads:
        loading.take(load)
    return loading.window()


@pytest.mark.parametrize(
    ("load", "state"),
    [(0.0, "stopped"), (1.0, "idle"), (4.9, "idle"), (5.0, "loaded"), (math.nan, None)],
)
def test_limits_that_are_given_tell_the_state(load, state):
    assert window(Loading(machine(idle_above=1, loaded_above=5)), load) == state


def test_without_a_load_signal_it_is_always_loaded():
    assert Loading(machine()).window() == "loaded"


def test_a_stroke_is_no_change_of_state():
    loading = Loading(machine(idle_above=1, loaded_above=5))
    assert window(loading, 2.0, 2.1, 90.0, 2.0, 0.0) == "idle"


def test_a_window_without_a_load_is_nobodys_state():
    loading = Loading(machine(idle_above=1))
    assert window(loading, 2.0) == "loaded"
    assert loading.window() is None


def test_a_window_in_which_the_state_changes_is_of_none():
    loading = Loading(machine(idle_above=1, loaded_above=5))
    assert window(loading, *[0.0] * 12) == "stopped"
    assert window(loading, *[0.0] * 6, *[9.0] * 6) == "moving"
    assert window(loading, *[9.0] * 12) == "loaded"
    assert window(loading, *[9.0] * 4, *[0.0] * 4, *[9.0] * 4) == "moving"  # a pause within
    assert window(loading, *[9.0] * 12) == "loaded"


def test_a_state_counts_once_it_has_lasted_a_whole_window():
    loading = Loading(machine(idle_above=1))
    told = [window(loading, load) for load in (9.0, 0.0, 9.0, 9.0, 9.0, 0.0, 0.0)]  # one a window
    assert told == ["loaded", "moving", "moving", "loaded", "loaded", "moving", "stopped"]


@given(st.lists(st.sampled_from([0.0, 3.0, 9.0]), min_size=1, max_size=40))
@hypothesis.settings(deadline=None)
def test_only_windows_of_one_state_after_one_of_the_same_are_judged(loads):
    loading = Loading(machine(idle_above=1, loaded_above=5))
    states = [loading.state_at(load) for load in loads]
    for number, load in enumerate(loads):
        told = window(loading, *[load] * 9)
        if number and states[number - 1] != states[number]:
            assert told == "moving"
        else:
            assert told == states[number]


@pytest.fixture
def taught():
    """Has seen a machine that stands, idles and works, ten windows each."""
    loading = Loading(machine(sensor="p.kw"))
    chance = np.random.default_rng(4)
    for number in range(LEARN):
        level = (0.0, 3.0, 11.0)[number // 10 % 3]
        assert window(loading, *(level + chance.normal(0, 0.05, 9))) == "learning"
    return loading


def test_states_are_learned_from_the_load_alone(taught):
    assert taught.states.names == ("stopped", "idle", "loaded")
    assert window(taught, *[11.0] * 9) == "loaded"
    assert window(taught, *[3.0] * 9) == "moving"
    assert window(taught, *[3.0] * 9) == "idle"
    assert window(taught, *[0.0] * 9) == "moving"
    assert window(taught, *[0.0] * 9) == "stopped"


def test_on_the_way_from_one_state_to_the_next_it_is_moving(taught):
    assert window(taught, *[11.0] * 9) == "loaded"
    assert window(taught, *[11.0] * 5, 3.0, 3.0) == "moving"
    assert window(taught, *[3.0] * 9) == "idle"


def test_what_was_learned_is_known_at_once_after_a_restart(taught):
    again = Loading(machine(sensor="p.kw"), taught.states)
    assert again.share == 1.0
    assert window(again, *[3.0] * 9) == "idle"


def test_limits_that_are_given_count_more_than_what_was_learned(taught):
    assert window(Loading(machine(idle_above=20), taught.states), *[11.0] * 9) == "stopped"


def test_a_machine_that_only_stood_is_watched_on_until_it_runs():
    loading = Loading(machine(sensor="p.kw"))
    for _ in range(2 * LEARN):
        assert window(loading, *[0.0] * 9) == "learning"
    assert loading.share < 1.0
    for number in range(2 * LEARN):
        window(loading, *[(0.0, 9.0)[number // 10 % 2]] * 9)
    assert loading.states.names == ("stopped", "loaded")


def test_a_machine_that_never_stops_is_judged_in_both_of_its_states():
    loading = Loading(machine(sensor="p.kw"))
    for number in range(LEARN):
        window(loading, *[(40.0, 100.0)[number // 10 % 2]] * 9)
    told = {window(loading, *[load] * 9) for load in (40.0, 40.0, 40.0, 100.0, 100.0)}
    assert told == {"idle", "moving", "loaded"}


def test_states_kept_before_stopped_meant_next_to_nothing_are_named_anew():
    old = MachineStates(("stopped", "loaded"), (40.0, 100.0))
    assert Loading(machine(sensor="p.kw"), old).states.names == ("idle", "loaded")


def test_while_it_stands_or_moves_its_sound_is_not_judged(taught):
    told = []
    for load in [11.0] * 6 + [3.0] * 6 + [0.0] * 6 + [math.nan]:
        taught.take(load)
        told.append(taught.rests)
    assert told == [True] * 4 + [False] * 2 + [True] * 4 + [False] * 2 + [True] * 6 + [False]


def test_what_is_kept_while_states_are_learned_is_bounded():
    loading = Loading(machine(sensor="p.kw").model_copy(update={"learn_windows": 3 * SEEN_MAX}))
    for number in range(3 * SEEN_MAX):
        assert window(loading, float(number % 7 > 2)) == "learning"
        assert len(loading._seen) < SEEN_MAX
    assert loading.states.names == ("stopped", "loaded")
