"""drivers.serial_*: a line at 1 Mbaud without a byte lost, and the highest rate that is held.

A process of its own writes numbered lines of 20 bytes to a pseudo-terminal: 100 kB/s, what 1 Mbaud
with 8N1 carries; what Linux would not keep for a UART is lost. The real driver reads, frames and
parses them, and the real control loop takes each value through its steps, while a thread beside it
computes and encodes as inference and sync do. The peer of the highest rate reads and cuts lines,
and does nothing else.

    writer process ──pty──| driver: read, frame, parse |─ control loop
                           stand-in thread: matrices, JSON
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from banksman.clock import SystemClock
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.serial_line.make import make_serial
from banksman_drivers.settings.serial_text import SerialPoint, SerialTextSettings
from benchmarks.context import Context
from benchmarks.control_bench import SENSORS, make_loop
from benchmarks.drivers.serial_writer import LINE_BYTES
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure, loaded_note

LINE_RATE_BYTES_S = 100_000
BAUD = 1_000_000
SWITCH_S = 0.0005  # as the daemon sets it
SETTLE_S = 0.5
READ_BYTES = 4096


class Run(msgspec.Struct, frozen=True):
    """One run: what the wire carried, what arrived as readings, how much the kernel had to keep."""

    offered: int
    arrived: int
    deepest: int
    seconds: float


def measure(context: Context) -> list[Figure]:
    """Loss at line-rate under load; the highest rate beside a bare read loop."""
    seconds = 1.0 if context.quick else 8.0
    flood_s = 0.5 if context.quick else 3.0
    context.say("serial: 1 Mbaud under load")
    resting, loaded, flooded = Pressure(), Pressure(), Pressure()
    runs, held, bare = [], [], []
    for _ in range(context.rounds):
        resting.rest(0.2 if context.quick else 3.0)
        with loaded, _stand_in():
            runs.append(asyncio.run(_ours(LINE_RATE_BYTES_S, seconds)))
        with flooded:
            ours = asyncio.run(_ours(0, flood_s))
            held.append(ours.arrived / ours.seconds / 1e3)
            bare.append(_bare_kb_s(flood_s))
    lost = [float(run.offered - run.arrived) for run in runs]
    n = sum(run.offered // LINE_BYTES for run in runs)
    offered = sum(run.offered for run in runs)
    rate_kb_s = offered / sum(run.seconds for run in runs) / 1e3
    deepest = max(run.deepest for run in runs)
    note = (
        f"of {offered} bytes at 1 Mbaud ({rate_kb_s:.0f} kB/s); at most {deepest} of the"
        " 64 KiB that Linux keeps for a UART were in use;"
        f" {loaded_note(loaded.pct)}"
    )
    return [
        figure("drivers.serial_loss", "B", lost, direction="lower", n=n, worst=True,
               pressure_pct=resting.pct, target=Target("value", 0), note=note),
        figure("drivers.serial_rate_held", "kB/s", held, direction="higher", n=len(held),
               pressure_pct=flooded.pct, target=Target("value", LINE_RATE_BYTES_S / 1e3),
               peer="bare read loop", peer_values=bare,
               note="lines of 20 bytes as fast as they are taken, each a reading in the loop"),
    ]  # fmt: skip


class _Counted:
    """Hands every reading to the control loop and counts the good ones."""

    def __init__(self) -> None:
        self.loop = make_loop()
        self.arrived = 0
        self.listening = asyncio.Event()

    def readings(self, batch: Sequence[Reading]) -> None:
        self.listening.set()  # the count of bad frames comes first, of a line that is silent
        values = [each for each in batch if each.sensor == SENSORS[0]]
        self.arrived += LINE_BYTES * sum(each.quality is Quality.GOOD for each in values)
        self.loop.readings(batch)

    def burst(self, burst: Burst) -> None: ...


async def _ours(bytes_per_s: int, seconds: float) -> Run:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    device, _, point = SENSORS[0].partition(".")
    settings = SerialTextSettings(
        driver="serial", id=device, port=os.ttyname(theirs), baud=BAUD, silence_ms=0,
        point=[
            SerialPoint(name=point, after="VALUE"),
            SerialPoint(name=SENSORS[1].partition(".")[2], field="bad_frames"),
        ],
    )  # fmt: skip
    driver, sink = make_serial(settings, SystemClock(), time.time_ns), _Counted()
    task = asyncio.create_task(driver.run(sink))
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        await sink.listening.wait()
        told = await asyncio.to_thread(_write, ours, bytes_per_s, seconds)
        arrived, deadline_s = -1, time.monotonic() + SETTLE_S
        while arrived != sink.arrived or time.monotonic() < deadline_s:
            arrived = sink.arrived
            await asyncio.sleep(0.1)
    finally:
        sys.setswitchinterval(switch_s)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        os.close(theirs)
        os.close(ours)
    return Run(told["offered"], sink.arrived, told["deepest"], seconds)


def _bare_kb_s(seconds: float) -> float:
    """A loop that reads and cuts lines, and nothing else."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    arrived, ending = 0, threading.Event()

    def read() -> None:
        nonlocal arrived
        rest = b""
        while not ending.is_set():
            *lines, rest = (rest + os.read(theirs, READ_BYTES)).split(b"\r\n")
            arrived += LINE_BYTES * len(lines)

    reader = threading.Thread(target=read, name="bare")
    reader.start()
    _write(ours, 0, seconds)
    ending.set()
    os.write(ours, b"\r\n")
    reader.join()
    os.close(theirs)
    os.close(ours)
    return arrived / seconds / 1e3


def _write(fd: int, bytes_per_s: int, seconds: float) -> dict[str, int]:
    words = [sys.executable, "-m", "benchmarks.drivers.serial_writer"]
    done = subprocess.run(
        [*words, str(fd), str(bytes_per_s), str(seconds)],
        pass_fds=(fd,), stdout=subprocess.PIPE, check=True, timeout=seconds + 60,
    )  # fmt: skip
    told: dict[str, int] = json.loads(done.stdout)
    return told


@contextlib.contextmanager
def _stand_in() -> Iterator[None]:
    """A thread that computes and encodes as inference and sync do: about 4 ms in each 10."""
    ending = threading.Event()
    weights = np.random.default_rng(1).random((192, 192), dtype=np.float32)
    rows = [{"id": n, "value": n / 7, "unit": "degC"} for n in range(40)]

    def work() -> None:
        while not ending.is_set():
            began_s = time.perf_counter()
            while time.perf_counter() - began_s < 0.004:
                _ = weights @ weights
                json.dumps(rows)
            ending.wait(0.006)

    thread = threading.Thread(target=work, name="stand-in")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
