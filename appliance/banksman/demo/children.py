"""The demo's child processes: started on a leash, ended politely, killed when they will not.

Each has a session of its own, so that Ctrl-C in the terminal reaches the demo alone and the
demo ends them in order: the daemon first, while the plant still listens to its safe outputs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

TERM_WITHIN_S: Final = 8.0
READY_WITHIN_S: Final = 20.0


class ChildFailed(OSError):
    """A child did not come up; the message names it and where its output stands."""


class Child:
    """One process. ``log`` is where its output goes; None shares the terminal.

    ``changes_user``: it may drop root's rights, which would untie a plain leash.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path | None, *, changes_user: bool = False
    ) -> None:
        self.name = name
        manner = "stay" if changes_user else "become"
        self._command = [sys.executable, "-m", "banksman.demo.leash", str(os.getpid()), manner]
        self._command += command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    async def start(self, says: str | None = None) -> None:
        """Start it, and wait until it prints the line ``says`` if one is given.

        Raises ChildFailed when it ends or stays silent.
        """
        log: IO[bytes] | None = self._log.open("wb") if self._log is not None else None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if says is not None else log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            if log is not None:
                log.close()
        if says is not None:
            await self._hear(says)

    async def _hear(self, says: str) -> None:
        stdout = self._process.stdout if self._process is not None else None
        line = b""
        if stdout is not None:
            try:
                line = await asyncio.wait_for(stdout.readline(), READY_WITHIN_S)
            except TimeoutError:
                line = b""
        if line.decode(errors="replace").strip() != says:
            await self.stop()
            why = f"see {self._log}" if self._log is not None else "see above"
            raise ChildFailed(f"the {self.name} did not start; {why}")

    async def wait(self) -> int:
        """Its exit status, once it has ended; 128 + n where signal n ended it."""
        if self._process is None:
            return 0
        status = await self._process.wait()
        return status if status >= 0 else 128 - status

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL when it is still there after eight seconds."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), TERM_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def find_mosquitto() -> str | None:
    """The broker's program; Debian puts it where only root's PATH looks."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which("mosquitto", path=f"{path}:/usr/sbin:/usr/local/sbin")
