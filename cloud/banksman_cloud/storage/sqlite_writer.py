"""The one writer of an SQLite file: a thread, and natural group commit.

    put(work) --> queue --> BEGIN, a savepoint for each work, COMMIT (fsync) --> answers

Rules of this file
- A work is answered when the log has reached the medium. All that waits while one fsync runs shares
  the next; nothing lingers for company.
- A work that raises is rolled back to its savepoint; its neighbours stay.
- Bounded: so many works wait, and more are refused at once.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any

from banksman_cloud.errors import Unavailable
from banksman_cloud.storage.port import WRITES_WAITING_MAX, Session
from banksman_cloud.storage.sqlite_session import SqliteSession, unavailable

GROUP_MAX = 64  # works in one transaction
# A statement that cannot be: its own fault, and no reason to fail its neighbours.
_OF_THE_WORK = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)


class _Job:
    """One work on its way to the writer."""

    __slots__ = ("answer", "work")

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self.work = work
        self.answer: Future[Any] = Future()


class SqliteWriter:
    """See the rules above. It runs from its making until ``stop``."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], name: str) -> None:
        """``connect`` is called on the thread; ``name`` is the database's, for people."""
        self._connect = connect
        self._name = name
        self._jobs: queue.Queue[_Job | None] = queue.Queue(WRITES_WAITING_MAX)
        self._thread = threading.Thread(target=self._write_on, name="cloud-write", daemon=True)
        self._thread.start()

    def put(self, work: Callable[[Session], Any]) -> Future[Any]:
        """Queue a work; any thread. Raises Unavailable when too many wait."""
        job = _Job(work)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise Unavailable(f"{WRITES_WAITING_MAX} writes wait already") from None
        return job.answer

    def stop(self) -> None:
        """Finish what was taken. Blocks."""
        self._jobs.put(None)
        self._thread.join()

    def _write_on(self) -> None:
        connection = self._connect()
        going = True
        while going:
            job = self._jobs.get()
            group: list[_Job] = []
            while job is not None:
                group.append(job)
                if len(group) == GROUP_MAX:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            else:
                going = False
            if group:
                self._commit(connection, group)
        connection.close()

    def _commit(self, connection: sqlite3.Connection, group: Sequence[_Job]) -> None:
        """One transaction of several works; tells each what became of it."""
        session = SqliteSession(connection)
        answers: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                if not job.answer.set_running_or_notify_cancel():
                    continue  # whoever asked has gone: nobody would hear that it is kept
                connection.execute("SAVEPOINT work")
                try:
                    answers.append((job, job.work(session), None))
                except Exception as error:
                    if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_WORK):
                        raise
                    connection.execute("ROLLBACK TO work")
                    answers.append((job, None, error))
                connection.execute("RELEASE work")
            connection.commit()
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            refusal = unavailable(error, self._name)
            answers = [(job, None, refusal) for job in group]
        for job, value, raised in answers:
            # One that gave up waiting in this very moment has ended its answer itself.
            with contextlib.suppress(InvalidStateError):
                if raised is None:
                    job.answer.set_result(value)
                else:
                    job.answer.set_exception(raised)
