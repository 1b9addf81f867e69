"""What a baseline learns, how slowly, and that it comes back from the store as it was."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.baseline import ENTRIES, Baseline, BaselineBank
from banksman.maintenance.keeping import packed

KEYS = [("oven.temperature", "loaded"), ("oven.temperature", "idle"), ("fan.current", "loaded")]
ROWS = np.arange(3)


def taught(windows, bank=None, learn=40, settle=10, seed=1):
    bank = bank or BaselineBank(KEYS, learn, settle)
    rng = np.random.default_rng(seed)
    for _ in range(windows):
        level = np.array([200.0, 20.0, 5.0]) + rng.normal(size=3) * [2.0, 1.0, 0.1]
        bank.learn(ROWS, level, level + 0.5, level - 0.5)
    return bank


def test_nothing_is_known_before_the_learning_is_over():
    bank = taught(39)
    assert not bank.known.any()
    assert np.isnan(bank.band(ROWS).centre).all()
    assert taught(40).known.all()


def test_centre_and_sigma_are_those_of_the_windows_in_each_state():
    band = taught(5000).band(ROWS)
    assert band.centre == pytest.approx([200.0, 20.0, 5.0], abs=1.0)
    assert band.sigma == pytest.approx([2.0, 1.0, 0.1], rel=0.4)


def test_the_settling_windows_are_not_learned():
    bank = BaselineBank(KEYS[:1], 40, 10)
    row = np.array([0])
    for number in range(60):
        level = np.array([1000.0 if number < 10 else 1.0])
        bank.learn(row, level, level, level)
    assert bank.band(row).centre[0] == 1.0
    assert bank.band(row).highest[0] == 1.0


def test_highest_and_lowest_survive_however_much_is_learned_after_them():
    bank = taught(50)
    row = np.array([0])
    bank.learn(row, np.array([230.0]), np.array([250.0]), np.array([150.0]))
    taught(20 * ENTRIES, bank)
    band = bank.band(row)
    assert band.highest[0] == 250.0
    assert band.lowest[0] == 150.0


def test_memory_is_bounded_however_long_it_learns():
    bank = taught(30 * ENTRIES)
    saved = bank.saved(0)
    assert saved.entries.shape[1] <= ENTRIES
    assert saved.stride >= 16


def test_the_newest_half_does_not_count_yet():
    bank = taught(60)
    for _ in range(10):
        high = np.array([999.0, 999.0, 999.0])
        bank.learn(ROWS, high, high, high)
    assert bank.band(ROWS).highest.max() < 999.0


def test_an_old_baseline_hardly_moves():
    bank = taught(4000)
    before = bank.band(ROWS).centre[0]
    for _ in range(400):
        level = np.array([220.0, 20.0, 5.0])
        bank.learn(ROWS, level, level, level)
    assert bank.band(ROWS).centre[0] == pytest.approx(before, abs=1.0)


def test_a_renewed_baseline_is_the_next_version_and_knows_nothing():
    bank = taught(100)
    bank.renew(1)
    assert bank.version.tolist() == [1, 2, 1]
    assert bank.known.tolist() == [True, False, True]
    taught(40, bank)
    assert bank.known.all()


def test_a_baseline_comes_back_from_the_store_as_it_was():
    bank = taught(777)
    other = BaselineBank(list(reversed(KEYS)), 40, 10)
    for row in ROWS:
        blob = msgspec.msgpack.encode(bank.saved(row))
        assert other.restore(msgspec.msgpack.decode(blob, type=Baseline))
    for name in ("centre", "sigma", "highest", "lowest"):
        ours = getattr(bank.band(ROWS), name)
        assert np.array_equal(ours, getattr(other.band(ROWS), name)[::-1])


@pytest.mark.parametrize(
    "change",
    [
        {"sensor": "nobody"},
        {"state": "asleep"},
        {"stride": 0},
        {"windows": -1},
        {"entries": packed(np.ones((2, 1)))},
        {"entries": packed(np.ones((3, 500)))},
        {"entries": packed(np.full((3, 1), np.nan))},
    ],
)
def test_what_is_no_baseline_of_this_machine_is_not_taken(change):
    bank = taught(100)
    before = bank.saved(0)
    assert not bank.restore(msgspec.structs.replace(before, **change))
    assert bank.saved(0) == before


def test_a_baseline_that_could_never_be_known_is_refused():
    with pytest.raises(ValueError, match="longer than it settles"):
        BaselineBank(KEYS, 10, 10)


@given(st.integers(0, 2**32 - 1), st.integers(40, 700), st.permutations(range(3)))
@settings(max_examples=15, deadline=None)
def test_rows_never_disturb_each_other(seed, windows, order):
    rng = np.random.default_rng(seed)
    levels = rng.normal(size=(windows, 3))
    present = rng.random((windows, 3)) < 0.7
    together = BaselineBank(KEYS, 20, 5)
    for level, there in zip(levels, present, strict=True):
        rows = np.flatnonzero(there)
        together.learn(rows, level[rows], level[rows], level[rows])
    for row in order:
        alone = BaselineBank(KEYS, 20, 5)
        for level in levels[present[:, row], row]:
            alone.learn(np.array([row]), np.array([level]), np.array([level]), np.array([level]))
        assert alone.saved(row) == together.saved(row)


def test_all_of_what_it_was_first_known_from_counts_at_once():
    bank = BaselineBank(KEYS[:1], 40, 0)
    row = np.array([0])
    for number in range(40):  # the evening of its first day
        level = np.array([50.0 if number < 30 else 80.0])
        bank.learn(row, level, level, level)
    assert bank.band(row).highest[0] == 80.0
    for _ in range(10):  # and what comes after it waits
        bank.learn(row, np.array([999.0]), np.array([999.0]), np.array([999.0]))
    assert bank.band(row).highest[0] == 80.0
