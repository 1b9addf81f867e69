"""What a database holds when it is opened: numbers to go on from, small values, open alarms.

Rules of this file
- Read once at the start, by the store thread's connection. What does not open is set aside there.
- ``sealed since`` among the small values says from which number on everything was sealed. It is
  sealed itself; where the box runs without a key it is taken away, for what follows is plain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from banksman.store.aside import Unread, put_aside, take_back
from banksman.store.blocks import unpack
from banksman.store.delivered import Delivered, found_in
from banksman.store.rows import ReadingRow, base_of, block_place, epoch_of
from banksman.store.sealing import Seal, Unreadable, is_sealed, place
from banksman.wire.messages import Priority

SEALED_SINCE = "sealed since"


class Contents(msgspec.Struct):
    """See the rules above."""

    epoch: int
    folded: int  # readings up to this position are in blocks
    ordinal: int  # readings ever stored
    age_s: int  # for how long the box had recorded
    delivered: dict[str, Delivered]
    owed: list[tuple[str, Priority, int]]  # channel, class, rows
    state: dict[str, bytes]
    alarms: dict[str, bytes]
    state_lost: bool  # there were small values that do not open
    newest: ReadingRow | None
    aside: int  # rows that are set aside
    back: int  # rows that were, and are not any more


def look(connection: sqlite3.Connection, seal: Seal, channels: Sequence[str]) -> Contents:
    """Read it all, within a transaction of the caller's. Raises sqlite3.Error."""
    one = connection.execute
    back = take_back(connection, seal, channels)
    block = one(
        "SELECT last, ordinal + last - first + 1, kept_s FROM blocks ORDER BY first DESC"
    ).fetchone()
    folded, ordinal, block_s = block or (0, 0, 0)
    cursors = dict(one("SELECT channel, position FROM cursors").fetchall())
    row = one("SELECT row_id, kept_s FROM journal ORDER BY row_id DESC LIMIT 1").fetchone()
    row_id, row_s = row or (0, 0)
    bundled = one("SELECT max(last) FROM bundles").fetchone()[0] or 0
    newest = max(row_id, bundled, folded, *cursors.values(), 0)
    since_lost = _begin_sealing(connection, seal, newest)
    state, lost = _opened(connection, seal, "state", "value")
    alarms, _ = _opened(connection, seal, "alarms", "payload")
    owed = one("SELECT channel, priority, count(*) FROM owed GROUP BY channel, priority")
    return Contents(
        epoch=epoch_of(newest),
        folded=int(folded),
        ordinal=int(ordinal),
        age_s=max(int(row_s), int(block_s)),
        delivered=found_in(cursors, state),
        owed=[(channel, Priority(priority), count) for channel, priority, count in owed],
        state=state,
        alarms=alarms,
        state_lost=lost or since_lost,
        newest=_newest_reading(connection, seal),
        aside=one("SELECT count(*) FROM aside").fetchone()[0],
        back=back,
    )


def _begin_sealing(connection: sqlite3.Connection, seal: Seal, newest: int) -> bool:
    """Find or set the number from which on all is sealed; True when small values do not open."""
    where = place("state", SEALED_SINCE)
    found = connection.execute("SELECT value FROM state WHERE key = ?", (SEALED_SINCE,)).fetchone()
    if not seal.name:
        connection.execute("DELETE FROM state WHERE key = ?", (SEALED_SINCE,))
        return False
    broken = False
    if found is not None:
        try:
            seal.first_sealed = int(seal.open(found[0], where, 0))
        except (Unreadable, ValueError):
            broken = seal.knows(found[0]) or not is_sealed(found[0])
        else:
            return False
    # Under a key that was lost, or never: plain rows up to here are what they are. A number that is
    # known already was read out of a damaged file.
    known, seal.first_sealed = seal.first_sealed, None
    state, lost = _opened(connection, seal, "state", "value")
    alarms, _ = _opened(connection, seal, "alarms", "payload")
    seal.first_sealed = known or max(base_of(epoch_of(newest) + 1), seal.next_number)
    if broken:
        seal.first_sealed = 0
    put_state(connection, seal, state | {SEALED_SINCE: b"%d" % seal.first_sealed})
    for key, payload in alarms.items():
        put_alarm(connection, seal, key, payload)
    return broken or lost


def _opened(
    connection: sqlite3.Connection, seal: Seal, table: str, column: str
) -> tuple[dict[str, bytes], bool]:
    """The values of a table by key; what does not open is set aside, and True says so."""
    values: dict[str, bytes] = {}
    unread: list[Unread] = []
    rows = connection.execute(f"SELECT key, {column} FROM {table}")  # noqa: S608  names of ours
    for key, data in rows.fetchall():
        if key == SEALED_SINCE:
            continue
        try:
            values[key] = seal.open(data, place(table, key))
        except Unreadable as error:
            unread.append(Unread("state" if table == "state" else "alarms", key, str(error)))
    for each in unread:
        put_aside(connection, each)
    return values, bool(unread)


def put_state(connection: sqlite3.Connection, seal: Seal, values: Mapping[str, bytes]) -> None:
    """Keep small values. Raises sqlite3.Error."""
    connection.executemany(
        "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)",
        [(key, seal.seal(value, place("state", key))) for key, value in values.items()],
    )


def put_alarm(connection: sqlite3.Connection, seal: Seal, key: str, payload: bytes | None) -> None:
    """Keep an alarm's newest state; None: it is over. Raises sqlite3.Error."""
    if payload is None:
        connection.execute("DELETE FROM alarms WHERE key = ?", (key,))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO alarms (key, payload) VALUES (?, ?)",
            (key, seal.seal(payload, place("alarms", key))),
        )


def _newest_reading(connection: sqlite3.Connection, seal: Seal) -> ReadingRow | None:
    """The last row of the last block, if it opens."""
    found = connection.execute(
        "SELECT first, last, data FROM blocks ORDER BY first DESC LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    first, last, data = found
    try:
        opened = seal.open(data, block_place(first, last), first)
        return unpack(first, opened, last - 1, 1)[0]
    except (ValueError, msgspec.DecodeError):
        return None
