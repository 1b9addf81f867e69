"""A machine's normal: for each sensor in each machine state the usual level, spread and reach.

Rules of this file
- Pure; windows come in (one robust level for some seconds or minutes), a band goes out.
- A baseline is known after ``learn_windows``. The first ``settle_windows`` of them do not count: a
  machine warms up and a new bearing runs in. Before that it says nothing.
- It goes on learning, ever more slowly: all of the past weighs alike, so a year-old one hardly
  moves. The newest half of the past waits outside: a slow decay cannot hide in its baseline.
  What it was first known from counts at once, though: a day that lacks its evening is none.
- Rows that do not follow the day may be known provisionally from a quarter of that on: by its newer
  half, because the older one may be running-in. That stands still until the whole is learned:
  what grows meanwhile does not hide in it.
- The caller never lets it learn what was alarmed or warned of (deviation.py).
- A new normal (a part changed, a recipe) is a person's word: `renew` forgets and counts the
  version up.
- Memory is bounded: ENTRIES for each baseline. When they are full, neighbours are merged and each
  entry stands for twice as many windows: one of their levels (a mean of them would make the
  spread look small), the highest high and the lowest low.

    windows    ||||||||||||||||||||||||||||||||||||
    entries    [ settle | known: centre, sigma, high, low | newest half: waits ]
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import Floats, Rows

ENTRIES = 96
# A steady ramp lies 2 / (1 - this) - 1 times as far out as what counts ever went: three times, and
# 2.5 are an alarm. With a quarter it would hide in its own baseline for good.
WAITING_SHARE = 0.5
PROVISIONAL_SHARE = 0.25
# Fewer windows than this tell too little, even provisionally.
PROVISIONAL_LEAST = 50
# A normal distribution's standard deviation in median absolute deviations.
SIGMA_PER_MAD = 1.4826


class Band(msgspec.Struct, frozen=True):
    """What is normal now; arrays of one element for each baseline asked for, NaN while unknown."""

    centre: Floats
    sigma: Floats  # robust standard deviation of the windows' levels
    highest: Floats  # the greatest level that ever lasted (deviation.py says how long)
    lowest: Floats


class Baseline(msgspec.Struct, frozen=True):
    """One baseline as the store keeps it. Its key is (sensor, state)."""

    sensor: str
    state: str
    version: int  # grows with each `renew`
    windows: int  # healthy windows seen, the settling ones included
    stride: int  # windows of one entry
    entries: Packed  # (3, entries): levels, highs, lows; oldest first


class BaselineBank:
    """The baselines of many (sensor, state) pairs, one row each."""

    def __init__(
        self,
        keys: Sequence[tuple[str, str]],
        learn_windows: int,
        settle_windows: int,
        early: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """``early``, (rows,): which of them may be known provisionally; None: none of them.

        Raises ValueError where a baseline could never be known.
        """
        if not 0 <= settle_windows < learn_windows:
            raise ValueError("a baseline must learn longer than it settles")
        rows = len(keys)
        self.keys = tuple(keys)
        self.version = np.ones(rows, dtype=np.int64)
        self.windows = np.zeros(rows, dtype=np.int64)
        self._learn, self._settle = learn_windows, settle_windows
        quarter = int(PROVISIONAL_SHARE * (learn_windows - settle_windows))
        self._quarter = quarter if quarter >= PROVISIONAL_LEAST else learn_windows
        self._early = np.zeros(rows, dtype=np.bool_) if early is None else early
        self._stride = np.ones(rows, dtype=np.int64)
        self._filled = np.zeros(rows, dtype=np.int64)
        # Levels, highs and lows of the entries, and of the one in the making.
        self._entries = np.full((rows, 3, ENTRIES), np.nan)
        self._making = np.zeros((rows, 3))
        self._made = np.zeros(rows, dtype=np.int64)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which rows have seen enough to say what is normal."""
        return self.windows >= self._learn

    @property
    def provisional(self) -> npt.NDArray[np.bool_]:
        """Which rows have seen enough to say what is normal until the whole is learned."""
        return self._early & (self.windows >= self._settle + self._quarter) & ~self.known

    def learn(self, rows: npt.NDArray[np.intp], level: Floats, high: Floats, low: Floats) -> None:
        """Take one healthy window of each row; ``high`` and ``low`` are the levels that lasted."""
        self.windows[rows] += 1
        settled = self.windows[rows] > self._settle
        rows = rows[settled]
        if not rows.size:
            return
        level, high, low = level[settled], high[settled], low[settled]
        making, fresh = self._making[rows], self._made[rows] == 0
        making[:, 0] = level
        making[:, 1] = np.where(fresh, high, np.maximum(making[:, 1], high))
        making[:, 2] = np.where(fresh, low, np.minimum(making[:, 2], low))
        self._making[rows] = making
        self._made[rows] += 1
        ready = rows[self._made[rows] == self._stride[rows]]
        if ready.size:
            self._append(ready)

    def band(self, rows: Rows) -> Band:
        """What is normal for these rows."""
        filled, stride = self._filled[rows], self._stride[rows]
        first = -(-(self._learn - self._settle) // stride)  # entries it was known from
        past = np.maximum(filled - (filled * WAITING_SHARE).astype(np.int64), first)
        used = np.where(self.known[rows], np.clip(past, 1, np.maximum(filled, 1)), 0)
        begin = np.zeros_like(used)
        young = self.provisional[rows]
        used[young] = self._quarter // stride[young]
        begin[young] = used[young] // 2
        entries, every = self._entries[rows], np.arange(ENTRIES)
        outside = (every < begin[:, None]) | (every >= used[:, None])
        levels = np.where(outside, np.nan, entries[:, 0])
        centre = _median(levels, used - begin)
        sigma = SIGMA_PER_MAD * _median(np.abs(levels - centre[:, None]), used - begin)
        highest = np.where(outside, -np.inf, entries[:, 1]).max(axis=1)
        lowest = np.where(outside, np.inf, entries[:, 2]).min(axis=1)
        unknown = used == 0
        highest[unknown] = lowest[unknown] = np.nan
        return Band(centre, sigma, highest, lowest)

    def renew(self, row: int) -> None:
        """Forget what is normal and learn it anew, as the next version."""
        self.version[row] += 1
        self.windows[row] = self._filled[row] = self._made[row] = 0
        self._stride[row] = 1
        self._entries[row] = np.nan

    def saved(self, row: int) -> Baseline:
        """This baseline for the store; windows of an unfinished entry are left out."""
        filled = int(self._filled[row])
        sensor, state = self.keys[row]
        return Baseline(
            sensor=sensor,
            state=state,
            version=int(self.version[row]),
            windows=int(self.windows[row]),
            stride=int(self._stride[row]),
            entries=packed(self._entries[row, :, :filled]),
        )

    def restore(self, saved: Baseline) -> bool:
        """Take one from the store. False: there is no such row, or it is no baseline of ours."""
        key = (saved.sensor, saved.state)
        known = unpacked(saved.entries, 3, None, finite=True)
        if key not in self.keys or known is None or saved.stride < 1 or saved.windows < 0:
            return False
        filled = known.shape[1]
        if filled > ENTRIES:
            return False
        entries = np.full((3, ENTRIES), np.nan)
        entries[:, :filled] = known
        row = self.keys.index(key)
        self.version[row], self.windows[row] = saved.version, saved.windows
        self._stride[row], self._filled[row], self._made[row] = saved.stride, filled, 0
        self._entries[row] = entries
        return True

    def _append(self, rows: npt.NDArray[np.intp]) -> None:
        full = rows[self._filled[rows] == ENTRIES]
        if full.size:
            self._merge(full)
            # What was in the making is now half an entry.
            rows = np.setdiff1d(rows, full, assume_unique=True)
            if not rows.size:
                return
        self._entries[rows, :, self._filled[rows]] = self._making[rows]
        self._filled[rows] += 1
        self._made[rows] = 0

    def _merge(self, rows: npt.NDArray[np.intp]) -> None:
        pairs = self._entries[rows].reshape(len(rows), 3, ENTRIES // 2, 2)
        merged = np.full((len(rows), 3, ENTRIES), np.nan)
        merged[:, 0, : ENTRIES // 2] = pairs[:, 0, :, 1]
        merged[:, 1, : ENTRIES // 2] = pairs[:, 1].max(axis=-1)
        merged[:, 2, : ENTRIES // 2] = pairs[:, 2].min(axis=-1)
        self._entries[rows] = merged
        self._filled[rows] = ENTRIES // 2
        self._stride[rows] *= 2


def _median(values: Floats, used: npt.NDArray[np.int64]) -> Floats:
    """Median of the ``used`` numbers of each row, NaN for none; the rest of each row is NaN."""
    ordered = np.sort(values, axis=1)  # NaN last
    every = np.arange(len(values))
    low, high = np.maximum((used - 1) // 2, 0), used // 2
    return np.asarray(0.5 * (ordered[every, low] + ordered[every, high]))
