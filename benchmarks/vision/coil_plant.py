"""The plant of `coil`: endpoint, PLC and daemon, taught as a person would and then started anew.

Rules of this file
- What stands for another machine (endpoint, pages) gives way to the box: there it would have a
  processor of its own. The PLC comes before all, because its clock is read.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from banksman.commands.client import Client
from benchmarks.cloud.running import RunningEndpoint
from benchmarks.context import Context
from benchmarks.reaction.broker import free_port
from benchmarks.vision.coil_pages import Counted, open_pages
from benchmarks.vision.coil_site import draw_parts, write_site

READY_S = 90.0
TAUGHT_S = 600.0
SETTLE_S = 3.0
PLC_NICE = -20
OTHERS_NICE = 10
ROWS = (
    "SELECT (SELECT count(*) FROM record) + (SELECT coalesce(sum(last - first + 1), 0) FROM block)"
)


class CannotRun(RuntimeError):
    """What is missing."""


class Look(NamedTuple):
    """One look: when the frame was in hand, how long the inspection took, and the bare work of it:
    the interpreter's own invoke, and memory and head on ready maps."""

    begun_ns: int
    took_ns: int
    invoke_ns: int
    arithmetic_ns: int


class Busy(NamedTuple):
    """What sync and page did: records and readings that the endpoint stored, events and answers of
    the page."""

    rows: int
    events: int
    answers: int


class Plant:
    """The daemon at work, and the files that it and the PLC write."""

    def __init__(self, folder: Path, daemon: subprocess.Popen[bytes], pages: Counted) -> None:
        self._looks = (folder / "looks.txt").open()
        self._writes = (folder / "writes.txt").open()
        self._status = Path(f"/proc/{daemon.pid}/status")
        self._endpoint = folder / "cloud" / "cloud.db"
        self._pages = pages
        self._before = self._counts()

    def peak_mb(self) -> float:
        """The most memory that it held since its start (proc_pid_status(5), VmHWM)."""
        found = re.search(r"^VmHWM:\s+(\d+) kB$", self._status.read_text(), re.MULTILINE)
        if found is None:
            raise CannotRun("this kernel does not tell VmHWM")
        return int(found[1]) * 1024 / 1e6

    def was_busy(self) -> Busy:
        """Since the last call. Raises CannotRun where sync or page had nothing to do."""
        now = self._counts()
        busy = Busy(*(each - before for each, before in zip(now, self._before, strict=True)))
        self._before = now
        if not all(busy):
            raise CannotRun(f"sync and page were not busy: {busy}")
        return busy

    def _counts(self) -> Busy:
        address = f"{self._endpoint.as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as stored:
            (rows,) = stored.execute(ROWS).fetchone()
        return Busy(int(rows), sum(self._pages.events), self._pages.answers)

    def collect(self) -> tuple[list[Look], list[int]]:
        """The looks, and the times at which the coil was written, since the last call."""
        looks = [Look(*map(int, line.split())) for line in self._looks]
        return looks, [int(line.split()[0]) for line in self._writes]


@contextlib.contextmanager
def running_plant(context: Context) -> Iterator[Plant]:
    """Raises CannotRun with what is missing."""
    folder = context.work / "coil"
    folder.mkdir(parents=True)
    draw_parts(folder)
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(RunningEndpoint(folder / "cloud"))
        for worker in cloud.workers():
            _nice(worker.pid, OTHERS_NICE)
        plc = stack.enter_context(
            _child("benchmarks.vision.coil_plc", folder / "writes.txt", stdout=subprocess.PIPE)
        )
        assert plc.stdout is not None
        port, page = int(plc.stdout.readline()), free_port()
        _nice(plc.pid, PLC_NICE)
        config = write_site(folder, cloud.url, port, page)
        log = stack.enter_context((folder / "daemon.log").open("wb"))

        def daemon() -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
            return _child("benchmarks.vision.coil_daemon", config, folder / "looks.txt",
                          stdout=log, stderr=log)  # fmt: skip

        with daemon() as teacher:
            _teach(folder, teacher)
        # Started anew, as on any day after: what learning took is not what looking takes.
        running = stack.enter_context(daemon())
        _until_looking(folder, running)
        pages = stack.enter_context(open_pages(page, OTHERS_NICE))
        time.sleep(SETTLE_S)
        plant = Plant(folder, running, pages)
        plant.collect()
        yield plant


@contextlib.contextmanager
def _child(module: str, *words: object, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [sys.executable, "-m", module, *map(str, words)]
    child = subprocess.Popen(command, env=os.environ | one, stdin=subprocess.DEVNULL, **pipes)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _nice(pid: int, nice: int) -> None:
    """As far as we may."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)


def _teach(folder: Path, daemon: subprocess.Popen[bytes]) -> None:
    """Commission the station as a person would."""
    client, path = Client(None, folder / "page.sock"), "/api/v1/inspections/caps/commission"

    def until(phase: str, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while True:
            view: dict[str, Any] = {}
            with contextlib.suppress(Exception):
                view = client.get(path)
            if view.get("phase") == phase:
                return
            if view.get("problem") or time.monotonic() > end_s or daemon.poll() is not None:
                why = view.get("problem") or f"the daemon did not get to {phase}"
                raise CannotRun(why)
            time.sleep(0.2)

    until("idle", READY_S)
    client.post(f"{path}/collect", {"what": "good", "folder": str(folder / "good")})
    until("collected", 60.0)
    client.post(f"{path}/fit")
    until("fitted", TAUGHT_S)
    client.post(f"{path}/save", {"rate": 0.02})
    client.post(f"{path}/confirm")


def _until_looking(folder: Path, daemon: subprocess.Popen[bytes]) -> None:
    """Wait until the bundle is loaded and looks."""
    client, end_s = Client(None, folder / "page.sock"), time.monotonic() + READY_S
    while time.monotonic() < end_s and daemon.poll() is None:
        with contextlib.suppress(Exception):
            if client.get("/api/v1/inspections")["inspections"][0]["inspected"] > 0:
                return
        time.sleep(0.2)
    raise CannotRun("the daemon did not come to look")
