"""Reads records back on a connection of its own, for whoever has time to wait.

Rules of this file
- Blocking: call it from a worker thread (``asyncio.to_thread``), one caller at a time.
- It never writes and holds no read transaction between calls, so the log can be reset.
- When the file cannot be read it answers with nothing and remembers why: a page that shows
  less is better than a daemon that stops. Damage is told to the store thread.
- What does not open is left out and told to the store thread too, which sets it aside.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from banksman.store.aside import Place, Unread
from banksman.store.blocks import unpack
from banksman.store.bundles import unbundle
from banksman.store.database import Fault, check, connect_read_only, fault_of, file_number
from banksman.store.rows import (
    KINDS,
    Kind,
    OutboxRow,
    ReadingRow,
    base_of,
    block_place,
    bundle_place,
    opened_row,
)
from banksman.store.sealing import Seal, Unreadable
from banksman.wire.messages import Priority

COLUMNS = "j.row_id, j.priority, j.kind, j.id, j.payload, j.wall_ns"
OWED = f"""
SELECT o.row_id, o.attempts, {COLUMNS}
FROM owed o LEFT JOIN journal j ON j.row_id = o.row_id
WHERE o.channel = ? AND o.priority IN (SELECT value FROM json_each(?))
ORDER BY o.priority, o.row_id LIMIT ?
"""  # noqa: S608  only our own column names
OWED_NEWEST = OWED.replace("o.row_id LIMIT", "o.row_id DESC LIMIT")


class Reader:
    """See the rules above."""

    def __init__(
        self,
        path: Path,
        suspect: Callable[[Fault], None],
        seal: Seal | None = None,
        unread: Callable[[Unread], None] | None = None,
    ) -> None:
        """``unread`` is told of what does not open under ``seal``; any thread, at once."""
        self._path = path
        self._tell = suspect
        self._seal = seal or Seal()
        self._unread = unread
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: int | None = None
        self._bundle: tuple[int, int, dict[int, OutboxRow]] = (0, -1, {})
        self.fault = ""

    def _all(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                if self._connection is None:
                    self._file = file_number(self._path)
                    self._connection = connect_read_only(self._path)
                rows = self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                fault = fault_of(error, self._path)
                self.fault = str(fault)
                self._close()
                self._suspect(fault, self._file)
                return []
            self.fault = ""
            return rows

    def owed(
        self,
        channel: str,
        limit: int,
        classes: Collection[Priority] = tuple(Priority),
        newest: bool = False,
    ) -> list[OutboxRow]:
        """The first rows of some classes owed to a channel, by priority and then age.

        ``newest``: the last of each class first.
        """
        numbers = f"[{','.join(str(int(each)) for each in classes)}]"
        statement = OWED_NEWEST if newest else OWED
        rows: list[OutboxRow] = []
        for row_id, attempts, *columns in self._all(statement, (channel, numbers, limit)):
            if columns[0] is None:
                row = self._bundled(row_id)
                rows += [] if row is None else [msgspec.structs.replace(row, attempts=attempts)]
            else:
                rows += self._opened([(*columns, attempts)])
        return rows

    def _opened(self, found: Iterable[tuple[Any, ...]]) -> list[OutboxRow]:
        rows: list[OutboxRow] = []
        for columns in found:
            try:
                rows.append(opened_row(columns, self._seal))
            except (Unreadable, ValueError, TypeError, IndexError) as error:
                self._found_unread("journal", columns[0], error)
        return rows

    def _bundled(self, row_id: int) -> OutboxRow | None:
        """A row that stands in a bundle; None when its bundle is gone or does not open."""
        first, last, rows = self._bundle
        if not first <= row_id <= last:
            found = self._all(
                "SELECT first, last, data FROM bundles WHERE first <= ? "
                "ORDER BY first DESC LIMIT 1",
                (row_id,),
            )
            if not found:
                return None
            first, last, data = found[0]
            rows = {row.row_id: row for row in self._unbundled(first, last, data)}
            self._bundle = (first, last, rows)
        return rows.get(row_id)

    def _unbundled(self, first: int, last: int, data: bytes) -> list[OutboxRow]:
        try:
            return unbundle(self._seal.open(data, bundle_place(first, last), first))
        except ValueError as error:
            self._found_unread("bundles", first, error)
            return []

    def _found_unread(self, place: Place, number: int, error: Exception) -> None:
        if self._unread is not None:
            self._unread(Unread(place, number, str(error)))

    def newest(self, kind: Kind, limit: int, before: str | None = None) -> list[OutboxRow]:
        """Journal rows of one kind, newest first; only those older than the id ``before``."""
        below = (1 << 63) - 1
        if before is not None:
            place = self._place(before)
            if place is None:
                return []
            below = place
        number = KINDS.index(kind)
        # Said outright and not as a parameter: only so may SQLite use the partial index.
        rare = "j.kind <> 0 AND " if number else ""
        found = self._all(
            f"SELECT {COLUMNS} FROM journal j WHERE {rare}j.kind = ? "  # noqa: S608  constants
            "AND j.row_id < ? ORDER BY j.row_id DESC LIMIT ?",
            (number, below, limit),
        )
        rows = self._opened(found)
        if len(found) < limit:
            # While we look, more may be bundled: only what is older than all that was found counts.
            below = found[-1][0] if found else below
            rows += self._newest_bundled(kind, limit - len(found), below)
        return rows

    def _newest_bundled(self, kind: Kind, limit: int, below: int) -> list[OutboxRow]:
        """What follows in the bundles: they hold the oldest of what is kept."""
        rows: list[OutboxRow] = []
        while len(rows) < limit:
            found = self._all(
                "SELECT first, last, data FROM bundles WHERE first < ? ORDER BY first DESC LIMIT 1",
                (below,),
            )
            if not found:
                break
            first, last, data = found[0]
            own = [r for r in self._unbundled(first, last, data) if r.row_id < below]
            rows += [row for row in reversed(own) if row.kind == kind][: limit - len(rows)]
            below = first
        return rows

    def _place(self, message_id: str) -> int | None:
        """The row id of a message, sought from the new end of the run that made it."""
        parts = message_id.rsplit("-", 2)
        if len(parts) != 3 or not parts[1].isdecimal():
            return None
        epoch = min(int(parts[1]), (1 << 25) - 2)
        span = (base_of(epoch), base_of(epoch + 1))
        found = self._all(
            "SELECT row_id FROM journal WHERE row_id BETWEEN ? AND ? AND id = ? "
            "ORDER BY row_id DESC LIMIT 1",
            (*span, message_id),
        )
        if found:
            return int(found[0][0])
        for first, last, data in self._all(
            "SELECT first, last, data FROM bundles WHERE last >= ? AND first <= ?", span
        ):
            for row in self._unbundled(first, last, data):
                if row.id == message_id:
                    return row.row_id
        return None

    def readings(self, after: int, limit: int) -> list[ReadingRow]:
        """Stored readings beyond a position, oldest first."""
        rows: list[ReadingRow] = []
        while len(rows) < limit:
            found = self._all(
                "SELECT first, last, data FROM blocks WHERE first >= "
                "(SELECT ifnull(max(first), 0) FROM blocks WHERE first <= ?1) AND last > ?1 "
                "ORDER BY first LIMIT 1",
                (after,),
            )
            if not found:
                break
            first, last, data = found[0]
            try:
                opened = self._seal.open(data, block_place(first, last), first)
                rows += unpack(first, opened, after, limit - len(rows))
            except (ValueError, msgspec.DecodeError) as error:
                self.fault = f"{self._path}: {error}; its readings are skipped"
                self._found_unread("blocks", first, error)
                after = last
            else:
                after = rows[-1].position
        return rows

    def check(self, stop: threading.Event) -> None:
        """Look at every page in the background, and tell the store thread of damage.

        Its own connection, for it may take minutes on a card; ends early when ``stop`` is set.
        """
        file = file_number(self._path)
        connection: sqlite3.Connection | None = None
        try:
            connection = connect_read_only(self._path)
            connection.set_progress_handler(stop.is_set, 10_000)
            check(connection, self._path)
        except Fault as fault:
            self._suspect(fault, file)
        except sqlite3.Error as error:
            self._suspect(fault_of(error, self._path), file)
        finally:
            if connection is not None:
                connection.close()

    def _suspect(self, fault: Fault, file: int | None) -> None:
        if fault.corrupt:
            fault.file = file
            self._tell(fault)

    def close(self) -> None:
        """Let go of the file; the next call opens it anew."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._bundle = (0, -1, {})
