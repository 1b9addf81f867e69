"""The store's reading side: what uplink and page ask, answered on the main loop.

Rules of this file
- Memory answers where it can; disk is read on a worker thread.
- Rows that are not durable are handed out only while the disk refuses them: then sending is
  the one way left to keep them.
- What was acknowledged is not handed out again, durable or not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from typing import TypeVar

import msgspec

from banksman.store.delivered import AHEAD_MAX, NOTHING
from banksman.store.parts import Parts
from banksman.store.pending import ACKNOWLEDGED_MAX
from banksman.store.reader import Reader
from banksman.store.rows import Kind, OutboxRow, ReadingRow
from banksman.store.writer import Writer
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage, Priority

MessageT = TypeVar("MessageT", DecisionMessage, AuditMessage)


class Answers:
    """The asynchronous methods of ``Store``."""

    def __init__(self, parts: Parts, reader: Reader, writer: Writer) -> None:
        self._parts = parts
        self._reader = reader
        self._writer = writer

    async def next_rows(
        self,
        channel: str,
        limit: int,
        classes: Collection[Priority] = tuple(Priority),
        newest: bool = False,
    ) -> list[OutboxRow]:
        """The rows that ``channel`` has not acknowledged, by priority and then age.

        Only rows of ``classes``; ``newest``: the last of each class first.
        Raises KeyError for a channel that was not declared at open.
        """
        ledger = self._writer.ledger
        if ledger is not None and not any(ledger.depth[channel][each] for each in classes):
            return []
        return await asyncio.to_thread(self._next_rows, channel, limit, classes, newest)

    def rows_owed(self, channel: str) -> dict[Priority, int]:
        """How many rows ``channel`` has not acknowledged, by class; any thread, microseconds.

        Raises KeyError for a channel that was not declared at open.
        """
        ledger = self._writer.ledger
        owed = dict(ledger.depth[channel]) if ledger is not None else dict.fromkeys(Priority, 0)
        for row in self._unwritten():
            owed[row.priority] += 1
        return owed

    def _next_rows(
        self, channel: str, limit: int, classes: Collection[Priority], newest: bool
    ) -> list[OutboxRow]:
        acknowledged = self._parts.pending.acknowledged(channel)
        if len(acknowledged) > ACKNOWLEDGED_MAX:
            return []
        found = {row.row_id: row for row in self._unwritten() if row.priority in classes}
        stored = self._reader.owed(channel, limit + len(acknowledged), classes, newest)
        found |= {row.row_id: row for row in stored}
        rows = [row for row_id, row in found.items() if row_id not in acknowledged]
        turn = -1 if newest else 1
        return sorted(rows, key=lambda row: (row.priority, turn * row.row_id))[:limit]

    def _unwritten(self) -> list[OutboxRow]:
        return self._parts.pending.rows() if self._writer.ledger is None else []

    async def acknowledge_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """``channel`` has delivered these rows; durable within about a second."""
        self._parts.pending.acknowledge(channel, row_ids)

    async def fail_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """``channel`` has tried to deliver these in vain; counted with them within a second."""
        self._parts.pending.tried(channel, row_ids)

    async def readings_after(self, channel: str, after: int | None, limit: int) -> list[ReadingRow]:
        """Readings beyond position ``after``, or beyond the channel's durable cursor if None.

        What was delivered ahead of a backlog is passed over; no answer spans such a stretch.
        Live consumers are answered from memory; who lags behind that is served from blocks.
        """
        delivered = self._parts.memory.delivered.get(channel, NOTHING)
        position = delivered.position if after is None else after
        while True:
            position, before = delivered.gap(position)
            rows = await self._readings(position, limit)
            within = rows if before is None else [r for r in rows if r.position <= before]
            if before is None or within or not rows:
                return within
            position = before  # all of that gap was shed

    async def _readings(self, position: int, limit: int) -> list[ReadingRow]:
        rows = self._parts.tail.after(position, limit)
        if rows is not None:
            return rows
        if self._writer.holding.recovery.rescue is not None:
            return []  # what comes next may still be on its way out of a damaged file
        rows = await asyncio.to_thread(self._reader.readings, position, limit)
        if not rows and not self._reader.fault:
            # Nothing stored lies between: what was shed is gone, and memory has the rest.
            return self._parts.tail.beyond_gap(position, limit)
        return rows

    async def acknowledge_readings(
        self, channel: str, position: int, after: int | None = None
    ) -> None:
        """``channel`` has delivered readings beyond ``after`` up to ``position``.

        None: all up to there. Durable within about a second.
        """
        known = self._parts.memory.delivered
        before = known.get(channel, NOTHING)
        delivered = before.plus(position, after)
        if delivered != before:
            known[channel] = delivered
            self._parts.pending.set_delivered(channel, delivered)

    def readings_front(self, channel: str) -> int | None:
        """The newest reading's position: from here on a lane may go ahead of a backlog.

        None while so many stretches are ahead already that one more would be forgotten.
        """
        delivered = self._parts.memory.delivered.get(channel, NOTHING)
        return None if len(delivered.ahead) >= AHEAD_MAX else self._parts.tail.newest

    async def decisions(self, limit: int, before: str | None = None) -> list[DecisionMessage]:
        """Recorded decisions, newest first; ``before`` is an id to page on from."""
        rows = await asyncio.to_thread(self._newest, "decision", limit, before)
        return _decoded(rows, DecisionMessage)

    async def audit(self, limit: int) -> list[AuditMessage]:
        """Recorded audit entries, newest first."""
        rows = await asyncio.to_thread(self._newest, "audit", limit, None)
        return _decoded(rows, AuditMessage)

    def _newest(self, kind: Kind, limit: int, before: str | None) -> list[OutboxRow]:
        unwritten = [row for row in reversed(self._unwritten()) if row.kind == kind]
        ids = [row.id for row in unwritten]
        if before in ids:
            unwritten, before = unwritten[ids.index(before) + 1 :], None
        elif before is not None:
            unwritten = []
        stored = self._reader.newest(kind, limit, before)
        found = {row.row_id: row for row in (*unwritten, *stored)}
        return list(found.values())[:limit]

    async def alarms(self) -> list[AlarmMessage]:
        """The newest state of each alarm that is active or not acknowledged."""
        return list(self._parts.memory.alarms.values())


def _decoded(rows: Sequence[OutboxRow], kind: type[MessageT]) -> list[MessageT]:
    """The rows' messages, without those that a damaged page has made unreadable."""
    messages: list[MessageT] = []
    for row in rows:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            messages.append(msgspec.json.decode(row.payload, type=kind))
    return messages
