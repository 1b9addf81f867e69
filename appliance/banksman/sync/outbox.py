"""What the uplink asks of the store, from the side of one channel.

Rules of this file
- Rows are acknowledged one by one, readings by stretches of positions: (after, position].
- What was acknowledged is not handed out again; what was not is, with the same ids and bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from banksman.store.rows import OutboxRow, ReadingRow
from banksman.wire.messages import Priority

CHANNEL = "cloud"


class Outbox(Protocol):
    """The store, from the side of one channel."""

    async def next_rows(
        self, channel: str, limit: int, classes: Collection[Priority], newest: bool = False
    ) -> Sequence[OutboxRow]:
        """The first, or the newest, rows of these classes that were not acknowledged."""

    async def acknowledge_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """These need not be sent again."""

    async def fail_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """Somebody was reached and did not take these."""

    async def readings_after(
        self, channel: str, after: int | None, limit: int
    ) -> Sequence[ReadingRow]:
        """Readings beyond a position, or beyond what was acknowledged."""

    async def acknowledge_readings(
        self, channel: str, position: int, after: int | None = None
    ) -> None:
        """Readings beyond ``after`` (None: all) up to here need not be sent again."""

    def readings_front(self, channel: str) -> int | None:
        """The newest reading's position, or None where none may go ahead of a backlog now."""

    def rows_owed(self, channel: str) -> dict[Priority, int]:
        """How many rows wait, by class."""

    def readings_owed(self, channel: str) -> int:
        """How many readings messages wait."""

    def listen(self, callback: Callable[[], None]) -> None:
        """Call back, from any thread, when there is something new."""

    def stretch(self, factor: float) -> None:
        """Keep so many times the quota, and for so many times as long."""
