"""An endpoint on each of the two databases: SQLite in a file, and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.port import Engine
from banksman_cloud.storage.postgres import PostgresEngine
from banksman_cloud.storage.sqlite import SqliteEngine
from benchmarks.cloud.cluster import Cluster, ClusterMissing

NOW_NS = 1_780_000_000_000_000_000


class HandClock:
    """The endpoint's clock, moved by the test."""

    def __init__(self) -> None:
        self.ns = NOW_NS

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    try:
        with Cluster() as running:
            yield running
    except ClusterMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def database(cluster) -> str:
    return cluster.new_database()


@pytest.fixture
def emptied(database) -> str:
    """A database without a table, much sooner than a new one."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return database


@pytest.fixture
def now() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path: Path, now) -> Engine:
    """One that is not open yet."""
    if request.param == "sqlite":
        return SqliteEngine(tmp_path / "cloud.db", now)
    return PostgresEngine(request.getfixturevalue("emptied"), now)


@pytest.fixture
async def opened(engine) -> AsyncIterator[Engine]:
    await engine.open()
    yield engine
    await engine.close()


@pytest.fixture
async def endpoint(opened, now) -> Endpoint:
    return Endpoint(opened, now)
