"""SQLite's connections and the sessions on them: statements, and many rows in few of them.

Many rows are one statement: between the steps of ``executemany`` the interpreter lock would be
taken and given for each row, and a busy event loop would then let one row pass in 5 ms.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from banksman_cloud.errors import CloudError, Unavailable
from banksman_cloud.storage.port import READ_WITHIN_S

ROWS_A_STATEMENT = (256, 16, 1)
BUSY_S = 10.0


class SqliteSession:
    """Implements ``Session``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Every row."""
        return self._connection.execute(statement, values).fetchall()

    def one(self, statement: str, **values: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""
        row: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return row

    def run(self, statement: str, **values: Any) -> int:
        """How many rows were changed."""
        return self._connection.execute(statement, values).rowcount

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> int:
        """Insert rows, passing over those whose key is there; how many were new."""
        new = at = 0
        names = ", ".join(columns)
        one = f"({', '.join('?' * len(columns))})"
        for size in ROWS_A_STATEMENT:
            places = ", ".join([one] * size)
            # Names of tables and columns are the program's own, never a caller's.
            statement = f"INSERT OR IGNORE INTO {table} ({names}) VALUES {places}"  # noqa: S608
            while len(rows) - at >= size:
                values = [value for row in rows[at : at + size] for value in row]
                new += self._connection.execute(statement, values).rowcount
                at += size
        return new

    def lock(self, name: str) -> None:
        """One writer, one process: nobody else is there."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection; each is used by one thread, but may be closed by another."""
    new = not path.exists()
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    if new:
        path.chmod(0o600)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA cache_size=-32768")
    return connection


def unavailable(error: sqlite3.Error, name: str) -> CloudError:
    """SQLite's own error in words of ours; ``name`` is the database's."""
    text = str(error)
    if "interrupted" in text:
        return Unavailable(f"the search took longer than {READ_WITHIN_S:g} s: narrow it down")
    return Unavailable(f"{name} refuses: {text}")
