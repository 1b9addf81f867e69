"""Every statement that writes records, each group of them in one transaction.

Rules of this file
- The store thread only. A method either commits all it was given or raises Fault and has
  changed nothing, so the same work may simply be tried again: repeats are ignored by row id.
- ``depth``, ``folded`` and ``ordinal`` mirror the file, are read once at open and change only
  after a commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from banksman.store.blocks import Block, unpack
from banksman.store.database import fault_of
from banksman.store.rows import KINDS, OutboxRow, ReadingRow, epoch_of
from banksman.wire.messages import Priority

ACKNOWLEDGE = """
DELETE FROM owed WHERE channel = ?1 AND row_id = ?2
AND priority = (SELECT priority FROM journal WHERE row_id = ?2) RETURNING priority
"""


class Work(msgspec.Struct):
    """What one transaction shall make durable."""

    rows: Sequence[OutboxRow] = ()
    alarms: Mapping[str, bytes | None] = {}  # None: the alarm is over
    state: Mapping[str, bytes] = {}
    acknowledged: Mapping[str, Sequence[int]] = {}  # channel -> row ids
    cursors: Mapping[str, int] = {}
    blocks: Sequence[Block] = ()

    def __bool__(self) -> bool:
        return bool(
            self.rows
            or self.alarms
            or self.state
            or self.cursors
            or self.blocks
            or any(self.acknowledged.values())
        )


class Ledger:
    """The writing side of the database. Raises Fault throughout, the constructor included."""

    def __init__(self, connection: sqlite3.Connection, path: Path, channels: Sequence[str]) -> None:
        self.connection = connection
        self.path = path
        self.channels = tuple(channels)
        self.commits = 0
        self.acknowledged = 0
        try:
            self._load()
        except sqlite3.Error as error:
            raise fault_of(error, path) from error

    def _load(self) -> None:
        one = self.connection.execute
        self.depth = {channel: dict.fromkeys(Priority, 0) for channel in self.channels}
        # Channels that are no longer declared owe nothing new; their old rows go when pruned.
        self.known_channels = set(self.channels)
        counts = "SELECT channel, priority, count(*) FROM owed GROUP BY channel, priority"
        for channel, priority, count in one(counts):
            self.known_channels.add(channel)
            if channel in self.depth:
                self.depth[channel][Priority(priority)] = count
        block = one("SELECT last, ordinal + last - first + 1 FROM blocks ORDER BY first DESC")
        folded, ordinal = block.fetchone() or (0, 0)
        self.folded, self.ordinal = int(folded), int(ordinal)
        self.cursors: dict[str, int] = dict(one("SELECT channel, position FROM cursors"))
        newest = one("SELECT max(row_id) FROM journal").fetchone()[0] or 0
        newest = max(newest, self.folded, *self.cursors.values(), 0)
        self.epoch = epoch_of(newest)

    def load_state(self) -> dict[str, bytes]:
        """All small values."""
        with self._reading():
            return dict(self.connection.execute("SELECT key, value FROM state"))

    def load_alarms(self) -> dict[str, bytes]:
        """The alarms that are active or unacknowledged."""
        with self._reading():
            return dict(self.connection.execute("SELECT key, payload FROM alarms"))

    def newest_reading(self) -> ReadingRow | None:
        """The last row of the last block."""
        with self._reading():
            found = self.connection.execute(
                "SELECT first, last, data FROM blocks ORDER BY first DESC LIMIT 1"
            ).fetchone()
        if found is None:
            return None
        first, last, data = found
        try:
            return unpack(first, data, last - 1, 1)[0]
        except (ValueError, msgspec.DecodeError):
            return None

    def write(self, work: Work) -> None:
        """Make it durable."""
        with self.transaction():
            new = [self._insert(row) for row in work.rows]
            for key, payload in work.alarms.items():
                self._put_alarm(key, payload)
            self.connection.executemany(
                "INSERT OR REPLACE INTO state VALUES (?, ?)", work.state.items()
            )
            paid = {
                channel: [self._acknowledge(channel, row_id) for row_id in row_ids]
                for channel, row_ids in work.acknowledged.items()
            }
            self.connection.executemany(
                "INSERT OR REPLACE INTO cursors VALUES (?, ?)", work.cursors.items()
            )
            ordinal, folded = self._insert_blocks(work.blocks)
        self.ordinal, self.folded = ordinal, folded
        self.cursors.update(work.cursors)
        for row, is_new in zip(work.rows, new, strict=True):
            if is_new:
                for channel in self.channels:
                    self.depth[channel][row.priority] += 1
        for channel, priorities in paid.items():
            for priority in priorities:
                if priority is not None and channel in self.depth:
                    self.acknowledged += 1
                    self.depth[channel][priority] -= 1

    def _insert(self, row: OutboxRow) -> bool:
        kind = KINDS.index(row.kind)
        inserted = self.connection.execute(
            "INSERT OR IGNORE INTO journal VALUES (?, ?, ?, ?, ?, ?)",
            (row.row_id, kind, int(row.priority), row.wall_ns, row.id, row.payload),
        )
        if not inserted.rowcount:
            return False
        for channel in self.channels:
            self.connection.execute(
                "INSERT OR IGNORE INTO owed VALUES (?, ?, ?)",
                (channel, int(row.priority), row.row_id),
            )
        return True

    def _put_alarm(self, key: str, payload: bytes | None) -> None:
        if payload is None:
            self.connection.execute("DELETE FROM alarms WHERE key = ?", (key,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO alarms VALUES (?, ?)", (key, payload))

    def _acknowledge(self, channel: str, row_id: int) -> Priority | None:
        found = self.connection.execute(ACKNOWLEDGE, (channel, row_id)).fetchall()
        return Priority(found[0][0]) if found else None

    def _insert_blocks(self, blocks: Sequence[Block]) -> tuple[int, int]:
        ordinal, folded = self.ordinal, self.folded
        for block in blocks:
            self.connection.execute(
                "INSERT INTO blocks VALUES (?, ?, ?, ?)",
                (block.first, block.last, ordinal, block.data),
            )
            ordinal, folded = ordinal + block.count, block.last
        return ordinal, folded

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
