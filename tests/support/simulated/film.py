"""A program that runs a camera driver and tells in lines of JSON what becomes of it.

    python film.py SETTINGS        {"state": …, "message": …, "frame": […], "readings": {…}}

Orders come as lines on stdin: none but "stop".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time

from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.settings.camera import CameraSettings


class Ticks:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class Teller:
    def __init__(self) -> None:
        self.driver: CameraDriver | None = None

    def readings(self, batch) -> None:
        assert self.driver is not None
        health, frame = self.driver.health(), self.driver.newest(0, 0)
        said = {
            "state": health.state,
            "message": health.message,
            "readings": {r.sensor.partition(".")[2]: str(r.value) for r in batch},
            "frame": frame
            and [*frame.image.shape, frame.number, time.monotonic_ns() - frame.mono_ns],
        }
        print(json.dumps(said), flush=True)

    def burst(self, burst) -> None: ...


async def main() -> None:
    teller = Teller()
    teller.driver = CameraDriver(CameraSettings.model_validate_json(sys.argv[1]), Ticks())
    task = asyncio.create_task(teller.driver.run(teller))
    await asyncio.to_thread(sys.stdin.readline)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


asyncio.run(main())
