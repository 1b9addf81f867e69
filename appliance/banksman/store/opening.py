"""Opens the ledger, setting aside what is beyond use and saving from it what can be saved.

The small values (latched trips above all), the open alarms and the cursors are read out of a
damaged file at once: a trip must not be forgotten with the file. Rows that are still owed and
readings follow in the background (rescue.py). What stays in the old file only is history that
was delivered, and what cannot be read.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from banksman.store.contents import SEALED_SINCE
from banksman.store.database import Fault, connect, connect_read_only
from banksman.store.delivered import Delivered, found_in
from banksman.store.folder import set_aside
from banksman.store.ledger import Ledger
from banksman.store.rows import epoch_of
from banksman.store.sealing import Seal, Unreadable, place


class Remains(msgspec.Struct):
    """What could be read at once of a file that cannot be written."""

    state: dict[str, bytes] = {}
    state_lost: bool = False  # there were small values perhaps, and they cannot be read
    alarms: dict[str, bytes] = {}
    delivered: dict[str, Delivered] = {}
    folded: int = 0
    ordinal: int = 0
    epoch: int = 0


class Opened(msgspec.Struct):
    """The ledger, or the fault that keeps us from it; and what was set aside on the way."""

    ledger: Ledger | None = None
    fault: Fault | None = None
    set_aside: str = ""
    reason: str = ""
    remains: Remains | None = None


def open_ledger(path: Path, channels: Sequence[str], wall_ns: int, seal: Seal) -> Opened:
    """Open; a file beyond use is set aside and a new one begun. Never raises."""
    try:
        return Opened(ledger=_open(path, channels, seal))
    except Fault as fault:
        if not fault.corrupt:
            return Opened(fault=fault, remains=salvage(path, seal))
        return replace_ledger(path, channels, wall_ns, fault, seal)


def replace_ledger(
    path: Path, channels: Sequence[str], wall_ns: int, fault: Fault, seal: Seal
) -> Opened:
    """Set the damaged file aside and begin a new one. Never raises."""
    remains = salvage(path, seal)
    try:
        name = set_aside(path, wall_ns, fault.why)
    except OSError as error:
        message = f"{fault} and cannot be set aside ({error.strerror}); move it away by hand"
        return Opened(fault=Fault(message), remains=remains)
    opened = Opened(set_aside=name, reason=str(fault), remains=remains)
    try:
        opened.ledger = _open(path, channels, seal)
    except Fault as second:
        opened.fault = second
    return opened


def _open(path: Path, channels: Sequence[str], seal: Seal) -> Ledger:
    connection = connect(path)
    try:
        return Ledger(connection, path, channels, seal)
    except Fault:
        connection.close()
        raise


def salvage(path: Path, seal: Seal) -> Remains:
    """Read at once what can be read; empty where nothing can."""
    remains = Remains()
    if not path.exists():
        return remains
    remains.state_lost = True
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect_read_only(path)) as file:
        # Each by itself: the damage may be in any one table.
        with contextlib.suppress(sqlite3.Error):
            rows = file.execute("SELECT key, value FROM state").fetchall()
            remains.state = _opened(rows, "state", seal)
            remains.state_lost = len(remains.state) < len(rows)
            since = remains.state.pop(SEALED_SINCE, b"")
            if since.isdigit() and seal.name:
                seal.first_sealed = int(since)
        with contextlib.suppress(sqlite3.Error):
            rows = file.execute("SELECT key, payload FROM alarms").fetchall()
            remains.alarms = _opened(rows, "alarms", seal)
        with contextlib.suppress(sqlite3.Error):
            positions = dict(file.execute("SELECT channel, position FROM cursors"))
            remains.delivered = found_in(positions, remains.state)
        with contextlib.suppress(sqlite3.Error):
            last = file.execute(
                "SELECT last, ordinal + last - first + 1 FROM blocks ORDER BY first DESC"
            ).fetchone()
            remains.folded, remains.ordinal = last or (0, 0)
        with contextlib.suppress(sqlite3.Error):
            found = file.execute("SELECT max(row_id) FROM journal").fetchone()[0] or 0
            remains.epoch = epoch_of(max(int(found), remains.folded))
    return remains


def _opened(rows: Sequence[tuple[str, bytes]], table: str, seal: Seal) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for key, data in rows:
        with contextlib.suppress(Unreadable, TypeError):
            values[key] = seal.open(data, place(table, key), 0)
    return values
