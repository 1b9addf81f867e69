"""Periods become blocks of one length, cut at gaps, with nothing twice and nothing forgotten."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.audio.blocks import LEAST_SAMPLES, Blocks
from banksman_drivers.audio.sample_clock import SampleClock, Taken

RATE_HZ = 1000.0
STEP_NS = 1_000_000


def numbered(first, count):
    return np.arange(first, first + count, dtype=np.float32).reshape(-1, 1)


@given(
    size=st.integers(LEAST_SAMPLES, 64),
    periods=st.lists(st.tuples(st.integers(1, 100), st.booleans()), max_size=30),
)
def test_every_sample_comes_out_once_is_held_or_was_counted(size, periods):
    blocks = Blocks(SampleClock(RATE_HZ), size)
    made = 0
    out = []
    for count, gap in periods:
        samples = numbered(made, count)
        made += count
        out += blocks.take(samples, Taken(made * STEP_NS, 0, gap))
    out += blocks.cut()
    numbers = [int(n) for block in out for n in block.samples[:, 0]]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + blocks.discarded == made
    for block in out:
        assert block.last_ns == (int(block.samples[-1, 0]) + 1) * STEP_NS
        assert block.whole == (len(block.samples) == size) or not block.whole
        assert np.all(np.diff(block.samples[:, 0]) == 1)


def test_a_block_never_spans_a_gap():
    blocks = Blocks(SampleClock(RATE_HZ), 64)
    blocks.take(numbered(0, 40), Taken(40 * STEP_NS, 0, False))
    cut, whole = blocks.take(numbered(100, 64), Taken(164 * STEP_NS, 60, True))
    assert (len(cut.samples), cut.whole, cut.last_ns) == (40, False, 40 * STEP_NS)
    assert (len(whole.samples), whole.whole) == (64, True)


def test_what_a_lost_card_left_behind_is_let_go_and_counted():
    blocks = Blocks(SampleClock(RATE_HZ), 64)
    blocks.take(numbered(0, 40), Taken(40 * STEP_NS, 0, False))
    blocks.restart()
    assert blocks.discarded == 40
    (block,) = blocks.take(numbered(0, 64), Taken(64 * STEP_NS, 0, False))
    assert block.samples[0, 0] == 0
