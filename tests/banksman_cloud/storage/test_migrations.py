"""Schema versions: forward only, each once, under a lock; on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from banksman_cloud.errors import SchemaError, SettingsError, Unavailable
from banksman_cloud.storage.migrations import Migration, apply, check, shipped
from banksman_cloud.storage.postgres import PostgresEngine
from banksman_cloud.storage.sqlite import WORDS, SqliteEngine

TEXT = "CREATE TABLE a (x {serial}); -- one; not two\nCREATE TABLE b (y {bytes})"
FIRST = Migration(1, "first", TEXT, "f")
SECOND = Migration(2, "second", "ALTER TABLE a ADD COLUMN z BIGINT", "s")
TWICE = "CREATE TABLE c (x BIGINT); CREATE TABLE c (x BIGINT)"


def versions(db) -> list[tuple]:
    return db.all("SELECT version, sha256 FROM schema_version ORDER BY version")


async def test_a_new_database_has_every_shipped_version(opened):
    assert await opened.read(versions) == [(one.version, one.sha256) for one in shipped()]


async def test_opening_again_applies_nothing(engine, now):
    await engine.open()
    before = await engine.read(lambda db: db.all("SELECT * FROM schema_version"))
    await engine.close()
    now.pass_s(60)
    await engine.open()
    assert await engine.read(lambda db: db.all("SELECT * FROM schema_version")) == before
    await engine.close()


def test_shipped_versions_are_numbered_without_a_gap():
    assert [one.version for one in shipped()] == list(range(1, len(shipped()) + 1))


def test_a_statement_is_told_from_a_comment():
    assert FIRST.statements(WORDS) == [
        "CREATE TABLE a (x INTEGER PRIMARY KEY)",
        "CREATE TABLE b (y BLOB)",
    ]


async def test_only_what_is_missing_is_applied(opened):
    ours = shipped()
    later = Migration(len(ours) + 1, "later", "CREATE TABLE later (x BIGINT)", "l")
    assert await opened.write(lambda db: apply(db, [*ours, later], WORDS, 1)) == [later.version]
    assert await opened.write(lambda db: apply(db, [*ours, later], WORDS, 1)) == []


async def test_a_version_that_breaks_off_leaves_nothing_of_itself(opened):
    ours = shipped()
    broken = Migration(len(ours) + 1, "broken", TWICE, "b")
    with pytest.raises(Exception, match="already exists"):
        await opened.write(lambda db: apply(db, [*ours, broken], WORDS, 1))
    assert len(await opened.read(versions)) == len(ours)
    await opened.write(lambda db: db.run("CREATE TABLE c (x BIGINT)"))


async def test_a_database_of_a_newer_program_is_refused(engine):
    await engine.open()
    newer = len(shipped()) + 1
    await engine.write(
        lambda db: db.run(
            "INSERT INTO schema_version (version, name, sha256, applied_ns) "
            "VALUES (:v, 'newer', 'x', 1)",
            v=newer,
        )
    )
    await engine.close()
    with pytest.raises(SchemaError, match=f"is of version {newer}"):
        await engine.open()
    await engine.close()


def test_versions_of_another_build_are_refused():
    with pytest.raises(SchemaError, match="another build"):
        check([(1, "first", "other")], [FIRST, SECOND])


async def test_workers_that_start_together_apply_each_version_once(emptied, now):
    engines = [PostgresEngine(emptied, now) for _ in range(4)]
    await asyncio.gather(*(engine.open() for engine in engines))
    assert len(await engines[0].read(versions)) == len(shipped())
    await asyncio.gather(*(engine.close() for engine in engines))


async def test_a_second_server_on_one_sqlite_file_is_refused(tmp_path, now):
    first, second = (SqliteEngine(tmp_path / "cloud.db", now) for _ in range(2))
    await first.open()
    with pytest.raises(SettingsError, match="in use by another"):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path, now):
    file = tmp_path / "cloud.db"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        await SqliteEngine(file, now).open()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path, now):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="file"):
        await SqliteEngine(Path(tmp_path / "file" / "cloud.db"), now).open()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path, now):
    with pytest.raises(Unavailable, match="refuses"):
        await PostgresEngine(f"postgresql://nobody@/x?host={tmp_path}", now).open()


async def test_a_lost_connection_is_unavailable_and_the_next_work_connects_anew(emptied, now):
    engine = PostgresEngine(emptied, now)
    await engine.open()
    with psycopg.connect(emptied, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    told = await asyncio.gather(
        *(engine.write(lambda db: db.one("SELECT 1")) for _ in range(8)), return_exceptions=True
    )
    assert {type(one) for one in told} <= {tuple, Unavailable}
    assert await engine.write(lambda db: db.one("SELECT 1")) == (1,)
    await engine.close()


async def test_a_password_in_the_url_is_in_no_name_and_no_message(tmp_path, now):
    engine = PostgresEngine(f"postgresql://u:geheim@/x?host={tmp_path}", now)
    with pytest.raises(Unavailable) as raised:
        await engine.open()
    assert "geheim" not in f"{engine.name}{raised.value}"
