"""SQLite: one writer thread with natural group commit, a few reader threads.

    write(work) --> the writer's thread (sqlite_writer.py) --> answers, once fsync has answered
    read(work)  --> pool  --> a connection of its own, on the state of the last commit
    look(work)  --> a thread beside the pool, for what is short and must not wait for a search

Rules of this file
- One process owns the file: a second is refused by a lock on ``NAME.lock``.
- WAL: readers and the writer hinder nobody. A search that takes too long is broken off.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from banksman_cloud.errors import SettingsError, Unavailable
from banksman_cloud.storage import migrations
from banksman_cloud.storage.port import READ_WITHIN_S, READS_WAITING_MAX, Session
from banksman_cloud.storage.sqlite_session import SqliteSession, connect, unavailable
from banksman_cloud.storage.sqlite_writer import SqliteWriter

T = TypeVar("T")

READERS = 2
READER_CACHE_KIB = 4096
PROGRESS_STEPS = 20_000  # virtual machine steps between looks at the clock: a few ms
WORDS = {"serial": "INTEGER PRIMARY KEY", "bytes": "BLOB"}


class SqliteEngine:
    """Implements ``Engine`` on one file. ``now_ns`` stamps the schema's versions.

    ``alone`` False is for a short command beside a running server: SQLite's own lock makes the two
    take turns.
    """

    def __init__(
        self, path: Path, now_ns: Callable[[], int] = time.time_ns, *, alone: bool = True
    ) -> None:
        self._path = path
        self._alone = alone
        self._now_ns = now_ns
        self._writer: SqliteWriter | None = None
        self._readers: dict[str, ThreadPoolExecutor] = {}
        self._local = threading.local()
        self._reading: list[sqlite3.Connection] = []
        self._waiting = {"read": 0, "look": 0}
        self._lock = -1

    @property
    def name(self) -> str:
        """What it is and where."""
        return f"SQLite {self._path}"

    async def open(self) -> None:
        """Lock and open the file, bring its schema up to date, start the threads."""
        await asyncio.to_thread(self._open)
        for manner, threads in (("read", READERS), ("look", 1)):
            self._readers[manner] = ThreadPoolExecutor(
                threads, f"cloud-{manner}", self._open_reader
            )
        self._writer = SqliteWriter(lambda: connect(self._path), self.name)

    async def close(self) -> None:
        """Finish what was taken and disconnect."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await asyncio.to_thread(writer.stop)
        for pool in self._readers.values():
            await asyncio.to_thread(pool.shutdown)
        self._readers.clear()
        for connection in self._reading:
            connection.close()
        self._reading.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a transaction; raises Unavailable, or what ``work`` raises."""
        if self._writer is None:
            raise Unavailable(f"{self.name} is closed")
        answer: T = await asyncio.wrap_future(self._writer.put(work))
        return answer

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` on the state of the last commit."""
        return await self._submit("read", work)

    async def look(self, work: Callable[[Session], T]) -> T:
        """The same, behind nobody's search."""
        return await self._submit("look", work)

    async def _submit(self, manner: str, work: Callable[[Session], T]) -> T:
        pool = self._readers.get(manner)
        if pool is None:
            raise Unavailable(f"{self.name} is closed")
        if self._waiting[manner] >= READS_WAITING_MAX:
            raise Unavailable(f"{READS_WAITING_MAX} searches wait already")
        self._waiting[manner] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, self._read, work)
        finally:
            self._waiting[manner] -= 1

    # On the threads

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self._path.parent} cannot be used: {error.strerror}") from error
        try:
            if self._alone:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise SettingsError(
                f"{self._path} is in use by another banksman-cloud: end it, or give each "
                "its own --database; several workers need PostgreSQL"
            ) from None
        self._lock = lock
        try:
            with contextlib.closing(connect(self._path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                session = SqliteSession(connection)
                migrations.apply(session, migrations.shipped(), WORDS, self._now_ns())
                connection.commit()
        except BaseException as error:
            os.close(lock)
            self._lock = -1
            if isinstance(error, sqlite3.Error):
                raise unavailable(error, self.name) from error
            raise

    def _open_reader(self) -> None:
        connection = connect(self._path)
        connection.execute("PRAGMA query_only=ON")
        # Behind it is the kernel's cache, which all of them share and which gives way in need.
        connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
        self._local.connection = connection
        self._reading.append(connection)

    def _read(self, work: Callable[[Session], T]) -> T:
        connection: sqlite3.Connection = self._local.connection
        ends = time.monotonic() + READ_WITHIN_S
        connection.set_progress_handler(lambda: int(time.monotonic() > ends), PROGRESS_STEPS)
        try:
            connection.execute("BEGIN")
            return work(SqliteSession(connection))
        except sqlite3.Error as error:
            raise unavailable(error, self.name) from error
        finally:
            connection.rollback()
