"""Robust level, spread, trend and rate of many slow streams at once.

Rules of this file
- Pure; one call takes one reading of each stream. Shapes are (streams,), rings (streams, RING).
- The newest RING readings give a median, so fewer than RING / 2 outliers move nothing.
- Level, spread and trend follow slowly, over MEMORY_READINGS. While a stream is
  young they are plain means. No reading counts for more than CLIP_SPREADS in a spread.
- Multiplying a stream by a number or adding one to it does the same to its level, and nothing to
  any ratio made from it.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import SURPRISE_MAX, Floats, Rows

RING = 16
MEMORY_READINGS = 300
CLIP_SPREADS = 4.0
# A spread below this part of the level is the rounding of a double, not noise.
ROUNDING = 1e-9


COUNT_MAX = 2.0**53  # of a count that is kept as a float


class KeptLevels(msgspec.Struct, frozen=True):
    """For the store: rings of values and of times, (2, streams, RING), and (5, streams) of count,
    level, spread, wobble and trend.
    """

    rings: Packed
    slow: Packed


class LevelBank:
    """What many streams are like of late: rings of readings, newest first, and slow averages."""

    def __init__(self, streams: int) -> None:
        self.ring = np.zeros((streams, RING))
        self.times_s = np.zeros((streams, RING))
        self.count = np.zeros(streams, dtype=np.int64)
        self.level = np.zeros(streams)
        self.spread = np.zeros(streams)  # mean absolute deviation from the level
        self.wobble = np.zeros(streams)  # mean absolute step from one reading to the next
        self.trend_per_s = np.zeros(streams)

    def learn(self, rows: Rows, values: Floats, times_s: Floats) -> None:
        """Take one reading of each stream of ``rows``."""
        new = self.count[rows] == 0
        if new.any():
            first = new[:, None]
            self.ring[rows] = np.where(first, values[:, None], self.ring[rows])
            self.times_s[rows] = np.where(first, times_s[:, None], self.times_s[rows])
            self.level[rows] = np.where(new, values, self.level[rows])
        weight = slow_weight(self.count[rows])
        step = np.abs(values - self.ring[rows, 0])
        elapsed_s = times_s - self.times_s[rows, 0]
        push(self.ring, rows, values)
        push(self.times_s, rows, times_s)
        deviation = np.abs(values - self.level[rows])
        self.spread[rows] = clipped_mean(self.spread[rows], deviation, weight)
        self.wobble[rows] = clipped_mean(self.wobble[rows], step, weight)
        moved = weight * (median(self.ring[rows]) - self.level[rows])
        self.level[rows] += moved
        slope = np.divide(moved, elapsed_s, out=np.zeros_like(moved), where=elapsed_s > 0.0)
        self.trend_per_s[rows] += weight * (slope - self.trend_per_s[rows])
        self.count[rows] += 1

    def saved(self) -> KeptLevels:
        """For the store."""
        slow = [self.count.astype(np.float64), self.level, self.spread, self.wobble]
        return KeptLevels(
            packed(np.stack([self.ring, self.times_s])),
            packed(np.stack([*slow, self.trend_per_s])),
        )

    def restore(self, kept: KeptLevels) -> bool:
        """Take what the store kept; False: it is not of these streams, or damaged."""
        rings = unpacked(kept.rings, 2, *self.ring.shape, finite=True)
        slow = unpacked(kept.slow, 5, len(self.count), finite=True)
        if rings is None or slow is None:
            return False
        if (slow[[0, 2, 3]] < 0.0).any() or (slow[0] > COUNT_MAX).any():
            return False
        self.ring[:], self.times_s[:] = rings
        self.count[:] = slow[0].astype(np.int64)
        self.level[:], self.spread[:], self.wobble[:], self.trend_per_s[:] = slow[1:]
        return True

    def rate_per_s(self) -> Floats:
        """Change per second over the ring: between the medians of its newer and its older half."""
        half = RING // 2
        rise = median(self.ring[:, :half]) - median(self.ring[:, half:])
        run_s = self.times_s[:, :half].mean(axis=1) - self.times_s[:, half:].mean(axis=1)
        return np.asarray(np.divide(rise, run_s, out=np.zeros_like(rise), where=run_s > 0.0))


def slow_weight(count: Floats | npt.NDArray[np.int64]) -> Floats:
    """How much a new reading weighs in a slow average that has had ``count`` before."""
    return np.asarray(np.maximum(1.0 / (count + 1.0), 2.0 / (MEMORY_READINGS + 1)))


def push(ring: Floats, rows: Rows, values: Floats) -> None:
    """Put one value in front of each ring; the oldest falls out."""
    moved = ring[rows]
    ring[rows, 1:] = moved[:, :-1].copy()
    ring[rows, 0] = values


def median(window: Floats) -> Floats:
    """The median along the last axis, of even length; a third of the time that numpy's takes."""
    ordered = np.sort(window, axis=-1)
    half = window.shape[-1] // 2
    return np.asarray(0.5 * (ordered[..., half - 1] + ordered[..., half]))


def clipped_mean(mean: Floats, deviation: Floats, weight: Floats) -> Floats:
    """A mean absolute deviation that follows slowly and lets no single reading run away with it."""
    bound = np.where(mean > 0.0, CLIP_SPREADS * mean, deviation)
    return np.asarray(mean + weight * (np.minimum(deviation, bound) - mean))


def surprise(deviation: Floats, spread: Floats, level: Floats) -> Floats:
    """|deviation| in spreads, 0..SURPRISE_MAX; where nothing ever moved, any move is the most."""
    deviation = np.abs(deviation)
    rounding = ROUNDING * np.abs(level)
    floor = np.maximum(spread, rounding)
    ratio = np.divide(
        deviation, floor, out=np.where(deviation > 0.0, SURPRISE_MAX, 0.0), where=floor > 0.0
    )
    return np.asarray(np.minimum(ratio, SURPRISE_MAX))
