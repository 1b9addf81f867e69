"""When a deviation is a warning, an alarm, over; and that trouble is never learned as normal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman.maintenance.baseline import BaselineBank
from banksman.maintenance.deviation import HITS, OF, DeviationBank, Verdict

LEARN = 200


def bank_of(streams=1, floors=0.0, learn=LEARN):
    keys = [(f"sensor{number}", "loaded") for number in range(streams)]
    return DeviationBank(BaselineBank(keys, learn, 20), np.full(streams, floors))


def taught(streams=1, seed=2, floors=0.0, scale=1.0, shift=0.0):
    bank = bank_of(streams, floors)
    rng = np.random.default_rng(seed)
    for _ in range(3 * LEARN):
        bank.update(rng.normal(size=streams) * scale + shift)
    return bank


def fed(bank, level, windows):
    return [Verdict(bank.update(np.full(len(bank.verdict), level))[0]) for _ in range(windows)]


def test_without_a_baseline_there_is_no_verdict():
    assert set(fed(bank_of(), 1.0, LEARN - 1)) == {Verdict.UNKNOWN}


def test_healthy_windows_are_normal():
    bank = taught(50)
    assert (bank.verdict <= Verdict.NORMAL).mean() == 1.0


def test_what_lasts_is_an_alarm_and_a_spike_is_none():
    bank = taught()
    assert Verdict.ALARM not in fed(bank, 50.0, HITS - 1)
    assert Verdict.ALARM in fed(bank, 50.0, OF)
    bank = taught()
    for _ in range(10):
        assert fed(bank, 50.0, 1)[0] <= Verdict.NORMAL
        assert Verdict.ALARM not in fed(bank, 0.0, 5)


def test_both_sides_count_and_the_sign_is_told():
    for level in (50.0, -50.0):
        bank = taught()
        assert fed(bank, level, OF)[-1] is Verdict.ALARM
        assert np.sign(bank.sigmas[0]) == np.sign(level)


def sigma_level(bank, sigmas):
    """The level that lies so many sigmas above normal."""
    band = bank.baselines.band(np.array([0]))
    excursion = band.highest[0] - band.centre[0]
    return band.centre[0] + sigmas * max(band.sigma[0], excursion)


def test_a_lesser_deviation_is_a_warning():
    bank = taught()
    level = sigma_level(bank, 2.2)
    assert fed(bank, level, OF)[-1] is Verdict.WARNING


def test_what_lasts_at_less_than_twice_the_greatest_healthy_excursion_rings_nobody():
    bank = bank_of()
    slow = 5.0 * np.sin(np.arange(4 * LEARN) / 40.0) ** 5  # further than any sigma of the noise
    for level in slow + np.random.default_rng(8).normal(size=len(slow)):
        bank.update(np.array([level]))
    band = bank.baselines.band(np.array([0]))
    reach = band.highest[0] - band.centre[0]
    assert reach > band.sigma[0]
    assert fed(bank, band.centre[0] + 1.9 * reach, OF)[-1] is Verdict.NORMAL
    assert fed(bank, band.centre[0] + 2.1 * reach, OF)[-1] is Verdict.WARNING
    assert fed(bank, band.centre[0] + 2.6 * reach, OF)[-1] is Verdict.ALARM


def test_an_alarm_ends_only_when_it_is_clearly_over():
    bank = taught()
    near, clear = sigma_level(bank, 1.7), sigma_level(bank, 1.2)
    assert fed(bank, 50.0, OF)[-1] is Verdict.ALARM
    assert fed(bank, near, 2 * OF)[-1] is Verdict.ALARM
    assert fed(bank, clear, OF)[-1] is Verdict.NORMAL


def test_what_swings_about_the_limit_does_not_chatter():
    bank = taught()
    levels = (sigma_level(bank, 2.7), sigma_level(bank, 2.3))
    changes, before = 0, Verdict.NORMAL
    for number in range(200):
        verdict = fed(bank, levels[number // 7 % 2], 1)[0]
        changes += verdict is not before
        before = verdict
    assert changes <= 2


def test_alarmed_windows_are_never_learned():
    bank = taught()
    before = bank.baselines.windows[0]
    fed(bank, 50.0, 3000)
    assert bank.verdict[0] == Verdict.ALARM
    assert bank.baselines.windows[0] == before


def test_a_slow_decay_does_not_hide_in_its_own_baseline():
    bank = taught(seed=4)
    rng = np.random.default_rng(5)
    verdicts = [bank.update(rng.normal(size=1) + 0.02 * number)[0] for number in range(1200)]
    assert Verdict.ALARM in verdicts


def test_a_new_normal_is_learned_when_a_person_says_so():
    bank = taught()
    assert fed(bank, 50.0, OF)[-1] is Verdict.ALARM
    bank.renew(0)
    assert bank.verdict[0] == Verdict.UNKNOWN
    rng = np.random.default_rng(6)
    for _ in range(2 * LEARN):
        bank.update(50.0 + rng.normal(size=1))
    assert bank.verdict[0] == Verdict.NORMAL
    assert bank.baselines.version[0] == 2


def test_a_sensor_that_never_moved_has_no_verdict_unless_its_floor_is_known():
    still, floored = bank_of(), bank_of(floors=0.5)
    for bank in (still, floored):
        fed(bank, 20.0, 2 * LEARN)
    assert fed(still, 23.0, OF)[-1] is Verdict.UNKNOWN
    assert fed(floored, 21.0, OF)[-1] <= Verdict.WARNING
    assert fed(floored, 23.0, OF)[-1] is Verdict.ALARM


def test_a_floor_keeps_what_does_not_matter_from_alarming():
    sharp, blunt = taught(seed=7), taught(seed=7, floors=100.0)
    assert fed(sharp, 50.0, OF)[-1] is Verdict.ALARM
    assert fed(blunt, 50.0, OF)[-1] is Verdict.NORMAL


def test_a_row_without_a_window_keeps_its_verdict():
    bank = taught(2)
    for _ in range(OF):
        bank.update(np.array([50.0, 0.0]))
    assert bank.update(np.array([np.nan, 0.0])).tolist() == [Verdict.ALARM, Verdict.NORMAL]


@pytest.mark.parametrize(("hits", "of"), [(0, 3), (4, 3)])
def test_counts_that_can_never_be_are_refused(hits, of):
    with pytest.raises(ValueError, match="can never be out"):
        DeviationBank(BaselineBank([("a", "b")], 10, 1), np.zeros(1), hits, of)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2.0**-20, 0.25, 2.0, 2.0**20]),
    st.sampled_from([0.0, -4.0, 1024.0]),
)
@settings(max_examples=10, deadline=None)
def test_scale_and_shift_change_no_verdict(seed, scale, shift):
    # On a grid, so that scale and shift themselves round nothing.
    levels = np.round(np.random.default_rng(seed).normal(size=(400, 4)) * 1024) / 1024
    levels[380:] += 9.0
    plain, moved = bank_of(4, learn=100), bank_of(4, learn=100)
    for level in levels:
        first, second = plain.update(level), moved.update((level + shift) * scale)
        assert np.array_equal(first, second)
    assert (plain.verdict == Verdict.ALARM).all()


def test_rows_beyond_one_chunk_are_judged_alike():
    rng = np.random.default_rng(9)
    levels = rng.normal(size=(150, 3))
    levels[140:] += 20.0
    small, large = bank_of(3, learn=100), bank_of(3 * 400, learn=100)
    for level in levels:
        verdict = small.update(level)
        assert np.array_equal(large.update(np.tile(level, 400)), np.tile(verdict, 400))


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("trouble", [50.0, -50.0])
def test_what_only_ever_went_to_one_side_is_judged_on_both(side, trouble):
    bank = bank_of()
    for number in range(3 * LEARN):
        bank.update(np.array([side * (number % 50 < OF)]))
    assert fed(bank, 0.0, OF)[-1] is Verdict.NORMAL
    assert fed(bank, trouble, OF)[-1] is Verdict.ALARM
    assert np.sign(bank.sigmas[0]) == np.sign(trouble)
