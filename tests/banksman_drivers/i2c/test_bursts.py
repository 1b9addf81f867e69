"""Bursts have their length, continue each other, and never span a gap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.i2c.bursts import Collector
from banksman_drivers.i2c.chip import Samples
from banksman_drivers.i2c.fifo_clock import FifoClock
from banksman_drivers.ports import DeviceLost

PERIOD_NS = 1_250_000


def samples(first, count, overrun=False, at=None):
    axes = np.zeros((count, 3), np.float32)
    axes[:, 0] = np.arange(first, first + count)
    before = ((first + count - 1) if at is None else at) * PERIOD_NS + 400_000
    return Samples(axes, overrun, before, before + 100_000)


def collector(size):
    made = Collector(FifoClock(800), size)
    made.restart(0)
    return made


@given(st.lists(st.integers(1, 32), min_size=1, max_size=60), st.integers(16, 64))
def test_every_sample_comes_out_once_and_in_order(counts, size):
    made = collector(size)
    first, blocks = 0, []
    for count in counts:
        blocks += made.take(samples(first, count))
        first += count
    assert all(len(block.axes) == size and block.whole for block in blocks)
    got = [int(value) for block in blocks for value in block.axes[:, 0]]
    assert got == list(range(first // size * size))


@given(st.lists(st.integers(1, 32), min_size=30, max_size=80))
def test_times_of_bursts_are_those_of_their_last_samples(counts):
    made = collector(16)
    first = 0
    for count in counts:
        for block in made.take(samples(first, count)):
            last = int(block.axes[-1, 0])
            assert abs(block.last_ns - last * PERIOD_NS) <= 1.2 * PERIOD_NS
        first += count


def test_a_gap_cuts_the_burst_there_and_marks_it():
    made = collector(64)
    assert made.take(samples(0, 32)) == []
    (cut,) = made.take(samples(100, 32, overrun=True))
    assert (len(cut.axes), cut.whole) == (32, False)
    assert cut.axes[-1, 0] == 31
    (whole,) = made.take(samples(132, 32))
    assert (whole.whole, whole.axes[0, 0], whole.axes[-1, 0]) == (True, 100, 163)


def test_too_few_samples_before_a_gap_are_counted_and_not_delivered():
    made = collector(64)
    made.take(samples(0, 10))
    assert made.take(samples(100, 20, overrun=True)) == []
    assert made.discarded == 10


def test_a_chip_that_samples_nothing_any_more_is_lost():
    made = collector(64)
    made.take(samples(0, 16))
    assert made.take(samples(16, 0, at=150)) == []
    with pytest.raises(DeviceLost, match="sampled nothing for"):
        made.take(samples(16, 0, at=400))


def test_health_tells_the_true_rate_and_the_losses():
    made = collector(64)
    for number in range(60):
        made.take(samples(number * 16, 16))
    assert "800." in made.message()
    made.take(samples(2000, 32, overrun=True))
    assert "1 overruns" in made.message()


def test_a_rate_that_is_not_the_configured_one_is_told():
    made = Collector(FifoClock(400), 64)
    made.restart(0)
    for number in range(200):
        made.take(samples(number * 16, 16))
    assert "check chip and rate_hz" in made.message()
