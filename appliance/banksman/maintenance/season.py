"""What is usual at this time of day: one profile for each stream, learned bin by bin.

Rules of this file
- Pure; the wall time is an argument, in seconds since 1970, moved to local time by the caller if
  the machine follows local time.
- A bin of the day is learned when it is over, from the mean of its readings. The first days weigh
  alike, later ones a fifth each: a new shift plan is the usual one after a week.
- A bin that was never seen predicts nothing (NaN), so that on its first day a stream has no season.
- `shape` is what a baseline may take off: how this hour differs from the middle of the day. A drift
  of all hours together is no shape, so it cannot be taken off and learned away.
"""

from __future__ import annotations

import msgspec
import numpy as np

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import Floats, Rows

BINS = 48
DAY_S = 86_400.0
WEIGHT_LEAST = 0.2
# An hour that was seen on fewer days, and a day of fewer such bins, has no shape to rely on.
DAYS_LEAST = 2
BINS_LEAST = 6


class KeptSeason(msgspec.Struct, frozen=True):
    """Profiles for the store: both (streams, BINS)."""

    profile: Packed
    days: Packed


class SeasonBank:
    """Profiles by time of day, shape (streams, BINS)."""

    def __init__(self, streams: int, day_s: float = DAY_S) -> None:
        self.profile = np.full((streams, BINS), np.nan)
        self.days = np.zeros((streams, BINS), dtype=np.int32)
        self._bin_s = day_s / BINS
        self._bin = np.full(streams, -1, dtype=np.int64)
        self._sum = np.zeros(streams)
        self._count = np.zeros(streams)

    def expected(self, rows: Rows, times_s: Floats) -> Floats:
        """What is usual at these times, shape (rows,), between the bins' middles; NaN: unknown."""
        place = times_s / self._bin_s - 0.5
        left = np.floor(place).astype(np.int64)
        share = place - left
        profile = self.profile[rows]
        every = np.arange(len(profile))
        before, after = profile[every, left % BINS], profile[every, (left + 1) % BINS]
        return np.asarray(before * (1.0 - share) + after * share)

    def shape(self, rows: Rows, times_s: Floats) -> Floats:
        """How these times differ from the middle of the usual day, (rows,); NaN: not known yet."""
        trusted = self.days[rows] >= DAYS_LEAST
        profile = np.where(trusted, self.profile[rows], np.nan)
        known = trusted.sum(axis=1)
        ordered = np.sort(profile, axis=1)  # NaN last
        every = np.arange(len(profile))
        middle = ordered[every, np.maximum(known - 1, 0) // 2]
        here = trusted[every, np.floor(times_s / self._bin_s).astype(np.int64) % BINS]
        expected = self.expected(rows, times_s)
        lone = profile[every, np.floor(times_s / self._bin_s).astype(np.int64) % BINS]
        expected = np.where(np.isnan(expected), lone, expected)
        return np.where(here & (known >= BINS_LEAST), expected - middle, np.nan)

    def renew(self, row: int) -> None:
        """Forget a stream's usual day."""
        self.profile[row] = np.nan
        self.days[row] = 0
        self._bin[row] = -1
        self._sum[row] = self._count[row] = 0.0

    def saved(self) -> KeptSeason:
        """For the store; the bin that is being learned is left out."""
        return KeptSeason(packed(self.profile), packed(self.days.astype(np.float64)))

    def restore(self, kept: KeptSeason) -> bool:
        """Take what the store kept; False: it is not of these streams."""
        profile = unpacked(kept.profile, *self.profile.shape)
        days = unpacked(kept.days, *self.days.shape, finite=True)
        if profile is None or days is None or (days < 0).any():
            return False
        known = np.isfinite(profile)
        self.profile[:] = profile
        self.days[:] = np.where(known, np.minimum(days, 1e6), 0.0)
        return True

    def learn(self, rows: Rows, values: Floats, times_s: Floats) -> None:
        """Take one reading of each stream; a bin that is over goes into the profile."""
        now = np.floor(times_s / self._bin_s).astype(np.int64)
        over = now != self._bin[rows]
        if over.any():
            changed = np.arange(len(self._bin))[rows][over]
            self._close(changed[self._count[changed] > 0])
            self._bin[changed] = now[over]
            self._sum[changed] = 0.0
            self._count[changed] = 0.0
        self._sum[rows] += values
        self._count[rows] += 1.0

    def _close(self, streams: Rows) -> None:
        bins = self._bin[streams] % BINS
        mean = self._sum[streams] / self._count[streams]
        days = self.days[streams, bins]
        weight = np.maximum(1.0 / (days + 1.0), WEIGHT_LEAST)
        known = np.where(days > 0, self.profile[streams, bins], mean)
        self.profile[streams, bins] = known + weight * (mean - known)
        self.days[streams, bins] = days + 1
