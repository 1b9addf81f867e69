"""Entries off the queue become journal rows in pending. The store thread only."""

from __future__ import annotations

from banksman.deciding.decision import Decision
from banksman.records import decision_message, to_json
from banksman.store.parts import Parts
from banksman.store.rows import Entry, Kind, OutboxRow, base_of
from banksman.store.unencodable import CANNOT, Unencodable
from banksman.wire.messages import AlarmMessage, AuditMessage

ENTRIES_A_STRETCH = 128
WALL_NS_END = 1 << 63  # one row that SQLite refuses would fail its whole commit, again and again


class Acceptor:
    """Numbers and encodes entries, at most a stretch of them without giving way."""

    def __init__(self, parts: Parts) -> None:
        self._intake = parts.intake
        self._pending = parts.pending
        self._unencodable = Unencodable("rows", parts.intake, parts.pending, parts.drops)
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
        except CANNOT as error:
            kind = _kind(entry.message)
            self._unencodable.put(entry.message.id, kind, entry.message, error)
            return
        alarm = entry.message
        if isinstance(alarm, AlarmMessage):
            over = not alarm.active and alarm.acknowledged
            self._pending.set_alarm(alarm.key, None if over else row.payload)
        self._pending.add(row)

    def _row(self, entry: Entry) -> OutboxRow:
        record = entry.message
        message = to_json(decision_message(record) if isinstance(record, Decision) else record)
        if abs(record.wall_ns) >= WALL_NS_END:
            raise ValueError("its time is none that the database takes")
        self._row_id += 1
        return OutboxRow(
            self._row_id, entry.priority, _kind(record), record.id, message, record.wall_ns
        )


def _kind(record: Decision | AlarmMessage | AuditMessage) -> Kind:
    if isinstance(record, Decision):
        return "decision"
    return "alarm" if isinstance(record, AlarmMessage) else "audit"
