"""drivers.camera_*: from the end of a capture to the control loop, and what a camera weighs.

A video of 1280 x 720 at 50 frames a second is played by the real driver through OpenCV. The clock
starts when OpenCV hands over the picture and stops when a consumer's thread, woken with the frame,
has brought its verdict to the control loop. That one takes 1 500 readings a second meanwhile,
through all five steps.

    OpenCV ─| camera thread: turn, show |─ consumer thread |─ call_soon_threadsafe ─| control loop
            └────────────────────────── measured ───────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from banksman.clock import SystemClock
from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.camera.file import FileSource
from banksman_drivers.camera.library import load
from banksman_drivers.fake.camera import Scene
from banksman_drivers.ports import Quality, Reading
from banksman_drivers.settings.camera import CameraSettings
from benchmarks.context import Context
from benchmarks.control_bench import SENSORS, make_loop
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.stats import percentiles

WIDTH, HEIGHT, FPS = 1280, 720, 50
PICTURES = 50
BATCH_S = 0.01
WARM_UP_FRAMES = 25
SWITCH_S = 0.0005  # as the daemon sets it


class Timed(FileSource):
    """The real source, and when it handed over its newest picture."""

    handed: tuple[Any, int] = (None, 0)

    def picture(self) -> Any:
        image = super().picture()
        Timed.handed = (image, time.perf_counter_ns())
        return image


def measure(context: Context) -> list[Figure]:
    """The way to the control loop, and the memory; without OpenCV figures with a note."""
    try:
        video = _video(context.work)
    except ImportError:
        note = "OpenCV is not installed: pip install 'banksman[camera]'"
        return [
            figure("drivers.camera_to_control_p99", "ms", [], direction="lower", n=0,
                   pressure_pct=None, target=Target("value", 5), note=note)
        ]  # fmt: skip
    settings = CameraSettings(driver="camera", id="bench", source=f"file:{video}", loop=True)
    context.say("camera: from the end of a capture to the control loop")
    seconds = 3 if context.quick else 10
    ours_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with Pressure() as pressure:
            runs = [asyncio.run(_to_control_ms(settings, seconds)) for _ in range(context.rounds)]
    finally:
        sys.setswitchinterval(ours_s)
    with Pressure() as resting:
        weights = [_added_mb(settings, context.repo) for _ in range(context.rounds)]
    n = sum(len(run) for run in runs)
    how = (
        f"{WIDTH} x {HEIGHT}, {FPS} frames/s, MJPG file through OpenCV; 1 500 readings/s beside it"
    )
    return [
        figure("drivers.camera_to_control_p50", "ms", percentiles(runs, 50), direction="lower",
               n=n, pressure_pct=pressure.pct, note=how),
        figure("drivers.camera_to_control_p99", "ms", percentiles(runs, 99), direction="lower",
               n=n, pressure_pct=pressure.pct, target=Target("value", 5), note=how),
        figure("drivers.camera_memory", "MB", weights, direction="lower", n=len(weights),
               pressure_pct=resting.pct,
               note="resident memory of a process with one such camera over one without"),
    ]  # fmt: skip


def _video(folder: Path) -> Path:
    """One second of the shipped conveyor."""
    cv2: Any = load()
    path, scene = folder / "conveyor.avi", Scene(WIDTH, HEIGHT)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for number in range(PICTURES):
        writer.write(scene.draw(number / FPS, None))
    writer.release()
    return path


class _Nothing:
    """Takes the camera's own readings, which are not what is measured."""

    def readings(self, batch: object) -> None: ...

    def burst(self, burst: object) -> None: ...


async def _to_control_ms(settings: CameraSettings, seconds: float) -> list[float]:
    control, loop = make_loop(), asyncio.get_running_loop()
    driver = CameraDriver(settings, SystemClock(), Timed)
    durations_ms: list[float] = []
    ending = threading.Event()

    def verdict(handed_ns: int) -> None:
        durations_ms.append((time.perf_counter_ns() - handed_ns) / 1e6)

    def consume() -> None:
        number = 0
        while not ending.is_set():
            frame = driver.newest(number, 0.2)
            if frame is not None:
                number = frame.number
                image, handed_ns = Timed.handed
                if image is frame.image:  # else the next one was handed over already
                    loop.call_soon_threadsafe(verdict, handed_ns)

    async def readings() -> None:
        while True:
            now_ns = time.monotonic_ns()
            control.readings([Reading(each, 1.0, "", Quality.GOOD, now_ns) for each in SENSORS])
            await asyncio.sleep(BATCH_S)

    tasks = [asyncio.create_task(driver.run(_Nothing())), asyncio.create_task(readings())]
    consumer = threading.Thread(target=consume, name="consumer")
    consumer.start()
    await asyncio.sleep(seconds)
    ending.set()
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await asyncio.to_thread(consumer.join)
    return durations_ms[WARM_UP_FRAMES:]


def _added_mb(settings: CameraSettings, repo: Path) -> float:
    """What the process weighs with the camera after some seconds, over the same without it."""
    asked = [sys.executable, "-m", "benchmarks.drivers.camera"]
    asked.append(settings.model_dump_json(exclude_unset=True))
    weights = [
        float(subprocess.check_output([*asked, each], cwd=repo, text=True, timeout=60))
        for each in ("film", "rest")
    ]
    return weights[0] - weights[1]


async def _weigh(settings: CameraSettings, film: bool) -> float:
    """Resident memory of this process, in MB."""
    driver = CameraDriver(settings, SystemClock())
    task = asyncio.create_task(driver.run(_Nothing())) if film else None
    await asyncio.sleep(2.5)
    resident_mb = psutil.Process().memory_info().rss / 2**20
    if task is not None:
        assert driver.newest(0, 0) is not None, driver.health().message
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return resident_mb


if __name__ == "__main__":
    wanted = CameraSettings.model_validate_json(sys.argv[1])
    print(asyncio.run(_weigh(wanted, sys.argv[2] == "film")))
