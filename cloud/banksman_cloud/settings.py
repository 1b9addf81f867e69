"""What the command line asks for, checked: every problem names the option and the remedy.

Without an option: SQLite and files in one folder, plain HTTP on loopback for boxes and page. It is
what a newcomer gets, and it is developer mode: whoever reaches the port is believed.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from banksman_cloud.errors import SettingsError
from banksman_cloud.web.gate import is_loopback

DATABASE_VARIABLE = "BANKSMAN_CLOUD_DATABASE"  # a URL with a password is not for a command line
WORKERS_MAX = 64
POSTGRES = ("postgresql://", "postgres://")


class Address(msgspec.Struct, frozen=True):
    """Where to listen; port 0 takes any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Settings(msgspec.Struct, frozen=True):
    """One endpoint. ``database`` is PostgreSQL's URL, or empty for SQLite in ``folder``."""

    folder: Path
    database: str
    listen: Address
    workers: int
    decide: Path | None

    @property
    def sqlite(self) -> Path:
        """The file where there is no PostgreSQL."""
        return self.folder / "cloud.db"


def settings(
    folder: Path, database: str, listen: str, workers: int, decide: Path | None
) -> Settings:
    """Check the options together. Raises SettingsError."""
    database = database or os.environ.get(DATABASE_VARIABLE, "")
    if database and not database.startswith(POSTGRES):
        raise SettingsError(
            "--database is PostgreSQL's: postgresql://user@host/name; without it there is SQLite "
            "in --folder"
        )
    if not 1 <= workers <= WORKERS_MAX:
        raise SettingsError(f"--workers is 1 to {WORKERS_MAX}")
    if workers > 1 and not database:
        raise SettingsError(
            f"--workers {workers} needs PostgreSQL: SQLite has one writer; give --database"
        )
    address = parse_address(listen)
    if not is_loopback(address.host):
        raise SettingsError(
            f"--listen {address} is beyond loopback, and plain HTTP believes whoever comes: "
            "listen on 127.0.0.1, or serve boxes by mutual TLS"
        )
    return Settings(folder, database, address, workers, decide)


def parse_address(text: str) -> Address:
    """``host:port``. Raises SettingsError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.path:
        raise SettingsError(f"{text} is no address: write 127.0.0.1:8090")
    return Address(host, port)
