"""What the endpoint asks of a database: sessions for statements, an engine that runs them.

Rules of this file
- Two implementations, one contract suite (tests/banksman_cloud/storage): `SqliteEngine` and
  `PostgresEngine`. Everything else in the package writes its SQL once, for both: the common
  subset of the two, with ``:name`` for values.
- Work is a plain function of a Session. It runs on a thread of the engine, so it may block, and
  it may run twice (a deadlock is tried again), so it changes nothing but the database.
- When ``write`` returns, the work is durable: fsync has answered. When it raises, nothing of it
  is kept, except where the connection broke within the commit: then nobody knows, and
  only repeating it with the same ids is right.
- One work is one transaction. It sees no half of another.

    async def rename(engine: Engine, node_no: int, name: str) -> int:
        return await engine.write(
            lambda db: db.run("UPDATE node SET name = :name WHERE no = :no", name=name, no=node_no)
        )
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

WRITES_WAITING_MAX = 1_280  # works, over what the turnstile lets in; more raise Unavailable
READS_WAITING_MAX = 64
READ_WITHIN_S = 5.0  # a longer search is broken off


class Session(Protocol):
    """One transaction. Values are int, float, str, bytes or None."""

    def all(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Every row."""

    def one(self, statement: str, **values: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""

    def run(self, statement: str, **values: Any) -> int:
        """How many rows were changed."""

    def insert_new(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> int:
        """Insert rows, passing over those whose key is there; how many were new.

        Each column has values of one type. Fast: thousands of rows are a few statements.
        """

    def lock(self, name: str) -> None:
        """Wait until no other transaction, of any process, holds this name; held to the end."""


class Engine(Protocol):
    """One database. ``name`` is for people and holds no password."""

    @property
    def name(self) -> str:
        """What it is and where."""

    async def open(self) -> None:
        """Connect and apply what is missing of the schema.

        Raises SchemaError, or Unavailable when there is no database.
        """

    async def close(self) -> None:
        """Finish what was taken and disconnect."""

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in a transaction; raises Unavailable, or what ``work`` raises."""

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run ``work``, which changes nothing, on one consistent state.

        Raises Unavailable, also when it took longer than READ_WITHIN_S.
        """

    async def look(self, work: Callable[[Session], T]) -> T:
        """The same for a few rows by their keys: it waits behind nobody's search."""
