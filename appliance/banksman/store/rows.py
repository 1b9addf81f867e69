"""The values that the store hands out and takes in, and how its numbers are made.

Row ids and reading positions are ``epoch * 2**38 + n``: they grow over restarts without being
looked up or written anywhere, are dense within one run, and tell which run made them.
38 bits last 8 years of 1 000 readings a second in one run; 25 bits of epoch remain.
"""

from __future__ import annotations

import enum
from typing import Any, Literal

import msgspec

from banksman.deciding.decision import Decision
from banksman.store.sealing import Seal, place
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority

EPOCH_SHIFT = 38

Kind = Literal["decision", "alarm", "audit"]
KINDS: tuple[Kind, ...] = ("decision", "alarm", "audit")


class Lane(enum.IntEnum):
    """The numbers that the database keeps for kinds, in the order of ``KINDS``."""

    DECISION = 0
    ALARM = 1
    AUDIT = 2


def base_of(epoch: int) -> int:
    """The number below the first row id or position of an epoch."""
    return epoch << EPOCH_SHIFT


def epoch_of(number: int) -> int:
    """The epoch that made a row id or position."""
    return number >> EPOCH_SHIFT


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    """One journal row as a channel sends it; ``payload`` is the wire message's JSON."""

    row_id: int
    priority: Priority
    kind: Kind
    id: str
    payload: bytes
    wall_ns: int
    attempts: int = 0  # tries of this channel that did not deliver it

    @property
    def size_bytes(self) -> int:
        """How large the message is."""
        return len(self.payload)

    @property
    def may_be_shed(self) -> bool:
        """Alarms, audit entries and CRITICAL decisions are never given up for room."""
        return self.kind == "decision" and self.priority is not Priority.CRITICAL


def outbox_row(columns: tuple[Any, ...]) -> OutboxRow:
    """A row from (row_id, priority, kind, id, payload, wall_ns[, attempts]).

    Raises for what is none.
    """
    row_id, priority, kind, message_id, payload, wall_ns, *attempts = columns
    message_id.encode()  # a damaged page may hold any bytes: what no batch can carry is no row
    if not isinstance(payload, bytes) or not isinstance(wall_ns, int):
        raise TypeError("the row's columns are not what they were")
    return OutboxRow(
        row_id, Priority(priority), KINDS[kind], message_id, payload, wall_ns, *attempts
    )


def row_place(row: OutboxRow) -> bytes:
    """Where a row's seal belongs: it opens with this number, class and id only."""
    return place("journal", row.row_id, row.kind, int(row.priority), row.id)


def bundle_place(first: int, last: int) -> bytes:
    """Where a bundle's seal belongs."""
    return place("bundles", first, last)


def block_place(first: int, last: int) -> bytes:
    """Where a block's seal belongs."""
    return place("blocks", first, last)


def spool_place(position: int) -> bytes:
    """Where the seal of a spooled reading belongs."""
    return place("spool", position)


def opened_row(columns: tuple[Any, ...], seal: Seal) -> OutboxRow:
    """A row of the database, its seal opened. Raises Unreadable, and what ``outbox_row`` does."""
    row = outbox_row(columns)
    return msgspec.structs.replace(row, payload=seal.open(row.payload, row_place(row), row.row_id))


class ReadingRow(msgspec.Struct, frozen=True, gc=False):
    """One ReadingsMessage as JSON, and its place in the order of all readings."""

    position: int
    id: str
    device: str
    payload: bytes


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Something that must be durable at once, on its way to the store thread."""

    message: Decision | AlarmMessage | AuditMessage
    priority: Priority
