"""Every statement that writes records, each group of them in one transaction.

Rules of this file
- The store thread only. A method either commits all it was given or raises Fault and has
  changed nothing, so the same work may simply be tried again: repeats are ignored by row id.
- ``depth``, ``folded`` and ``ordinal`` mirror the file, are read once at open and change only
  after a commit.
- What goes into the file is sealed here, and nowhere else on this thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from banksman.store.aside import Unread, put_aside
from banksman.store.blocks import Block
from banksman.store.contents import look, put_alarm, put_state
from banksman.store.database import fault_of
from banksman.store.delivered import NOTHING, Delivered, kept_as
from banksman.store.rows import KINDS, OutboxRow, block_place, row_place
from banksman.store.sealing import Seal
from banksman.wire.messages import Priority

# A row may be in the journal or in a bundle: the four places where it can be owed are looked at.
ACKNOWLEDGE = """
DELETE FROM owed WHERE channel = ?1 AND priority IN (0, 1, 2, 3) AND row_id = ?2
RETURNING priority
"""
TRIED = """
UPDATE owed SET attempts = attempts + ?3
WHERE channel = ?1 AND priority IN (0, 1, 2, 3) AND row_id = ?2
"""
# Rows of a bundle that is not there any more are owed by nobody.
BEREFT = """
DELETE FROM owed WHERE priority IN (0, 1, 2, 3) AND row_id BETWEEN ?1 AND ?2
AND channel = ?3 AND row_id NOT IN (SELECT row_id FROM journal WHERE row_id BETWEEN ?1 AND ?2)
RETURNING priority
"""


class Work(msgspec.Struct):
    """What one transaction shall make durable."""

    rows: Sequence[OutboxRow] = ()
    alarms: Mapping[str, bytes | None] = {}  # None: the alarm is over
    state: Mapping[str, bytes] = {}
    acknowledged: Mapping[str, Sequence[int]] = {}  # channel -> row ids
    tried: Mapping[str, Mapping[int, int]] = {}  # channel -> row id -> tries in vain
    delivered: Mapping[str, Delivered] = {}  # channel -> readings
    blocks: Sequence[Block] = ()
    unread: Sequence[Unread] = ()
    age_s: int = 0  # for how long the box has recorded

    def __bool__(self) -> bool:
        return bool(
            self.rows
            or self.alarms
            or self.state
            or self.delivered
            or self.blocks
            or self.unread
            or any(self.acknowledged.values())
            or any(self.tried.values())
        )


class Oldest(msgspec.Struct, frozen=True):
    """A row owed, kept at an age of so many seconds of recording. In a bundle its id is empty."""

    channel: str
    attempts: int
    kept_s: int
    kind: str = ""
    id: str = ""
    size_bytes: int = 0


class Ledger:
    """The writing side of the database. Raises Fault throughout, the constructor included."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        channels: Sequence[str],
        seal: Seal | None = None,
    ) -> None:
        """``seal``: None leaves everything as it is."""
        self.connection = connection
        self.path = path
        self.channels = tuple(channels)
        self.seal = seal or Seal()
        self.commits = 0
        self.acknowledged = 0
        with self.transaction():
            self.contents = look(connection, self.seal, self.channels)
        self.depth = {channel: dict.fromkeys(Priority, 0) for channel in self.channels}
        # Channels that are no longer declared owe nothing new; their old rows go when pruned.
        self.known_channels = set(self.channels)
        for channel, priority, count in self.contents.owed:
            self.known_channels.add(channel)
            if channel in self.depth:
                self.depth[channel][priority] = count
        self.epoch = self.contents.epoch
        self.folded, self.ordinal = self.contents.folded, self.contents.ordinal
        self.delivered = self.contents.delivered
        self.aside = self.contents.aside

    def write(self, work: Work) -> None:
        """Make it durable."""
        with self.transaction() as connection:
            new = [self._insert(row, work.age_s) for row in work.rows]
            for key, payload in work.alarms.items():
                put_alarm(connection, self.seal, key, payload)
            put_state(connection, self.seal, work.state)
            gone = [
                (channel, priority)
                for channel, row_ids in work.acknowledged.items()
                for row_id in row_ids
                for (priority,) in connection.execute(ACKNOWLEDGE, (channel, row_id)).fetchall()
            ]
            acknowledged = len(gone)
            connection.executemany(
                TRIED,
                [
                    (channel, row_id, tries)
                    for channel, rows in work.tried.items()
                    for row_id, tries in rows.items()
                ],
            )
            self._put_delivered(work.delivered)
            ordinal, folded = self._insert_blocks(work.blocks, work.age_s)
            aside = sum(self._put_aside(unread, gone) for unread in work.unread)
        self.ordinal, self.folded = ordinal, folded
        self.delivered.update(work.delivered)
        self.acknowledged += acknowledged
        self.aside += aside
        for row, is_new in zip(work.rows, new, strict=True):
            if is_new:
                for channel in self.channels:
                    self.depth[channel][row.priority] += 1
        self.paid(gone)

    def paid(self, gone: Sequence[tuple[str, int]]) -> None:
        """These (channel, class) are owed no more; call it after the commit."""
        for channel, priority in gone:
            if channel in self.depth:
                self.depth[channel][Priority(priority)] -= 1

    def charged(self, new: Sequence[tuple[str, int]]) -> None:
        """These (channel, class) are owed in addition; call it after the commit."""
        for channel, priority in new:
            if channel in self.depth:
                self.depth[channel][Priority(priority)] += 1

    def keep_aside(self, unread: Unread) -> None:
        """Keep bytes that came from elsewhere and do not open, within a transaction."""
        self.aside += put_aside(self.connection, unread)

    def _insert(self, row: OutboxRow, age_s: int) -> bool:
        kind, priority = KINDS.index(row.kind), int(row.priority)
        payload = self.seal.seal(row.payload, row_place(row))
        inserted = self.connection.execute(
            "INSERT OR IGNORE INTO journal (row_id, kind, priority, wall_ns, id, payload, kept_s) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row.row_id, kind, priority, row.wall_ns, row.id, payload, age_s),
        )
        if not inserted.rowcount:
            return False
        for channel in self.channels:
            self.connection.execute(
                "INSERT OR IGNORE INTO owed (channel, priority, row_id) VALUES (?, ?, ?)",
                (channel, priority, row.row_id),
            )
        return True

    def _put_delivered(self, delivered: Mapping[str, Delivered]) -> None:
        for channel, new in delivered.items():
            self.connection.execute(
                "INSERT OR REPLACE INTO cursors VALUES (?, ?)", (channel, new.position)
            )
            if new.ahead != self.delivered.get(channel, NOTHING).ahead:
                put_state(self.connection, self.seal, dict([kept_as(channel, new)]))

    def _insert_blocks(self, blocks: Sequence[Block], age_s: int) -> tuple[int, int]:
        ordinal, folded = self.ordinal, self.folded
        for block in blocks:
            data = self.seal.seal(block.data, block_place(block.first, block.last))
            self.connection.execute(
                "INSERT INTO blocks (first, last, ordinal, data, kept_s) VALUES (?, ?, ?, ?, ?)",
                (block.first, block.last, ordinal, data, age_s),
            )
            ordinal, folded = ordinal + block.count, block.last
        return ordinal, folded

    def _put_aside(self, unread: Unread, gone: list[tuple[str, int]]) -> bool:
        """Set one aside; what was owed of it joins ``gone``."""
        last = unread.name
        if unread.place == "bundles":
            found = self.connection.execute(
                "SELECT last FROM bundles WHERE first = ?", (unread.name,)
            ).fetchone()
            last = found[0] if found else last
        done = put_aside(self.connection, unread)
        if unread.place in {"journal", "bundles"}:
            for channel in self.known_channels:
                bereft = self.connection.execute(BEREFT, (unread.name, last, channel)).fetchall()
                gone += [(channel, priority) for (priority,) in bereft]
        return done

    def readings_owed(self, delivered: Delivered) -> int:
        """How many stored readings were not delivered."""
        ahead = sum(
            self.readings_beyond(after) - self.readings_beyond(upto)
            for after, upto in delivered.ahead
        )
        return max(0, self.readings_beyond(delivered.position) - ahead)

    def readings_beyond(self, position: int) -> int:
        """How many stored readings lie beyond a cursor."""
        with self._reading():
            found = self.connection.execute(
                "SELECT first, last, ordinal FROM blocks WHERE first <= ? "
                "ORDER BY first DESC LIMIT 1",
                (position,),
            ).fetchone()
            if found is None:
                oldest = self.connection.execute(
                    "SELECT ordinal FROM blocks ORDER BY first LIMIT 1"
                ).fetchone()
                return self.ordinal - oldest[0] if oldest else 0
        first, last, ordinal = found
        return int(self.ordinal - ordinal - (min(position, last) - first + 1))

    def oldest(self, channel: str, priority: Priority) -> Oldest | None:
        """The oldest row of a class still owed."""
        with self._reading():
            found = self.connection.execute(
                "SELECT row_id, attempts FROM owed WHERE channel = ? AND priority = ? "
                "ORDER BY row_id LIMIT 1",
                (channel, int(priority)),
            ).fetchone()
            if found is None:
                return None
            row_id, attempts = found
            kept = self.connection.execute(
                "SELECT row_id, kept_s, kind, id, length(payload) FROM journal "
                "WHERE row_id >= ? ORDER BY row_id LIMIT 1",
                (row_id,),
            ).fetchone()
        if kept is None:
            return Oldest(channel, attempts, 0)
        if kept[0] != row_id:
            # Of a row in a bundle only so much is known: it is no younger than the next.
            return Oldest(channel, attempts, int(kept[1]))
        _, kept_s, kind, name, size_bytes = kept
        return Oldest(channel, attempts, int(kept_s), KINDS[kind], str(name), size_bytes)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; an error of SQLite leaves as Fault."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            if self.connection.in_transaction:
                self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise fault_of(error, self.path) from error
            raise
        self.commits += 1

    def _roll_back(self) -> None:
        try:
            self.connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The error that led here says more; a new connection follows it.
            return

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise fault_of(error, self.path) from error

    def close(self) -> None:
        """Close; the log is folded into the file if nobody else reads it."""
        self.connection.close()
