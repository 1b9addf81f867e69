"""What is usual at this time of day: one profile for each stream, learned bin by bin.

Rules of this file
- Pure; the wall time is an argument, in seconds since 1970, moved to local time by the caller if
  the machine follows local time.
- A bin of the day is learned when it is over, from the mean of its readings. The first days weigh
  alike, later ones a fifth each: a new shift plan is the usual one after a week.
- A bin that was never seen predicts nothing (NaN), so that on its first day a stream has no season.
- `shape` is what a baseline may take off: how this hour differs from the middle of the day. A drift
  of all hours together is no shape, so it cannot be taken off and learned away. A stream has one
  where its hours differ by more than the same hour does from day to day; once it has, it keeps it.
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
SCATTER_BINS = 7.0 * BINS  # what the day-to-day scatter remembers
# Hours must differ by so many times what one hour differs from day to day.
SHAPE_FACTOR = 2.0


class KeptSeason(msgspec.Struct, frozen=True):
    """Profiles and days (streams, BINS); scatter, its bins and whether shaped, (3, streams)."""

    profile: Packed
    days: Packed
    shaped: Packed


class SeasonBank:
    """Profiles by time of day, shape (streams, BINS)."""

    def __init__(self, streams: int, day_s: float = DAY_S) -> None:
        self.profile = np.full((streams, BINS), np.nan)
        self.days = np.zeros((streams, BINS), dtype=np.int32)
        self._scatter = np.zeros(streams)  # mean difference of an hour from day to day
        self._compared = np.zeros(streams)  # bins that it is known from
        self._shaped = np.zeros(streams, dtype=bool)
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
        size = np.abs(np.where(trusted, profile - middle[:, None], 0.0)).sum(axis=1)
        enough = (known >= BINS_LEAST) & (self._compared[rows] >= BINS_LEAST)
        shaped = size > SHAPE_FACTOR * self._scatter[rows] * np.maximum(known, 1)
        self._shaped[rows] |= enough & shaped
        now = np.floor(times_s / self._bin_s).astype(np.int64) % BINS
        expected = self.expected(rows, times_s)
        expected = np.where(np.isnan(expected), profile[every, now], expected)
        told = self._shaped[rows] & trusted[every, now] & (known >= BINS_LEAST)
        return np.where(told, expected - middle, np.nan)

    def renew(self, row: int) -> None:
        """Forget a stream's usual day."""
        self.profile[row] = np.nan
        self.days[row] = 0
        self._scatter[row] = self._compared[row] = 0.0
        self._shaped[row] = False
        self._bin[row] = -1
        self._sum[row] = self._count[row] = 0.0

    def saved(self) -> KeptSeason:
        """For the store; the bin that is being learned is left out."""
        shaped = np.stack([self._scatter, self._compared, self._shaped.astype(np.float64)])
        return KeptSeason(
            packed(self.profile), packed(self.days.astype(np.float64)), packed(shaped)
        )

    def restore(self, kept: KeptSeason) -> bool:
        """Take what the store kept; False: it is not of these streams."""
        profile = unpacked(kept.profile, *self.profile.shape)
        days = unpacked(kept.days, *self.days.shape, finite=True)
        shaped = unpacked(kept.shaped, 3, len(self._bin), finite=True)
        if profile is None or days is None or shaped is None:
            return False
        if (days < 0).any() or (shaped < 0).any():
            return False
        self._scatter, self._compared = shaped[0], shaped[1]
        self._shaped = shaped[2] > 0
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
        again = days > 0
        self._compared[streams] += again
        share = 1.0 / np.minimum(np.maximum(self._compared[streams], 1.0), SCATTER_BINS)
        moved = np.where(again, share, 0.0) * (np.abs(mean - known) - self._scatter[streams])
        self._scatter[streams] += moved
        self.profile[streams, bins] = known + weight * (mean - known)
        self.days[streams, bins] = days + 1
