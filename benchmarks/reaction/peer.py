"""A peer as a black box: a process tree that is started, weighed and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

import msgspec
import psutil

from benchmarks.reaction.recipe import Recipe

STOP_S = 10.0


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds so far and resident megabytes now, of the whole tree."""

    cpu_s: float
    rss_mb: float


class Peer:
    """One peer; its output goes to ``log``. Use as a context manager: the end kills its tree."""

    def __init__(self, recipe: Recipe, log: Path) -> None:
        self._recipe = recipe
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0

    def __enter__(self) -> Peer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; ``started_s`` is the monotonic time of that."""
        with self._log.open("ab") as log:
            self.started_s = time.monotonic()
            self._process = subprocess.Popen(
                self._recipe.command,
                env={**os.environ, **self._recipe.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self._process is not None and self._process.poll() is None

    def usage(self) -> Usage:
        """What the tree has used; processes that ended are left out."""
        cpu_s = rss_mb = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s += times.user + times.system
                rss_mb += process.memory_info().rss / 1e6
        return Usage(cpu_s, rss_mb)

    def kill(self) -> None:
        """SIGKILL, as a power cut: nothing of it runs any more when this returns."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not go."""
        self._signal(signal.SIGTERM)
        self.kill()

    def tail(self, lines: int = 5) -> str:
        """The last it said, for the message of a peer that did not start."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def _tree(self) -> list[psutil.Process]:
        if self._process is None or not self.alive:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        return []

    def _signal(self, number: signal.Signals) -> None:
        tree = self._tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        psutil.wait_procs(tree, timeout=STOP_S)
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=STOP_S)
