"""What does not open is set aside: taken out of the way, kept as it was found, and counted.

Rules of this file
- The store thread only, within a transaction of the ledger.
- Nothing is thrown away: the bytes stay, with their place and the reason. With the key back, the
  next start puts them where they were, owed to every channel (receivers know repeats by id).
- ``journal``, ``blocks`` and ``bundles`` are named by number, ``state`` and ``alarms`` by key,
  ``spool`` by position, ``intake`` (what could not be written at all) by the record's id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec

from banksman.store.sealing import NOT_HERE, Seal

Place = Literal["journal", "blocks", "bundles", "state", "alarms", "spool", "intake"]

_META = {
    "journal": ("row_id", "json_array(kind, priority, wall_ns, id, kept_s)", "payload"),
    "blocks": ("first", "json_array(last, ordinal, kept_s)", "data"),
    "bundles": ("first", "json_array(last)", "data"),
    "state": ("key", "'[]'", "value"),
    "alarms": ("key", "'[]'", "payload"),
}
_BACK = {
    "journal": "INSERT OR IGNORE INTO journal "
    "(row_id, payload, kind, priority, wall_ns, id, kept_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
    "blocks": "INSERT OR IGNORE INTO blocks (first, data, last, ordinal, kept_s) "
    "VALUES (?, ?, ?, ?, ?)",
    "bundles": "INSERT OR IGNORE INTO bundles (first, data, last) VALUES (?, ?, ?)",
    "state": "INSERT OR IGNORE INTO state (key, value) VALUES (?, ?)",
    "alarms": "INSERT OR IGNORE INTO alarms (key, payload) VALUES (?, ?)",
}
BACK_MOST = 10_000


class Unread(msgspec.Struct, frozen=True):
    """One that does not open. ``data`` where it is in no table."""

    place: Place
    name: int | str
    why: str
    data: bytes = b""


def put_aside(connection: sqlite3.Connection, unread: Unread) -> bool:
    """Move it out of its table; False when it is not there any more. Raises sqlite3.Error."""
    if unread.data:
        done = connection.execute(
            "INSERT OR IGNORE INTO aside (place, name, meta, data, why) VALUES (?, ?, '', ?, ?)",
            (unread.place, str(unread.name), unread.data, unread.why),
        )
        return bool(done.rowcount)
    key, meta, data = _META[unread.place]
    # Only names of our own stand in the text; what differs is bound.
    done = connection.execute(
        f"INSERT OR REPLACE INTO aside SELECT ?, {key}, {meta}, {data}, ? "  # noqa: S608
        f"FROM {unread.place} WHERE {key} = ?",
        (unread.place, unread.why, unread.name),
    )
    connection.execute(
        f"DELETE FROM {unread.place} WHERE {key} = ?",  # noqa: S608  as above
        (unread.name,),
    )
    return bool(done.rowcount)


def take_back(connection: sqlite3.Connection, seal: Seal, channels: Sequence[str]) -> int:
    """Put back what opens again, within a transaction; returns how many. Raises sqlite3.Error.

    What came from elsewhere than a table (the spool, the intake, a damaged file) stays.
    """
    back = 0
    found = connection.execute(
        "SELECT place, name, meta, data FROM aside WHERE why LIKE ? LIMIT ?",
        (f"%{NOT_HERE}", BACK_MOST),
    ).fetchall()
    for table, name, meta, data in found:
        if not meta or not seal.knows(data):
            continue
        rest = msgspec.json.decode(meta)
        connection.execute(_BACK[table], (name, data, *rest))
        if table == "journal":
            _owe(connection, channels, int(name), rest[1])
        connection.execute("DELETE FROM aside WHERE place = ? AND name = ?", (table, name))
        back += 1
    return back


def _owe(
    connection: sqlite3.Connection, channels: Sequence[str], row_id: int, priority: int
) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO owed (channel, priority, row_id) VALUES (?, ?, ?)",
        [(channel, priority, row_id) for channel in channels],
    )
