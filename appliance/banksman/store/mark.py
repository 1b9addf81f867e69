"""The durable mark: the id of a reading below which nothing is lost when the process is killed.

Rows that could not be spooled make a hole; the mark stays before it until the database holds
everything up to the hole's end. Spool and store thread both move it.
"""

from __future__ import annotations

import threading

from banksman.store.rows import ReadingRow


class DurableMark:
    """``id`` may be read by any thread."""

    def __init__(self, newest: ReadingRow | None) -> None:
        self._lock = threading.Lock()
        self._position = newest.position if newest else 0
        self._hole_end = 0
        self.id = newest.id if newest else ""

    def spooled(self, newest: ReadingRow) -> None:
        """Rows up to ``newest`` are in the spool."""
        with self._lock:
            if not self._hole_end:
                self._move(newest)

    def missed(self, newest: ReadingRow) -> None:
        """Rows up to ``newest`` are in memory only."""
        with self._lock:
            # They may have been folded meanwhile.
            if newest.position > self._position:
                self._hole_end = newest.position

    def folded(self, newest: ReadingRow) -> None:
        """Rows up to ``newest`` are in the database."""
        with self._lock:
            if newest.position >= self._hole_end:
                self._hole_end = 0
            self._move(newest)

    def _move(self, newest: ReadingRow) -> None:
        if newest.position > self._position:
            self._position, self.id = newest.position, newest.id
