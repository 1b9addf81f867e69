"""Several slow sensors as one vector: what each shows beside the others, and change points."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.change import SPAN, ChangeWatch
from banksman.maintenance.residuals import MachineNormal
from banksman.maintenance.together import LEARN_LEAST, KeptTogether, Together

SENSORS = ("flow", "amps", "heat")


def vectors(count, seed=1):
    """Flow and amps rise and fall together, heat by itself."""
    random = np.random.default_rng(seed)
    common = random.normal(size=count)
    flow = 40.0 + common + 0.1 * random.normal(size=count)
    amps = 12.0 + 0.5 * common + 0.05 * random.normal(size=count)
    return np.stack([flow, amps, 60.0 + random.normal(size=count)], axis=1)


def given_vectors(together, table, state="loaded", healthy=True, start_s=0.0):
    for number, vector in enumerate(table):
        together.take(state, vector, start_s + number, healthy=healthy)


@pytest.fixture
def taught():
    together = Together(SENSORS, 0)
    given_vectors(together, vectors(LEARN_LEAST + SPAN))
    together.beyond()
    return together


def test_what_others_let_expect_leaves_what_each_shows_alone(taught):
    given_vectors(taught, vectors(40, seed=2) - np.array([1.0, 0.0, 0.0]), start_s=1e3)
    flow, amps, heat = taught.beyond()
    assert flow == pytest.approx(-0.9, abs=0.2)
    assert amps == pytest.approx(0.45, abs=0.15)  # which of the two left, nobody can say
    assert abs(heat) < 0.8


def test_what_all_do_together_is_no_deviation(taught):
    given_vectors(taught, vectors(40, seed=2) + np.array([2.0, 1.0, 0.0]), start_s=1e3)
    flow, amps, _ = taught.beyond()
    assert abs(flow) < 0.4
    assert abs(amps) < 0.2


def test_its_unit_is_the_sensors_own():
    table = vectors(LEARN_LEAST)
    scale = np.array([1000.0, 1.0, 1.0])
    plain, scaled = MachineNormal(table), MachineNormal(table * scale)
    vector = table[7] + np.array([0.5, 0.0, 0.0])
    assert scaled.beyond(vector * scale) == pytest.approx(plain.beyond(vector) * scale, rel=1e-6)
    assert scaled.beyond_spread == pytest.approx(plain.beyond_spread * scale, rel=1e-6)


def test_a_change_tells_what_from_where_to_where_and_since_when(taught):
    table = vectors(25, seed=3)
    table[10:, 2] += 8.0
    given_vectors(taught, table, start_s=1000.0)
    changed = taught.change
    assert changed.sensor == "heat"
    assert (changed.before, changed.after) == pytest.approx((60.0, 68.0), abs=1.0)
    assert changed.since_s == pytest.approx(1010.0, abs=2.0)
    assert taught.score > 0.999


def test_a_change_is_over_when_it_has_become_the_past(taught):
    table = vectors(90, seed=3)
    table[10:, 2] += 8.0
    given_vectors(taught, table, start_s=1000.0)
    assert taught.change is None


def test_another_state_is_no_change_and_has_a_normal_of_its_own(taught):
    given_vectors(taught, vectors(60, seed=4) * 0.2, state="idle", start_s=2000.0)
    assert taught.change is None
    assert np.isnan(taught.beyond()).all()
    given_vectors(taught, vectors(60, seed=5), start_s=3000.0)
    assert taught.change is None
    assert np.isfinite(taught.beyond()).all()


def test_what_is_not_healthy_is_not_learned():
    together = Together(SENSORS, 0)
    given_vectors(together, vectors(3 * LEARN_LEAST), healthy=False)
    assert together.saved().normals == together.saved().watches == {}


def test_a_vector_with_a_gap_is_none(taught):
    vector = vectors(1, seed=6)[0]
    vector[1] = np.nan
    taught.take("loaded", vector, 5000.0, healthy=True)
    assert np.isnan(taught.beyond()).all()


def test_what_it_knows_outlives_a_restart(taught):
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(taught.saved()), type=KeptTogether)
    after = Together(SENSORS, 0)
    assert after.restore(kept)
    table = vectors(90, seed=3)
    given_vectors(after, table[: SPAN + 5], start_s=1e3)
    given_vectors(taught, table[: SPAN + 5], start_s=1e3)
    assert after.beyond() == pytest.approx(taught.beyond())
    step = table[SPAN + 5 : SPAN + 15] + np.array([0.0, 0.0, 8.0])
    given_vectors(after, step, start_s=2e3)
    assert after.change is not None


def test_of_other_sensors_nothing_is_taken(taught):
    assert not Together(("flow", "amps"), 0).restore(taught.saved())


@pytest.mark.parametrize("field", ["sensors", "inverse", "partial_spread"])
def test_a_damaged_normal_is_learned_anew(taught, field):
    normal = taught.saved().normals["loaded"]
    short = msgspec.structs.replace(getattr(normal, field), data=b"short")
    assert MachineNormal.restored(msgspec.structs.replace(normal, **{field: short}), 3) is None


@given(st.integers(5, SPAN - 5), st.floats(3.0, 50.0))
@settings(deadline=None, max_examples=20)
def test_a_step_is_found_where_it_is(ago, height):
    watch = ChangeWatch(1)
    noise = np.random.default_rng(ago).normal(size=(SPAN, 1))
    noise[SPAN - ago :] += 10.0 * height
    for row in noise:
        watch.update(row)
    before, after, found = watch.step(0)
    assert abs(found - ago) <= 1
    assert after - before == pytest.approx(10.0 * height, abs=2.5)
