"""The loaded process: a guard and a Python thread that answer edges beside the daemon's work.

Run as ``python -m benchmarks.guard.loaded FOLDER PRIORITY``; prints how the guard is scheduled
once everything runs, and works until its input closes. The load is like the daemon's: an
inference stand-in, a collector, big dumps, durable commits; the control loop renews the lease
and energises the output again after each reset, as a person's command would.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from banksman_drivers.guard.driver import GuardDriver
from banksman_drivers.guard.values import GuardEvent
from banksman_drivers.ports import Burst, Command, CommandFailed, Reading
from banksman_drivers.settings.guard import GuardSettings

SWITCH_INTERVAL_S = 0.0005  # the daemon's own
LEASE_MS = 5000.0  # an edge is measured, not the loop's lateness
MATRIX = 260  # a matmul of a few milliseconds
FOR_EVER_NS = 2**62


class Ticks:
    """The real clock."""

    def mono_ns(self) -> int:
        return time.monotonic_ns()


class Sink:
    """Takes readings and forgets them."""

    def readings(self, batch: Sequence[Reading]) -> None:
        del batch

    def burst(self, burst: Burst) -> None:
        del burst


def infer(done: threading.Event) -> None:
    """Inference stand-in: releases the interpreter lock for milliseconds at a time."""
    weights = np.random.default_rng(1).standard_normal((MATRIX, MATRIX)).astype(np.float32)
    values = weights.copy()
    while not done.is_set():
        for _ in range(8):
            values = weights @ values
            values /= np.abs(values).max()
        done.wait(0.001)


def collect(done: threading.Event) -> None:
    """Makes cyclic garbage and has it collected."""
    while not done.is_set():
        cycles: list[list[object]] = []
        for _ in range(20_000):
            cycle: list[object] = []
            cycle.append(cycle)
            cycles.append(cycle)
        del cycles
        gc.collect()
        done.wait(0.005)


def dump(done: threading.Event) -> None:
    """Encodes a big document in one go, holding the interpreter lock throughout."""
    document = [{"id": str(i), "value": i / 7, "tags": ["a", "b"]} for i in range(4000)]
    while not done.is_set():
        json.dumps(document)
        done.wait(0.005)


def commit(done: threading.Event, folder: Path) -> None:
    """Commits small transactions durably."""
    database = sqlite3.connect(folder / "load.sqlite")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE row (body BLOB)")
    while not done.is_set():
        with database:
            database.execute("INSERT INTO row VALUES (?)", (b"x" * 300,))
        done.wait(0.002)
    database.close()


def answer(source: Path, target: Path) -> None:
    """The peer: a Python thread that answers each edge as directly as Python can."""
    into = os.open(source, os.O_RDONLY)
    out = os.open(target, os.O_RDWR)
    while byte := os.read(into, 1):
        os.write(out, byte)


async def guard(folder: Path, priority: int) -> None:
    """Run the guard's driver; energise again after each reset, until standard input closes."""
    loop = asyncio.get_running_loop()
    up = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    async def energise() -> None:
        command = Command("bench", "guard.out", True, FOR_EVER_NS, "bench")
        # Refused only when the stopwatch has gone; in a run it would fall silent and be told.
        with contextlib.suppress(CommandFailed):
            await driver.apply(command)

    def listen(event: GuardEvent) -> None:
        up.set()
        if event.kind == "reset":
            task = loop.create_task(energise())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    point = {"debounce_ms": 0}
    settings = GuardSettings.model_validate(
        {
            "lease_ms": LEASE_MS,
            "priority": priority,
            "input": [
                {"name": name, "kind": name, "source": f"fifo:{folder}/guard.{name}", **point}
                for name in ("estop", "reset")
            ],
            "output": [{"name": "out", "target": f"fifo:{folder}/guard.out"}],
        }
    )
    driver = GuardDriver(settings, Ticks(), listen)
    running = loop.create_task(driver.run(Sink()))
    await up.wait()  # the first event, "lease_renewed", comes from the guard's own thread
    state = driver.state()
    print("fifo" if state is not None and state.realtime else "other", flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def main(folder: Path, priority: int) -> None:
    """Start every load, then the guard; stop all of them at the end."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()
    done = threading.Event()
    loads: list[Callable[[], None]] = [
        lambda: infer(done),
        lambda: collect(done),
        lambda: dump(done),
        lambda: commit(done, folder),
    ]
    for load in loads:
        threading.Thread(target=load).start()
    peer = (folder / "python.in", folder / "python.out")
    threading.Thread(target=answer, args=peer, daemon=True).start()
    try:
        asyncio.run(guard(folder, priority))
    finally:
        done.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
