"""Sample times rebuilt from FIFO counts: laws that hold for any chip clock and any late look."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banksman_drivers.i2c.fifo_clock import FifoClock

NOMINAL_HZ = 800.0
DEPTH = 32


class Chip:
    """A chip whose sample n is taken at ``phase + n * period``, with a FIFO that runs over."""

    def __init__(self, rate_hz, phase_ns=0.0):
        self.period_ns = 1e9 / rate_hz
        self.phase_ns = phase_ns
        self.read = 0

    def true_ns(self, number):
        return self.phase_ns + number * self.period_ns

    def made(self, now_ns):
        return max(0, math.floor((now_ns - self.phase_ns) / self.period_ns) + 1)

    def take(self, now_ns):
        """(number of the newest sample, count, lost, overrun) of a FIFO emptied now."""
        made = self.made(now_ns)
        waiting = made - self.read
        lost = max(0, waiting - DEPTH)
        self.read = made
        return made - 1, waiting - lost, lost, lost > 0


def looks(chip, gaps_ns, widths_ns):
    """(count, before, after, overrun, newest, lost) of each look that finds something."""
    now_ns = 10_000_000_000.0
    chip.read = chip.made(now_ns)
    for gap_ns, width_ns in zip(gaps_ns, widths_ns, strict=True):
        before_ns = int(now_ns + gap_ns)
        newest, count, lost, overrun = chip.take(before_ns + width_ns // 2)
        now_ns = before_ns + width_ns
        if count:
            yield count, before_ns, before_ns + width_ns, overrun, newest, lost


rates = st.floats(NOMINAL_HZ * 0.9, NOMINAL_HZ * 1.1)
phases = st.floats(0, 2_000_000)
gaps = st.lists(st.integers(1_000_000, 120_000_000), min_size=1, max_size=60)


@given(rates, phases, gaps, st.data())
@settings(max_examples=60, deadline=None)
def test_times_strictly_increase_and_never_lie_in_the_future(rate_hz, phase_ns, gaps_ns, data):
    widths_ns = data.draw(
        st.lists(st.integers(0, 900_000), min_size=len(gaps_ns), max_size=len(gaps_ns))
    )
    clock = FifoClock(NOMINAL_HZ)
    last_ns = 0
    for count, before, after, overrun, _, _ in looks(Chip(rate_hz, phase_ns), gaps_ns, widths_ns):
        taken = clock.take(count, before, after, overrun)
        assert taken.last_ns <= after
        assert taken.period_ns > 0
        assert taken.last_ns - (count - 1) * taken.period_ns > last_ns - 1
        last_ns = taken.last_ns


@given(rates, phases, st.lists(st.integers(2_000_000, 35_000_000), min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_the_newest_sample_is_never_told_more_than_a_period_wrong(rate_hz, phase_ns, gaps_ns):
    chip = Chip(rate_hz, phase_ns)
    clock = FifoClock(NOMINAL_HZ)
    for count, before, after, overrun, newest, _ in looks(chip, gaps_ns, [200_000] * len(gaps_ns)):
        taken = clock.take(count, before, after, overrun)
        doubt_ns = 200_000 + max(1e9 / clock.rate_hz, chip.period_ns) + 1e9 / NOMINAL_HZ * 0.12
        assert abs(taken.last_ns - chip.true_ns(newest)) <= doubt_ns


@given(rates, phases, st.lists(st.integers(1_000_000, 36_000_000), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_nothing_is_called_lost_while_nothing_is(rate_hz, phase_ns, gaps_ns):
    chip = Chip(rate_hz, phase_ns)
    clock = FifoClock(NOMINAL_HZ)
    for count, before, after, overrun, _, lost in looks(chip, gaps_ns, [300_000] * len(gaps_ns)):
        if overrun:
            return  # this chip was too fast for that look: another law's matter
        taken = clock.take(count, before, after, overrun)
        assert (taken.lost, taken.gap, lost) == (0, False, 0)
    assert clock.overruns == 0


@given(rates, phases, st.integers(50_000_000, 2_000_000_000))
@settings(max_examples=60, deadline=None)
def test_an_overrun_is_counted_and_its_losses_are_told_to_a_sample_or_two(
    rate_hz, phase_ns, hold_ns
):
    chip = Chip(rate_hz, phase_ns)
    clock = FifoClock(NOMINAL_HZ)
    gaps_ns = [20_000_000] * 300 + [hold_ns]
    *usual, late = looks(chip, gaps_ns, [100_000] * len(gaps_ns))
    for count, before, after, overrun, _, _ in usual:
        clock.take(count, before, after, overrun)
    count, before, after, overrun, _, lost = late
    taken = clock.take(count, before, after, overrun)
    assert overrun
    assert taken.gap
    assert clock.overruns == 1
    assert abs(taken.lost - lost) <= 2 + 0.001 * lost
    assert clock.lost == taken.lost


@pytest.mark.parametrize("off_ppm", [-80_000, -500, 0, 500, 80_000])
def test_the_drift_is_learned_to_a_hundredth_of_a_per_cent_within_a_minute(off_ppm):
    chip = Chip(NOMINAL_HZ * (1 + off_ppm / 1e6))
    clock = FifoClock(NOMINAL_HZ)
    for count, before, after, overrun, _, _ in looks(chip, [20_000_000] * 3000, [100_000] * 3000):
        clock.take(count, before, after, overrun)
    assert clock.settled
    assert clock.drift_ppm == pytest.approx(off_ppm, abs=100)
    assert not clock.off


def test_looks_that_took_long_do_not_spoil_the_rate():
    chip = Chip(NOMINAL_HZ)
    clock = FifoClock(NOMINAL_HZ)
    widths_ns = [100_000 if number % 5 else 12_000_000 for number in range(1000)]
    for count, before, after, overrun, _, _ in looks(chip, [15_000_000] * 1000, widths_ns):
        taken = clock.take(count, before, after, overrun)
        assert taken.lost == 0
    assert clock.drift_ppm == pytest.approx(0, abs=150)


def test_samples_that_vanish_without_an_overrun_flag_are_noticed_once_the_rate_is_known():
    chip = Chip(NOMINAL_HZ)
    clock = FifoClock(NOMINAL_HZ)
    takes = list(looks(chip, [20_000_000] * 100, [100_000] * 100))
    for count, before, after, overrun, _, _ in takes[:-1]:
        clock.take(count, before, after, overrun)
    count, before, after, _, _, _ = takes[-1]
    taken = clock.take(count - 8, before, after)
    assert taken.gap
    assert 7 <= taken.lost <= 9


def test_a_rate_that_no_healthy_chip_has_is_called_off():
    chip = Chip(NOMINAL_HZ / 2)
    clock = FifoClock(NOMINAL_HZ)
    for count, before, after, overrun, _, _ in looks(chip, [20_000_000] * 500, [100_000] * 500):
        clock.take(count, before, after, overrun)
    assert clock.off


def test_a_chip_that_invents_samples_cannot_push_its_times_into_the_future():
    clock = FifoClock(NOMINAL_HZ)
    last_ns = -1e9
    for number in range(1000, 1200):
        at_ns = number * 1_000_000
        taken = clock.take(DEPTH, at_ns, at_ns + 1000)
        assert last_ns < taken.last_ns - 31 * taken.period_ns + 1
        assert taken.last_ns <= at_ns + 1000
        last_ns = taken.last_ns
    assert clock.off


def test_a_restart_keeps_the_rate_and_counts_no_loss():
    chip = Chip(NOMINAL_HZ * 1.05)
    clock = FifoClock(NOMINAL_HZ)
    for count, before, after, overrun, _, _ in looks(chip, [20_000_000] * 100, [100_000] * 100):
        clock.take(count, before, after, overrun)
    rate_hz = clock.rate_hz
    clock.restart()
    taken = clock.take(16, 90_000_000_000, 90_000_100_000)
    assert (taken.lost, taken.gap) == (0, False)
    assert clock.rate_hz == rate_hz
