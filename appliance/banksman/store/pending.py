"""What waits for the next commit, bounded, and what a degraded store works from.

Rules of this file
- Any thread; the lock is held for microseconds and never over disk work.
- Work is taken as a copy and struck off only after its commit: a failed commit loses nothing.
- While the disk refuses, rows pile up here to the limit. Then the lowest priority goes first,
  oldest first, counted; what is never shed has as much room again.
- An acknowledgement may wait up to a second for company: losing it repeats a message with the
  same id, while a commit for each would wear out the card.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from banksman.store.aside import Unread
from banksman.store.delivered import Delivered
from banksman.store.intake import Drops
from banksman.store.ledger import Work
from banksman.store.rows import OutboxRow
from banksman.wire.messages import Priority

ROWS_A_COMMIT = 512
# Rows on their way through a healthy store; they do not count as piled up.
PASSING_ROWS = 1024
PILE_MAX = 10_000
# More than these are found again by whoever asks next.
UNREAD_MAX = 10_000
# A disk that takes no acknowledgements is not fed with further sending beyond this.
ACKNOWLEDGED_MAX = 20_000


class Pending:
    """See the rules above."""

    def __init__(self, channels: Sequence[str], limit: int, drops: Drops) -> None:
        self._lock = threading.Lock()
        self._limit = limit
        self._drops = drops
        self._rows: list[OutboxRow] = []
        self._alarms: dict[str, bytes | None] = {}
        self._acknowledged: dict[str, set[int]] = {channel: set() for channel in channels}
        self._tried: dict[str, dict[int, int]] = {channel: {} for channel in channels}
        self._unread: dict[tuple[str, int | str], Unread] = {}
        self._delivered: dict[str, Delivered] = {}
        # Set without the lock, by the control thread too: one assignment is atomic.
        self.state: dict[str, bytes] = {}

    def add(self, row: OutboxRow) -> None:
        """A row to commit."""
        with self._lock:
            self._rows.append(row)
            if len(self._rows) > self._limit:
                self._shed()

    def _shed(self) -> None:
        for priority in (Priority.BACKGROUND, Priority.NORMAL, Priority.IMPORTANT):
            for index, row in enumerate(self._rows):
                if row.priority is priority and row.may_be_shed:
                    del self._rows[index]
                    self._drops.add(f"{priority.name.lower()}_memory_full")
                    return
        if len(self._rows) > 2 * self._limit:
            del self._rows[0]
            self._drops.add("precious_memory_full")

    def set_alarm(self, key: str, payload: bytes | None) -> None:
        """The newest state of an alarm; None when it is over."""
        with self._lock:
            self._alarms[key] = payload

    def acknowledge(self, channel: str, row_ids: Iterable[int]) -> None:
        """A channel has delivered these rows. Raises KeyError for an undeclared channel."""
        with self._lock:
            self._acknowledged[channel].update(row_ids)

    def tried(self, channel: str, row_ids: Iterable[int]) -> None:
        """A channel has tried to deliver these in vain. Raises KeyError as above."""
        with self._lock:
            tried = self._tried[channel]
            for row_id in row_ids:
                if row_id in tried or len(tried) < ACKNOWLEDGED_MAX:
                    tried[row_id] = tried.get(row_id, 0) + 1

    def unread(self, unread: Unread) -> None:
        """Something in the database does not open."""
        with self._lock:
            if len(self._unread) < UNREAD_MAX:
                self._unread.setdefault((unread.place, unread.name), unread)

    def set_delivered(self, channel: str, delivered: Delivered) -> None:
        """A channel has delivered these readings."""
        with self._lock:
            self._delivered[channel] = delivered

    def acknowledged(self, channel: str) -> set[int]:
        """Rows acknowledged and not yet struck off in the database."""
        with self._lock:
            return set(self._acknowledged[channel])

    def rows(self) -> list[OutboxRow]:
        """Rows that are not in the database."""
        with self._lock:
            return list(self._rows)

    @property
    def precious(self) -> float:
        """How full the memory is of rows that are never shed: from 1 on the next may be lost."""
        with self._lock:
            return sum(not row.may_be_shed for row in self._rows) / (2 * self._limit)

    def is_urgent(self) -> bool:
        """Whether something waits that must be durable at once."""
        return bool(self._rows or self._alarms or self.state or self._unread)

    def work(self) -> Work:
        """A copy of what to commit next."""
        state: dict[str, bytes] = {}
        with self._lock:
            later = {row.row_id for row in self._rows[ROWS_A_COMMIT:]}
            work = Work(
                rows=self._rows[:ROWS_A_COMMIT],
                alarms=dict(self._alarms),
                state=state,
                acknowledged={
                    channel: sorted(row_ids - later)
                    for channel, row_ids in self._acknowledged.items()
                    if row_ids
                },
                tried={channel: dict(tries) for channel, tries in self._tried.items() if tries},
                delivered=dict(self._delivered),
                unread=list(self._unread.values()),
            )
        while self.state:
            key, value = self.state.popitem()
            state[key] = value
        return work

    def done(self, work: Work) -> None:
        """The work is durable."""
        with self._lock:
            written = {row.row_id for row in work.rows}
            self._rows = [row for row in self._rows if row.row_id not in written]
            for key, payload in work.alarms.items():
                if self._alarms.get(key, b"") is payload:
                    del self._alarms[key]
            for channel, row_ids in work.acknowledged.items():
                self._acknowledged[channel].difference_update(row_ids)
            for channel, tries in work.tried.items():
                for row_id, count in tries.items():
                    left = self._tried[channel].pop(row_id, count) - count
                    if left > 0:
                        self._tried[channel][row_id] = left
            for unread in work.unread:
                self._unread.pop((unread.place, unread.name), None)
            for channel, delivered in work.delivered.items():
                if self._delivered.get(channel) == delivered:
                    del self._delivered[channel]

    def undone(self, work: Work) -> None:
        """The commit failed: newer values of the same keys stay, the rest comes back."""
        for key, value in work.state.items():
            self.state.setdefault(key, value)
