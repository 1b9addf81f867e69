"""Builds what the store's two threads share, from what a folder still holds.

Order: the database (set aside if it is beyond use), the spool, then the epoch, which must lie
above every number that either of them shows.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from banksman.clock import Clock
from banksman.records import IdSource
from banksman.store.ageing import Age
from banksman.store.aside import Unread
from banksman.store.blocks import row_of
from banksman.store.delivered import Delivered
from banksman.store.folder import EpochFile, next_epoch
from banksman.store.intake import Drops, Intake
from banksman.store.mark import DurableMark
from banksman.store.opening import Opened, open_ledger
from banksman.store.pending import PASSING_ROWS, PILE_MAX, Pending
from banksman.store.rows import ReadingRow, base_of, epoch_of, spool_place
from banksman.store.sealing import Seal, Unreadable
from banksman.store.spool import Spool
from banksman.store.tail import Tail
from banksman.store.taking_in import unfinished
from banksman.wire.messages import AlarmMessage

DATABASE = "banksman.db"
TAIL_ROWS = 4096
# So many readings are folded before their time, so that the tail stays small.
FOLD_AT_ROWS = 2048

log = logging.getLogger(__name__)


class Memory(msgspec.Struct):
    """What the store knows by heart, so that a lost file does not lose it too.

    Any thread; each change is one step of a dict.
    """

    state: dict[str, bytes]
    alarms: dict[str, AlarmMessage]
    delivered: dict[str, Delivered]
    state_lost: bool = False  # there were small values that nobody can read any more


class Epoch:
    """The number of this start, and whether it is on the disk."""

    def __init__(self, folder: Path, seen: Sequence[int], doubtful: bool) -> None:
        """``seen``: epochs found in records. ``doubtful``: higher ones may have been lost."""
        self._file = EpochFile(folder)
        saved = self._file.read()
        known = max(saved or 0, *seen, 0)
        doubtful = saved is None or (saved == 0 and doubtful)
        self.number = next_epoch(known, certain=not doubtful)
        self._saved = False
        try:
            self.save()
        except OSError as error:
            self.number = next_epoch(known, certain=False)
            log.error("the epoch cannot be written (%s): ids leap to %d", error, self.number)

    def save(self) -> None:
        """Make it durable if it is not. Raises OSError."""
        if not self._saved:
            self._file.write(self.number)
            self._saved = True


class Parts(msgspec.Struct):
    """What spool thread, store thread and callers share."""

    node: str
    clock: Clock
    channels: tuple[str, ...]
    path: Path
    seal: Seal
    opened: Opened
    epoch: Epoch
    age: Age
    ids: IdSource
    memory: Memory
    intake: Intake
    pending: Pending
    spool: Spool
    spool_fault: str
    tail: Tail
    mark: DurableMark
    drops: Drops


def build(
    folder: Path, node: str, clock: Clock, channels: Sequence[str], limit: int, seal: Seal
) -> Parts:
    """Open what the folder holds; ``limit`` bounds every queue. Never raises for a bad disk."""
    drops = Drops()
    path = folder / DATABASE
    seal.next_number = base_of((EpochFile(folder).read() or 0) + 1)
    opened = open_ledger(path, channels, clock.wall_ns(), seal)
    age = Age(clock)
    if opened.ledger is not None:
        age.found(opened.ledger.contents.age_s)
    spool = Spool(folder)
    spooled, unread, spool_fault = _open_spool(spool, drops, seal)
    folded, newest = _folded(opened)
    if opened.set_aside and spooled:
        # What the spool still has comes from there, and the rest out of the damaged file.
        folded = min(folded, spooled[0].position - 1)
    memory = _memory(opened)
    todo = unfinished(memory.state)
    if todo is not None:
        folded = max(folded, todo.before - 1)
    seen = [epoch_of(row.position) for row in spooled[-1:]]
    seen += [opened.ledger.epoch] if opened.ledger else []
    seen += [opened.remains.epoch] if opened.remains else []
    epoch = Epoch(folder, seen, doubtful=bool(opened.set_aside))
    ids = IdSource(node, epoch.number)
    tail = Tail(TAIL_ROWS, limit, folded)
    # What a crash left in the spool waits in the tail like any reading, and is folded first.
    left = [row for row in spooled if row.position > folded]
    drops.add("readings_memory_full", tail.append(left))
    pending = Pending(channels, min(limit, PILE_MAX) + PASSING_ROWS, drops)
    for each in unread:
        pending.unread(each)
    return Parts(
        node=node,
        clock=clock,
        channels=tuple(channels),
        path=path,
        seal=seal,
        opened=opened,
        epoch=epoch,
        age=age,
        ids=ids,
        memory=memory,
        intake=Intake(node, ids, clock, limit, drops),
        pending=pending,
        spool=spool,
        spool_fault=spool_fault,
        tail=tail,
        mark=DurableMark(left[-1] if left else newest),
        drops=drops,
    )


def _open_spool(
    spool: Spool, drops: Drops, seal: Seal
) -> tuple[list[ReadingRow], list[Unread], str]:
    rows: list[ReadingRow] = []
    unread: list[Unread] = []
    try:
        found, torn_bytes = spool.open()
    except OSError as error:
        return rows, unread, f"the spool cannot be opened: {error}"
    drops.add("spool_torn_bytes", torn_bytes)
    for position, data in found:
        try:
            payload = seal.open(data, spool_place(position), position)
            rows.append(row_of(position, payload))
        except (Unreadable, msgspec.DecodeError, UnicodeDecodeError) as error:
            drops.add("spool_rows_unreadable")
            unread.append(Unread("spool", position, str(error), data))
    return rows, unread, ""


def _folded(opened: Opened) -> tuple[int, ReadingRow | None]:
    """Up to where readings are in the database, and the newest of them."""
    if opened.ledger is not None:
        if opened.set_aside and opened.remains is not None:
            return opened.remains.folded, None
        return opened.ledger.folded, opened.ledger.contents.newest
    if opened.remains is not None:
        return opened.remains.folded, None
    return 0, None


def _memory(opened: Opened) -> Memory:
    """Small values, alarms and cursors, from the ledger or what was saved out of its ruin."""
    memory = Memory({}, {}, {})
    alarms: dict[str, bytes] = {}
    if opened.remains is not None:
        memory.state.update(opened.remains.state)
        memory.delivered.update(opened.remains.delivered)
        memory.state_lost = opened.remains.state_lost
        alarms = opened.remains.alarms
    elif opened.ledger is not None:
        contents = opened.ledger.contents
        memory.state.update(contents.state)
        memory.delivered.update(contents.delivered)
        memory.state_lost = contents.state_lost
        alarms = contents.alarms
    for key, payload in alarms.items():
        with contextlib.suppress(msgspec.DecodeError):
            memory.alarms[key] = msgspec.json.decode(payload, type=AlarmMessage)
    return memory
