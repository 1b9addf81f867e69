"""The schema's versions: numbered files, forward only, each applied once and under a lock.

    migrations/0001_first.sql    version 1
              /0002_NAME.sql     version 2, and so on without a gap

Rules of this file
- A released file is never edited: its checksum stands in the database, and a difference is
  refused. What must change is a further file.
- A database that is newer than the program is refused: there is no way back, only a newer
  program. Data of the newer version would be misread.
- Each version is one transaction with its line in ``schema_version``: a crash leaves it whole
  or not begun. Of several workers that start together one applies it while the others wait.
- One text serves both databases; ``{serial}`` and ``{bytes}`` stand for what they call differently.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources

import msgspec

from banksman_cloud.errors import SchemaError
from banksman_cloud.storage.port import Session

LOCK = "banksman schema"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_VERSIONS = (
    "CREATE TABLE IF NOT EXISTS schema_version ("
    "version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, "
    "applied_ns BIGINT NOT NULL)"
)


class Migration(msgspec.Struct, frozen=True):
    """One version. ``sha256`` is of the file's bytes."""

    version: int
    name: str
    text: str
    sha256: str

    def statements(self, words: Mapping[str, str]) -> list[str]:
        """Its statements in one database's words."""
        text = re.sub(r"--[^\n]*", "", self.text)
        for word, meaning in words.items():
            text = text.replace(f"{{{word}}}", meaning)
        return [statement for part in text.split(";") if (statement := part.strip())]


def shipped() -> list[Migration]:
    """All versions of this program, in order. Raises SchemaError when one is missing."""
    found: list[Migration] = []
    for file in resources.files("banksman_cloud.migrations").iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            data = file.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            found.append(Migration(int(match[1]), match[2], data.decode(), digest))
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise SchemaError("the program's schema versions have a gap: install it anew")
    return found


def apply(
    db: Session, migrations: Sequence[Migration], words: Mapping[str, str], now_ns: int
) -> list[int]:
    """Apply what is missing within the session's transaction; the versions that were applied.

    Raises SchemaError when the database is newer or its versions are not ours.
    """
    db.lock(LOCK)
    db.run(_VERSIONS)
    rows = db.all("SELECT version, name, sha256 FROM schema_version ORDER BY version")
    check(rows, migrations)
    applied: list[int] = []
    for migration in migrations[len(rows) :]:
        for statement in migration.statements(words):
            db.run(statement)
        db.run(
            "INSERT INTO schema_version (version, name, sha256, applied_ns) "
            "VALUES (:version, :name, :sha256, :now)",
            version=migration.version,
            name=migration.name,
            sha256=migration.sha256,
            now=now_ns,
        )
        applied.append(migration.version)
    return applied


def check(rows: Sequence[tuple[object, ...]], migrations: Sequence[Migration]) -> None:
    """Raise SchemaError unless the database's versions are the beginning of ours."""
    for row, migration in zip(rows, migrations, strict=False):
        if row[0] != migration.version or row[2] != migration.sha256:
            raise SchemaError(
                f"version {row[0]} ({row[1]}) of the database is not the program's: it was made by "
                "another build; restore a backup or use the build that made it"
            )
    if len(rows) > len(migrations):
        raise SchemaError(
            f"the database is of version {len(rows)}, this program knows {len(migrations)}: "
            "install a newer banksman-cloud; there is no way back"
        )
