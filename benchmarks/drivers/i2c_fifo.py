"""drivers.i2c_*: an ADXL345 at 800 Hz in real time, while inference and sync work in its process.

The chip stands on the shipped fake bus with a wire of 400 kHz and a sample clock of its own, 1.5 %
slow. Its signal numbers the samples, so a lost one is seen and not estimated, and each burst's time
can be held against the true time of its last sample. The load holds and releases the interpreter
lock as the daemon's does: matrix products, JSON of a sync batch, compression, 1 500 readings a
second through the loop's five steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from banksman.clock import SystemClock
from banksman.control_thread import CONTROL_NICE
from banksman_drivers.fake.i2c_bus import FakeBus
from banksman_drivers.fake.i2c_fifo import FakeAdxl345
from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.i2c import I2cSettings
from benchmarks.beside_work import runs_beside_work
from benchmarks.context import Context
from benchmarks.control_bench import SENSORS, make_loop
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import loaded_note
from benchmarks.stats import percentiles

ADDRESS = 0x53
NOMINAL_HZ, TRUE_HZ = 800.0, 788.0
BIT_RATE_HZ = 400_000.0
BURST_SAMPLES = 64
SETTLE_BURSTS = 16  # the rate is known by then
BATCH_S = 0.01
MATRIX = 260
DOCUMENT = 400  # a batch of records that a sync encodes and compresses
COUNTS = 4096  # what one axis can tell in full resolution


class Run(msgspec.Struct, frozen=True):
    """One run: samples seen and missing, how full the FIFO got, and how wrong the times were."""

    samples: int
    lost: int
    fullest: int
    errors_us: list[float]


def measure(context: Context) -> list[Figure]:
    """All figures of some runs in real time."""
    seconds = 4.0 if context.quick else 12.0
    context.say("i2c_fifo: an 800 Hz accelerometer beside inference and sync")
    runs, resting, loaded = runs_beside_work(context, lambda: _one(seconds))
    n = sum(run.samples for run in runs)
    note = f"ADXL345 model, wire of 400 kHz, {loaded_note(loaded.pct)}"
    errors = percentiles([run.errors_us for run in runs], 99)
    return [
        figure("drivers.i2c_samples_lost", "samples", [run.lost for run in runs],
               direction="lower", n=n, target=Target("value", 0), worst=True,
               pressure_pct=resting.pct, note=note),
        figure("drivers.i2c_fifo_fullest", "of 32", [run.fullest for run in runs],
               direction="lower", n=n, worst=True, pressure_pct=resting.pct, note=note),
        figure("drivers.i2c_sample_time_error_p99", "us", errors, direction="lower", n=n,
               pressure_pct=resting.pct,
               note=f"a sample period is {1e6 / TRUE_HZ:.0f} us; the chip's clock is 1.5 % slow"),
    ]  # fmt: skip


def _numbered(number: int) -> tuple[float, float, float]:
    """Sample number ``number``, told by two axes in counts of 1/256 gn, centred."""
    low, high = number % COUNTS, number // COUNTS % COUNTS
    return (low - COUNTS / 2) / 256, (high - COUNTS / 2) / 256, 1.0


class _Ear:
    """Takes bursts of x and y together and reads the numbers in them."""

    def __init__(self, true_ns: Callable[[int], float]) -> None:
        self.first: int | None = None
        self.next = 0
        self.seen = 0
        self.errors_us: list[float] = []
        self._true_ns = true_ns
        self._low: Burst | None = None
        self._bursts = 0

    def readings(self, batch: Sequence[Reading]) -> None:
        if any(reading.quality is Quality.BAD for reading in batch):
            raise RuntimeError("the accelerometer was lost during the bench")

    def burst(self, burst: Burst) -> None:
        if burst.sensor.endswith(".x"):
            self._low = burst
            return
        assert self._low is not None
        low = np.round(self._low.samples * 256 + COUNTS / 2).astype(int)
        numbers = low + COUNTS * np.round(burst.samples * 256 + COUNTS / 2).astype(int)
        if self.first is None:
            self.first = int(numbers[0])
        self.seen += len(numbers)
        self.next = int(numbers[-1]) + 1
        self._bursts += 1
        if self._bursts > SETTLE_BURSTS:
            self.errors_us.append(abs(burst.mono_ns - self._true_ns(self.next - 1)) / 1e3)

    @property
    def lost(self) -> int:
        return 0 if self.first is None else self.next - self.first - self.seen


class _Watched(FakeAdxl345):
    """The model, which remembers how full it got."""

    fullest = 0

    def fill(self) -> None:
        super().fill()
        self.fullest = max(self.fullest, len(self.fifo))


def _one(seconds: float) -> Run:
    clock = SystemClock()
    chip = _Watched(clock, TRUE_HZ, _numbered)
    bus = FakeBus(bit_rate_hz=BIT_RATE_HZ)
    bus.put(ADDRESS, chip)
    ear = _Ear(lambda number: (chip.began_ns or 0) + (number + 1) * 1e9 / TRUE_HZ)
    points = [{"name": axis, "channel": axis, "unit": "gn"} for axis in ("x", "y")]
    settings = I2cSettings.model_validate(
        {"driver": "i2c", "id": "press", "chip": "adxl345", "address": ADDRESS,
         "rate_hz": NOMINAL_HZ, "burst_samples": BURST_SAMPLES, "point": points}
    )  # fmt: skip
    driver = I2cDriver(settings, clock, I2cBuses(clock, bus.open))
    ending = threading.Event()
    threads = [threading.Thread(target=work, args=(ending,)) for work in (infer, sync)]
    for thread in threads:
        thread.start()
    try:
        asyncio.run(_listen(driver, ear, seconds))
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    # What was cut off at a gap was not delivered either, so it is lost: the numbers say so.
    return Run(ear.seen, ear.lost, chip.fullest, ear.errors_us)


async def _listen(driver: I2cDriver, ear: _Ear, seconds: float) -> None:
    control: Any = make_loop()
    with contextlib.suppress(OSError):  # as the daemon's control thread; the bus's inherits it
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), CONTROL_NICE)
    loop = asyncio.get_running_loop()
    task = loop.create_task(driver.run(ear))
    end_s = loop.time() + seconds
    while loop.time() < end_s and not task.done():
        now_ns = time.monotonic_ns()
        control.readings([Reading(name, 1.0, "", Quality.GOOD, now_ns) for name in SENSORS])
        await asyncio.sleep(BATCH_S)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 0)


def infer(ending: threading.Event) -> None:
    """Releases the interpreter lock for milliseconds at a time."""
    weights = np.random.default_rng(1).standard_normal((MATRIX, MATRIX)).astype(np.float32)
    values = weights.copy()
    while not ending.is_set():
        values = weights @ values
        values /= np.abs(values).max()
        ending.wait(0.002)


def sync(ending: threading.Event) -> None:
    """Holds the lock for a batch of JSON, then lets go of it to compress."""
    records = [{"id": f"r{n}", "value": n / 7, "unit": "mm/s"} for n in range(DOCUMENT)]
    while not ending.is_set():
        zlib.compress(json.dumps(records).encode(), 6)
        ending.wait(0.005)
