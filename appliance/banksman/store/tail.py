"""The newest readings in memory: what live consumers read, and what is not in SQLite yet.

Rules of this file
- Rows stand in order of position. Rows not yet folded into the database stay until they are,
  or until the hard limit, beyond which the oldest are dropped and counted.
- Folded rows stay for late consumers, ``keep`` of them at least while rows come.
- Any thread; the lock is held for microseconds and never over disk work.

      floor        folded                 newest
        |  folded rows | not folded yet     |
        +--------------+--------------------+      reads at or beyond floor need no database
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence

from banksman.store.delivered import Delivered
from banksman.store.rows import ReadingRow

TRIM_ROWS = 512


def _position(row: ReadingRow) -> int:
    return row.position


class Tail:
    """See the rules above. ``floor``: nothing beyond this position is missing here."""

    def __init__(self, keep: int, limit: int, floor: int) -> None:
        self._keep = keep
        self._limit = max(limit, keep)
        self._lock = threading.Lock()
        self._rows: list[ReadingRow] = []
        self._folded = floor
        self._floor = floor

    @property
    def floor(self) -> int:
        """The highest position up to which rows may be missing here."""
        return self._floor

    def append(self, rows: Sequence[ReadingRow]) -> int:
        """Add newer rows; returns how many unfolded rows had to be dropped for them."""
        with self._lock:
            self._rows.extend(rows)
            return self._trim()

    def _trim(self) -> int:
        excess = len(self._rows) - self._keep
        if excess < TRIM_ROWS:
            return 0
        folded = bisect_right(self._rows, self._folded, key=_position)
        lost = max(0, len(self._rows) - self._limit - folded)
        cut = min(excess, folded) + lost
        if cut:
            self._floor = self._rows[cut - 1].position
            del self._rows[:cut]
        return lost

    def after(self, position: int, limit: int) -> list[ReadingRow] | None:
        """Rows beyond ``position``; None when some of them may be only in the database."""
        with self._lock:
            if position < self._floor:
                return None
            start = bisect_right(self._rows, position, key=_position)
            return self._rows[start : start + limit]

    def beyond_gap(self, position: int, limit: int) -> list[ReadingRow]:
        """Rows beyond ``position``, whatever is missing before the first of them."""
        with self._lock:
            start = bisect_right(self._rows, position, key=_position)
            return self._rows[start : start + limit]

    def unfolded(self, limit: int) -> list[ReadingRow]:
        """The oldest rows that are not in the database."""
        with self._lock:
            start = bisect_right(self._rows, self._folded, key=_position)
            return self._rows[start : start + limit]

    def unfolded_count(self) -> int:
        """How many rows are not in the database."""
        with self._lock:
            return self._beyond(self._folded)

    def unfolded_owed(self, delivered: Delivered) -> int:
        """How many rows are neither in the database nor delivered."""
        with self._lock:
            return self._owed(delivered, self._folded)

    def mark_folded(self, position: int) -> None:
        """Rows up to ``position`` are in the database."""
        with self._lock:
            self._folded = max(self._folded, position)

    def unfold(self) -> None:
        """The database was lost: whatever is here must go into the new one."""
        with self._lock:
            self._folded = self._floor

    def owed(self, delivered: Delivered) -> int | None:
        """How many rows were not delivered; None when the tail does not reach back to them."""
        with self._lock:
            if delivered.position < self._floor:
                return None
            return self._owed(delivered, 0)

    @property
    def newest(self) -> int:
        """The highest position that was given out, as far as is known here."""
        with self._lock:
            return self._rows[-1].position if self._rows else max(self._floor, self._folded)

    def _owed(self, delivered: Delivered, beyond: int) -> int:
        def count(position: int) -> int:
            return self._beyond(max(position, beyond))

        ahead = sum(count(after) - count(upto) for after, upto in delivered.ahead)
        return count(delivered.position) - ahead

    def _beyond(self, position: int) -> int:
        return len(self._rows) - bisect_right(self._rows, position, key=_position)
