"""A PostgreSQL cluster of one's own: a folder, a Unix socket in it, no TCP port, ended by its pid.

Tests and benches share it. It runs as the user ``postgres`` when started by root, since PostgreSQL
refuses root. Debian keeps the programs out of the PATH, by version.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
USER = "banksman"


class ClusterMissing(OSError):
    """PostgreSQL is not installed or does not start; the message says which."""


def programs() -> Path:
    """The folder of initdb and postgres, of the newest version. Raises ClusterMissing."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4])
    )
    if found:
        return found[-1].parent
    inside = shutil.which("initdb")
    if inside is None:
        raise ClusterMissing("PostgreSQL is not installed: apt-get install postgresql")
    return Path(inside).parent


class Cluster:
    """``durable`` False leaves fsync out: right for tests that kill no server, and faster."""

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._folder = Path()
        self._server: subprocess.Popen[bytes] | None = None
        self._user: str | None = None
        self._number = 0

    def __enter__(self) -> Cluster:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return 0 if self._server is None else self._server.pid

    def url(self, database: str = "postgres") -> str:
        """How to reach a database of it."""
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def new_database(self) -> str:
        """The URL of a database that nobody else uses."""
        self._number += 1
        name = f"fresh_{self._number}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def stop(self) -> None:
        """End the server at once; its data stay until the folder goes."""
        if self._server is None:
            return
        self._server.send_signal(signal.SIGINT)  # "fast": sessions are ended, data are whole
        try:
            self._server.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None

    def start(self) -> None:
        """Start it again on the same data."""
        with (self._folder / "log").open("ab") as log:
            command = [str(programs() / "postgres"), "-D", str(self._folder / "data")]
            self._server = subprocess.Popen(
                command, stdout=log, stderr=log, user=self._user, cwd=self._folder,
                start_new_session=True,
            )  # fmt: skip
        ends = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < ends:
            if self._server.poll() is not None:
                break
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise ClusterMissing(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}")

    def _start(self) -> None:
        if os.geteuid() == 0:
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError:
                raise ClusterMissing("there is no user postgres to run it as") from None
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            self._user = "postgres"
        made = subprocess.run(
            [
                str(programs() / "initdb"), "-D", str(self._folder / "data"), "-U", USER,
                "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync",
            ],
            capture_output=True, text=True, user=self._user, cwd=self._folder, check=False,
        )  # fmt: skip
        if made.returncode:
            raise ClusterMissing(f"initdb failed: {made.stderr}")
        with (self._folder / "data" / "postgresql.conf").open("a") as config:
            config.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self._folder}'\n"
                f"fsync = {'on' if self._durable else 'off'}\nmax_connections = 60\n"
                "autovacuum_naptime = 10s\n"
            )
        self.start()
