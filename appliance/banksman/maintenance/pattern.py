"""Has this stream ever looked like that? The newest readings against patterns it showed before.

Rules of this file
- Pure. A pattern is PARTS medians over the newest RING readings, so a spike alone makes none.
- Each stream has LIBRARY patterns, one of every STRIDE readings; the oldest gives way.
- The surprise is the distance to the second nearest pattern, in spreads of the stream. The second,
  so that one past accident does not make the next one usual (nearest-neighbour novelty as in
  KNN-CAD, Burnaev and Ishimtsev 2016, with a robust pattern instead of raw readings).

    readings   . . : . | . . . : | . : . . | : . . .     newest RING
    pattern       m4        m3        m2        m1       compared with the library
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.level import RING, median, surprise
from banksman.maintenance.rarity import Floats, Rows

PARTS = 4
STRIDE = 8
LIBRARY = 192
# Before that many patterns nothing can be said to be new.
PATTERNS_LEAST = 20
KNOWN_MAX = 2.0**53  # of a count that is kept as a float


class KeptPatterns(msgspec.Struct, frozen=True):
    """Libraries for the store, (streams, PARTS, LIBRARY), in spreads from each level; how many
    patterns each stream has shown, (streams,).
    """

    library: Packed
    known: Packed


class PatternBank:
    """The pattern libraries of many streams, shape (streams, LIBRARY, PARTS)."""

    def __init__(self, streams: int) -> None:
        # Infinity is near to nothing, so an empty place needs no care.
        self._library = np.full((streams, PARTS, LIBRARY), np.inf)
        self._known = np.zeros(streams, dtype=np.int64)

    def look(self, rows: Rows, ring: Floats, spread: Floats, level: Floats) -> Floats:
        """How new the pattern in ``ring`` (rows, RING) is, in spreads; NaN: too little is known."""
        pattern = self._pattern(ring)
        library = self._library[rows]
        apart = np.abs(library[:, 0] - pattern[:, 0, None])
        for part in range(1, PARTS):
            np.maximum(apart, np.abs(library[:, part] - pattern[:, part, None]), out=apart)
        # The second nearest: without the nearest the least. A partition takes ten times as long.
        apart[np.arange(len(apart)), apart.argmin(axis=1)] = np.inf
        near = apart.min(axis=1)
        known = self._known[rows] >= PATTERNS_LEAST
        return np.where(known, surprise(np.where(known, near, 0.0), spread, level), np.nan)

    def learn(self, rows: Rows, ring: Floats, count: npt.NDArray[np.int64]) -> None:
        """Keep the pattern of each stream whose ``count`` of readings says that it is time."""
        due = (count % STRIDE == 0) & (count >= RING)
        if due.any():
            streams = np.arange(len(self._known))[rows][due]
            place = self._known[streams] % LIBRARY
            self._library[streams, :, place] = self._pattern(ring[due])
            self._known[streams] += 1

    def saved(self, level: Floats, spread: Floats) -> KeptPatterns:
        """For the store, with half the digits: what counts is the distance in spreads."""
        with np.errstate(over="ignore"):  # an absurd pattern is near to nothing anyway
            apart = (self._library - level[:, None, None]) / _unit(spread)
            kept = packed(apart, fine=False)
        return KeptPatterns(kept, packed(self._known.astype(np.float64)))

    def restore(self, kept: KeptPatterns, level: Floats, spread: Floats) -> bool:
        """Take what the store kept; False: it is not of these streams, or damaged."""
        library = unpacked(kept.library, *self._library.shape)
        known = unpacked(kept.known, len(self._known), finite=True)
        if library is None or known is None or np.isnan(library).any():
            return False
        if (known < 0.0).any() or (known > KNOWN_MAX).any():
            return False
        self._library[:] = level[:, None, None] + library * _unit(spread)
        self._known[:] = known.astype(np.int64)
        return True

    @staticmethod
    def _pattern(ring: Floats) -> Floats:
        return median(ring.reshape(len(ring), PARTS, RING // PARTS))


def _unit(spread: Floats) -> Floats:
    return np.where(spread > 0.0, spread, 1.0)[:, None, None]
