"""drivers.alsa_*: a 48 kHz stream through libasound in real time, beside inference and sync.

A process of its own paces the samples by its clock, 120 ppm fast, into the FIFO of libasound's file
plugin, whose pipe is the card's ring: 0.5 s of it, and what finds no room is lost. The value of a
sample is its number, so a lost one is seen and not estimated. The load is that of i2c_fifo: it
holds and releases the interpreter lock as the daemon's does.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from banksman.clock import SystemClock
from banksman_drivers.audio.driver import AudioDriver
from banksman_drivers.fake.alsa_fifo import PCM, AlsaFifo, Player
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.audio import AudioSettings
from benchmarks.beside_work import runs_beside_work
from benchmarks.context import Context
from benchmarks.control_bench import SENSORS, make_loop
from benchmarks.drivers.i2c_fifo import BATCH_S, infer, sync
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import loaded_note

NOMINAL_HZ = 48_000
DRIFT_PPM = 120.0
PERIOD_MS = 20.0
PERIOD_FRAMES = round(NOMINAL_HZ * PERIOD_MS / 1e3)
SAMPLE_BYTES = 4
RING_MS = 500.0
RING_BYTES = round(NOMINAL_HZ * RING_MS / 1e3) * SAMPLE_BYTES
BURST_SAMPLES = 4096
SETTLE_BURSTS = 12  # the writer may have begun before anybody listened
FULL_SCALE = 2.0**23  # float32 tells numbers up to there


class Run(msgspec.Struct, frozen=True):
    """One run: samples seen and missing, how old each burst was, what the rate was taken for."""

    samples: int
    lost: int
    ages_ms: list[float]
    drift_error_ppm: float
    writer_late_s: float


def measure(context: Context) -> list[Figure]:
    """All figures of some runs in real time."""
    seconds = 6.0 if context.quick else 20.0
    context.say("alsa_stream: 48 kHz through libasound beside inference and sync")
    runs, resting, loaded = runs_beside_work(context, lambda: _one(seconds))
    n = sum(run.samples for run in runs)
    late_s = sum(run.writer_late_s for run in runs)
    note = f"libasound's file plugin, a ring of {RING_MS:g} ms, {loaded_note(loaded.pct)}"
    if late_s:
        note += f"; the writer itself stood still for {late_s:.1f} s"
    ages = [float(np.percentile(run.ages_ms, 99)) for run in runs]
    return [
        figure("drivers.alsa_samples_lost", "samples", [run.lost for run in runs],
               direction="lower", n=n, target=Target("value", 0), worst=True,
               pressure_pct=resting.pct, note=note),
        figure("drivers.alsa_burst_age_p99", "ms", ages, direction="lower", n=n,
               pressure_pct=resting.pct,
               note=f"from its last sample to the loop; a period is {PERIOD_MS:g} ms"),
        figure("drivers.alsa_drift_error", "ppm", [run.drift_error_ppm for run in runs],
               direction="lower", n=n, worst=True, pressure_pct=resting.pct,
               note=f"after {seconds:g} s, of a clock that is {DRIFT_PPM:g} ppm fast"),
    ]  # fmt: skip


def _numbered(first: int, count: int) -> bytes:
    return bytes((np.arange(first + 1, first + 1 + count) << 8).astype("<i4").tobytes())


def _write(fifo: Path, ending: Any, late_s: Any) -> None:
    """The writer's process."""
    rate_hz = NOMINAL_HZ * (1 + DRIFT_PPM / 1e6)
    player = Player(fifo, _numbered, rate_hz, PERIOD_FRAMES, RING_BYTES)
    player.play(ending)
    late_s.value = player.stood_still_s
    player.close()


class _Ear:
    """Reads the numbers in the bursts."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.next = 0
        self.seen = 0
        self.ages_ms: list[float] = []
        self.rate_hz = 0.0
        self._bursts = 0

    def readings(self, batch: Sequence[Reading]) -> None:
        if any(reading.quality is Quality.BAD for reading in batch) and self.seen:
            raise RuntimeError("the card was lost during the bench")

    def burst(self, burst: Burst) -> None:
        self._bursts += 1
        if self._bursts <= SETTLE_BURSTS:
            return
        self.ages_ms.append((time.monotonic_ns() - burst.mono_ns) / 1e6)
        if self.first is None:
            self.first = round(float(burst.samples[0]))
        self.seen += len(burst.samples)
        self.next = round(float(burst.samples[-1])) + 1
        self.rate_hz = burst.rate_hz

    @property
    def lost(self) -> int:
        return 0 if self.first is None else self.next - self.first - self.seen


def _one(seconds: float) -> Run:
    point = {"name": "frame", "unit": "gn", "full_scale": FULL_SCALE}
    settings = AudioSettings.model_validate(
        {"driver": "audio", "id": "press", "card": PCM, "rate_hz": NOMINAL_HZ,
         "sample_format": "S32_LE", "period_ms": PERIOD_MS, "buffer_ms": RING_MS,
         "burst_samples": BURST_SAMPLES, "point": [point]}
    )  # fmt: skip
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        fifo = AlsaFifo(Path(folder))
        os.environ.update(fifo.environment)
        ended, late_s = processes.Event(), processes.Value("d", 0.0)
        writer = processes.Process(target=_write, args=(fifo.fifo, ended, late_s))
        ending = threading.Event()
        threads = [threading.Thread(target=work, args=(ending,)) for work in (infer, sync)]
        ear = _Ear()
        writer.start()
        for thread in threads:
            thread.start()
        try:
            asyncio.run(_listen(AudioDriver(settings, SystemClock()), ear, seconds))
        finally:
            ending.set()
            ended.set()
            for thread in threads:
                thread.join()
            writer.join()
            for name in fifo.environment:
                os.environ.pop(name, None)
    drift_ppm = (ear.rate_hz / NOMINAL_HZ - 1) * 1e6
    return Run(ear.seen, ear.lost, ear.ages_ms, abs(drift_ppm - DRIFT_PPM), late_s.value)


async def _listen(driver: AudioDriver, ear: _Ear, seconds: float) -> None:
    control: Any = make_loop()
    loop = asyncio.get_running_loop()
    task = loop.create_task(driver.run(ear))
    end_s = None
    while (end_s is None or loop.time() < end_s) and not task.done():
        if end_s is None and ear.seen:  # the writer's process takes its time to start
            end_s = loop.time() + seconds
        now_ns = time.monotonic_ns()
        control.readings([Reading(name, 1.0, "", Quality.GOOD, now_ns) for name in SENSORS])
        await asyncio.sleep(BATCH_S)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
