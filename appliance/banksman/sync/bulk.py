"""Gathers what the bulk lane sends next: classes by the schedule, rows and readings by the store.

Rules of this file
- What is in flight is left out, so that a batch can be packed while the one before it is sent.
- What goes on the live lane (`live`) is left to it.
- Rows that something in between does not let pass (413 for a single one) are passed over until the
  link comes back or the next start; they stay in the store, still owed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from banksman.store.rows import OutboxRow, ReadingRow
from banksman.sync.live import Live
from banksman.sync.outbox import CHANNEL, Outbox
from banksman.sync.parcel import BLOCK_MESSAGES_MAX, Parcel, fill
from banksman.sync.policy import Plan
from banksman.sync.schedule import Schedule, Turn
from banksman.sync.thinning import Form, Thinning
from banksman.wire.messages import Priority

ROWS_MOST = 1_000
READINGS_MOST = 20_000
MESSAGE_BYTES = 20.0  # what one takes on the wire, about, until blocks have told
MESSAGE_BYTES_LEAST = 0.05
TELLS = 0.3  # of the estimate comes from the newest batch
SKIPPED_MOST = 100


class Bulk:
    """See the rules above."""

    def __init__(
        self, outbox: Outbox, schedule: Schedule, thinning: Thinning, wall_ns: Callable[[], int]
    ) -> None:
        self.messages_most = BLOCK_MESSAGES_MAX
        self._thinning = thinning
        self._wall_ns = wall_ns
        self._message_bytes = MESSAGE_BYTES
        self.skipped: set[int] = set()
        self._outbox = outbox
        self._schedule = schedule
        self.live = Live(outbox, schedule, self._form, self.waiting, self.skipped)

    def _form(self, plan: Plan) -> Form:
        return self._thinning.form(plan, self._wall_ns())

    def waiting(self, flying: Parcel = ()) -> dict[Priority, int]:
        """How much waits of each class; readings are background."""
        waiting = self._outbox.rows_owed(CHANNEL)
        waiting[Priority.BACKGROUND] += self._outbox.readings_owed(CHANNEL)
        for entry in flying:
            waiting[entry.item.priority] -= entry.messages or 1
        return {which: max(0, count) for which, count in waiting.items()}

    async def gather(
        self, plan: Plan, left_bytes: int | None, now_s: float, flying: Parcel = ()
    ) -> Parcel | float:
        """The next parcel, or for how many seconds none is due."""
        turn = self._schedule.turn(plan, self.waiting(flying), left_bytes, now_s)
        if not isinstance(turn, Turn):
            return turn
        rows = await self.rows(turn.classes, ROWS_MOST, flying)
        readings: Sequence[ReadingRow] = ()
        after = max((e.position for e in flying if e.position is not None), default=None)
        if Priority.BACKGROUND in turn.classes:
            limit = min(READINGS_MOST, 1 + int(turn.bytes_most / self._message_bytes))
            found = await self._outbox.readings_after(CHANNEL, after, limit)
            readings = self.live.behind(found)
        parcel = await asyncio.to_thread(
            fill, rows, readings, turn.bytes_most, plan.level, self.messages_most,
            self._form(plan), after,
        )  # fmt: skip
        self._learn(parcel)
        sizes = dict.fromkeys(turn.classes, 0)
        for entry in parcel:
            sizes[entry.item.priority] = sizes.get(entry.item.priority, 0) + entry.wire_bytes
        self._schedule.sent(sizes, now_s)
        return parcel or 1.0

    def _learn(self, parcel: Parcel) -> None:
        """What a readings message takes on the wire: as it is now, not as it once was."""
        blocks = [entry for entry in parcel if entry.messages]
        if blocks:
            took = sum(e.wire_bytes for e in blocks) / sum(e.messages for e in blocks)
            estimate = self._message_bytes + TELLS * (took - self._message_bytes)
            self._message_bytes = max(MESSAGE_BYTES_LEAST, estimate)

    async def rows(
        self, classes: Collection[Priority], limit: int, flying: Parcel = ()
    ) -> list[OutboxRow]:
        """At most ``limit`` rows that are not in flight."""
        away = self.skipped | self.live.rows_away
        away |= {entry.row_id for entry in flying if entry.row_id is not None}
        rows = await self._outbox.next_rows(CHANNEL, limit + len(away), classes)
        return [row for row in rows if row.row_id not in away][:limit]

    def skip(self, row_id: int) -> bool:
        """Pass over a row that is not let through; False when there are too many of them."""
        if len(self.skipped) >= SKIPPED_MOST:
            return False
        self.skipped.add(row_id)
        return True

    def delivered(self) -> None:
        """Something went through: blocks may grow again."""
        self.messages_most = min(BLOCK_MESSAGES_MAX, self.messages_most * 2)

    def failed(self, parcel: Parcel) -> None:
        """It was not delivered: its classes are due at once."""
        self._schedule.again({entry.item.priority for entry in parcel})
