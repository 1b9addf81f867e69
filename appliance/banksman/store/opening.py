"""Opens the ledger, setting aside what is beyond use and saving from it what can be saved.

The small values (latched trips above all), the open alarms and the rows that are still owed
are read out of a damaged file as far as it lets itself be read: a trip must not be forgotten
with the file. What stays in it only is history and readings.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from banksman.store.database import Fault, connect, connect_read_only
from banksman.store.folder import set_aside
from banksman.store.ledger import Ledger
from banksman.store.pending import PILE_MAX
from banksman.store.rows import OutboxRow, epoch_of, outbox_row


class Remains(msgspec.Struct):
    """What could be read of a file that cannot be written."""

    state: dict[str, bytes] = {}
    state_lost: bool = False  # there were small values perhaps, and they cannot be read
    alarms: dict[str, bytes] = {}
    cursors: dict[str, int] = {}
    folded: int = 0
    epoch: int = 0
    rows: list[OutboxRow] = []  # owed to somebody


class _Named(msgspec.Struct):
    """What every message has."""

    id: str


class Opened(msgspec.Struct):
    """The ledger, or the fault that keeps us from it; and what was set aside on the way."""

    ledger: Ledger | None = None
    fault: Fault | None = None
    set_aside: str = ""
    reason: str = ""
    remains: Remains | None = None


def open_ledger(path: Path, channels: Sequence[str], wall_ns: int) -> Opened:
    """Open; a file beyond use is set aside and a new one begun. Never raises."""
    try:
        return Opened(ledger=_open(path, channels))
    except Fault as fault:
        if not fault.corrupt:
            return Opened(fault=fault, remains=salvage(path))
        return replace_ledger(path, channels, wall_ns, fault)


def replace_ledger(path: Path, channels: Sequence[str], wall_ns: int, fault: Fault) -> Opened:
    """Set the damaged file aside and begin a new one. Never raises."""
    remains = salvage(path)
    remains.rows = _owed_rows(path)
    try:
        name = set_aside(path, wall_ns, fault.why)
    except OSError as error:
        message = f"{fault} and cannot be set aside ({error.strerror}); move it away by hand"
        return Opened(fault=Fault(message), remains=remains)
    opened = Opened(set_aside=name, reason=str(fault), remains=remains)
    try:
        opened.ledger = _open(path, channels)
    except Fault as second:
        opened.fault = second
    return opened


def _open(path: Path, channels: Sequence[str]) -> Ledger:
    connection = connect(path)
    try:
        return Ledger(connection, path, channels)
    except Fault:
        connection.close()
        raise


def salvage(path: Path) -> Remains:
    """Read what can be read; empty where nothing can."""
    remains = Remains()
    if not path.exists():
        return remains
    remains.state_lost = True
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect_read_only(path)) as file:
        # Each by itself: the damage may be in any one table.
        with contextlib.suppress(sqlite3.Error):
            remains.state = dict(file.execute("SELECT key, value FROM state"))
            remains.state_lost = False
        with contextlib.suppress(sqlite3.Error):
            remains.alarms = dict(file.execute("SELECT key, payload FROM alarms"))
        with contextlib.suppress(sqlite3.Error):
            remains.cursors = dict(file.execute("SELECT channel, position FROM cursors"))
        with contextlib.suppress(sqlite3.Error):
            remains.folded = _newest(file, "SELECT max(last) FROM blocks")
        with contextlib.suppress(sqlite3.Error):
            newest_row = _newest(file, "SELECT max(row_id) FROM journal")
            remains.epoch = epoch_of(max(newest_row, remains.folded))
    return remains


def _owed_rows(path: Path) -> list[OutboxRow]:
    """The rows that somebody is owed, most urgent first, up to the first unreadable page."""
    rows: list[OutboxRow] = []
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect_read_only(path)) as file:
        for columns in file.execute(
            "SELECT row_id, priority, kind, id, payload, wall_ns FROM journal "
            "WHERE (priority, row_id) IN (SELECT priority, row_id FROM owed) "
            "ORDER BY priority, row_id LIMIT ?",
            (PILE_MAX,),
        ):
            # A damaged page may give anything: only what still names itself is taken.
            with contextlib.suppress(ValueError, TypeError, IndexError, msgspec.DecodeError):
                row = outbox_row(columns)
                if msgspec.json.decode(row.payload, type=_Named).id == row.id:
                    rows.append(row)
    return rows


def _newest(file: sqlite3.Connection, statement: str) -> int:
    return int(file.execute(statement).fetchone()[0] or 0)
