"""Entries off the queue become journal rows in pending. The store thread only."""

from __future__ import annotations

import logging

from banksman.deciding.decision import Decision
from banksman.records import decision_message, to_json
from banksman.store.parts import Parts
from banksman.store.rows import Entry, Kind, OutboxRow, base_of
from banksman.wire.messages import AlarmMessage

ENTRIES_A_STRETCH = 128

log = logging.getLogger(__name__)


class Acceptor:
    """Numbers and encodes entries, at most a stretch of them without giving way."""

    def __init__(self, parts: Parts) -> None:
        self._intake = parts.intake
        self._pending = parts.pending
        self._drops = parts.drops
        self._row_id = base_of(parts.epoch.number)

    def take(self, wait_s: float) -> bool:
        """Take what is there, waiting for the first one or a call; False when there was none."""
        entries = self._intake.take_entries(ENTRIES_A_STRETCH, wait_s)
        for entry in entries:
            self._accept(entry)
        return bool(entries)

    def _accept(self, entry: Entry) -> None:
        try:
            row = self._row(entry)
        except (ValueError, TypeError, AttributeError) as error:
            self._drops.add("rows_unencodable")
            log.error("the record %s cannot be written as JSON: %s", entry.message.id, error)
            return
        alarm = entry.message
        if isinstance(alarm, AlarmMessage):
            over = not alarm.active and alarm.acknowledged
            self._pending.set_alarm(alarm.key, None if over else row.payload)
        self._pending.add(row)

    def _row(self, entry: Entry) -> OutboxRow:
        kind: Kind
        if isinstance(entry.message, Decision):
            kind, message = "decision", to_json(decision_message(entry.message))
        elif isinstance(entry.message, AlarmMessage):
            kind, message = "alarm", to_json(entry.message)
        else:
            kind, message = "audit", to_json(entry.message)
        self._row_id += 1
        return OutboxRow(
            self._row_id, entry.priority, kind, entry.message.id, message, entry.message.wall_ns
        )
