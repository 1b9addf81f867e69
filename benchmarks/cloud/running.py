"""The endpoint as it ships, in processes of its own, and boxes that feed it from another."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import msgspec
import psutil

from benchmarks.cloud.feeder import Fed

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
MB = 1e6


class NotReady(OSError):
    """The endpoint did not start; the message is what it said."""


class RunningEndpoint:
    """``banksman-cloud run`` with these options on a free port of loopback.

    ``secured_url`` is where boxes speak by mutual TLS, where the options ask for it.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.url = self.secured_url = ""
        self._secured = "--tls" in options
        self._log = folder / "endpoint.log"
        self._has_workers = "--workers" in options
        folder.mkdir(parents=True, exist_ok=True)
        self._command = [
            sys.executable, "-m", "banksman_cloud.cli", "run", "--listen", "127.0.0.1:0",
            "--folder", str(folder), *options,
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RunningEndpoint:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True,
            )  # fmt: skip
        line = read_line(self._process, READY_WITHIN_S)
        if "http://" not in line:
            self.__exit__(None, None, None)
            raise NotReady(f"the endpoint did not start: {self._log.read_text()}")
        self.url = line[line.index("http://") :].strip()
        if self._secured and self._process.stdout is not None:
            line = self._process.stdout.readline()  # printed together with the first
            self.secured_url = line[line.index("https://") :].strip()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    @property
    def said(self) -> str:
        """What it wrote to its log."""
        return self._log.read_text()

    def workers(self) -> list[psutil.Process]:
        """Its processes that serve: the workers that live just now, or the one process."""
        if self._process is None:
            return []
        own = psutil.Process(self._process.pid)
        return own.children() if self._has_workers else [own]

    def rss_mb(self) -> float:
        """The largest of its processes."""
        sizes: list[float] = []
        for worker in self.workers():
            try:
                sizes.append(worker.memory_info().rss / MB)
            except psutil.NoSuchProcess:
                continue
        return max(sizes, default=0.0)

    def kill_a_worker(self, chance: random.Random) -> bool:
        """SIGKILL one of them, as an out-of-memory killer would; whether there was one."""
        try:
            os.kill(chance.choice(self.workers()).pid, signal.SIGKILL)
        except (ProcessLookupError, IndexError):
            return False
        return True


class Feeding:
    """A feeder at work. ``go`` waits until it has made its batches and begins to send."""

    def __init__(self, url: str, nodes: int, batches: int, items: int, first: int = 1) -> None:
        command = [
            sys.executable, "-m", "benchmarks.cloud.feeder", url, "--nodes", str(nodes),
            "--batches", str(batches), "--items", str(items), "--first", str(first),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def go(self) -> None:
        """Wait for the first batch to leave."""
        if read_line(self._process, READY_WITHIN_S).strip() != "GO":
            raise NotReady("the feeder did not start")

    @property
    def done(self) -> bool:
        """Whether all has been acknowledged."""
        return self._process.poll() is not None

    def result(self) -> Fed:
        """What came of it. Raises NotReady if it failed."""
        out, _ = self._process.communicate()
        if self._process.returncode:
            raise NotReady("the feeder failed")
        return msgspec.json.decode(out.strip().splitlines()[-1], type=Fed)

    def end(self) -> None:
        """End it, done or not."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def read_line(process: subprocess.Popen[str], within_s: float) -> str:
    """The next line of its output; empty when none came in time or it has ended."""
    if process.stdout is None:
        return ""
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        readable, _, _ = select.select([process.stdout], [], [], 0.5)
        if readable:
            return process.stdout.readline()
    return ""
