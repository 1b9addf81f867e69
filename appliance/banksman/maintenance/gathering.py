"""One sensor's readings of one window, bounded: what does not fit is thinned evenly. Pure.

readings   a b c d e f g h i j ...
kept 4     a b c d | a c e g | a e i ...     each time it is full every second one goes
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median

KEPT_MAX = 512
PARTS_MAX = 4
PART_LEAST = 3  # readings: one odd one of them moves no median


class Gathering:
    """Takes usable readings; gives their median once a window."""

    def __init__(self) -> None:
        self._kept: list[float] = []
        self._stride = 1
        self._seen = 0

    def add(self, value: float) -> None:
        """Take one; NaN is no reading. Costs some hundred nanoseconds."""
        if value != value:
            return
        if self._seen % self._stride == 0:
            self._kept.append(value)
            if len(self._kept) == KEPT_MAX:
                del self._kept[1::2]
                self._stride *= 2
        self._seen += 1

    def parts(self) -> list[float]:
        """The medians of the window's quarters so far, in order; of fewer parts, of few readings.

        What differs between them happened within the window.
        """
        kept = self._kept
        parts = min(PARTS_MAX, max(1, len(kept) // PART_LEAST)) if kept else 0
        edges = [len(kept) * part // parts for part in range(parts)] + [len(kept)]
        return [median(kept[first:end]) for first, end in pairwise(edges)]

    def take(self) -> float:
        """The window's level, NaN without a reading; the next window begins."""
        level = median(self._kept) if self._kept else float("nan")
        self._kept.clear()
        self._stride, self._seen = 1, 0
        return level
