"""What a card gives a period at a time becomes blocks of a fixed length. Pure.

Rules of this file
- A block never spans a gap. What had been collected before one goes out shorter, as not whole: its
  samples are right, but what is computed of so few is not what its reader is used to. Under 16
  samples it does not go out at all; it is counted.
- The time of a block is that of its last sample, its rate the one learned so far.
- Bounded: one block and one period are held.

    periods  |----|----|----| overrun |----|----|----|
    blocks   [ whole  ][cut ]         [ whole  ][ held
"""

from __future__ import annotations

import msgspec
import numpy as np

from banksman_drivers.audio.formats import Samples
from banksman_drivers.audio.sample_clock import SampleClock, Taken

LEAST_SAMPLES = 16


class Block(msgspec.Struct, frozen=True):
    """Samples of all channels, (n, channels), full scale 1. ``whole``: as many as asked for."""

    samples: Samples
    rate_hz: float
    last_ns: int
    whole: bool


class Blocks:
    """Collects the samples of one card. ``discarded`` counts those that a gap cut off too short."""

    def __init__(self, clock: SampleClock, block_samples: int) -> None:
        self.discarded = 0
        self._clock = clock
        self._size = block_samples
        self._held: list[Samples] = []
        self._count = 0
        self._last_ns = 0

    def restart(self) -> None:
        """The card was opened anew; what was held is old."""
        self._clock.restart()
        self.discarded += self._count
        self._held, self._count = [], 0

    def cut(self) -> list[Block]:
        """A gap: what was held before it."""
        held, count = self._held, self._count
        self._held, self._count = [], 0
        if count < LEAST_SAMPLES:
            self.discarded += count
            return []
        return [self._block(np.concatenate(held), self._last_ns, whole=False)]

    def take(self, samples: Samples, taken: Taken) -> list[Block]:
        """The blocks that these complete, cut at a gap before them."""
        done = self.cut() if taken.gap else []
        self._held.append(samples)
        self._count += len(samples)
        self._last_ns = taken.last_ns
        if self._count < self._size:
            return done
        together = np.concatenate(self._held)
        for end in range(self._size, len(together) + 1, self._size):
            later_ns = round((len(together) - end) * 1e9 / self._clock.rate_hz)
            block = together[end - self._size : end]
            done.append(self._block(block, taken.last_ns - later_ns, whole=True))
        rest = together[len(together) - len(together) % self._size :]
        self._held, self._count = [rest] if len(rest) else [], len(rest)
        return done

    def _block(self, samples: Samples, last_ns: int, whole: bool) -> Block:
        return Block(samples, self._clock.rate_hz, last_ns, whole)
