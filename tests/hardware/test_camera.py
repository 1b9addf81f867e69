"""A real camera on this box, asked what the fake and the simulated kernel are asked.

Wiring

    box  USB ───────── any UVC camera, or a CSI camera with a V4L2 node
                       over a scene with light, its lens uncovered

Run

    ls /dev/v4l/by-id
    export BANKSMAN_CAMERA=v4l2:/dev/v4l/by-id/usb-…
    .venv/bin/python -m pytest tests/hardware/test_camera.py

`rtsp://…` works as well; BANKSMAN_CAMERA_USER and BANKSMAN_CAMERA_PASSWORD_FILE are its login.
"""

import asyncio
import contextlib
import os
import time

import pytest

from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.ports import Quality
from banksman_drivers.settings.camera import CameraSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

SOURCE = os.environ.get("BANKSMAN_CAMERA", "")
pytestmark = pytest.mark.skipif(not SOURCE, reason="BANKSMAN_CAMERA names no camera")


@pytest.fixture
async def film():
    """Run the camera: ``film(**options)``."""
    tasks = []

    def start(**options):
        login = {
            "username": os.environ.get("BANKSMAN_CAMERA_USER"),
            "password_file": os.environ.get("BANKSMAN_CAMERA_PASSWORD_FILE"),
        }
        options |= {name: value for name, value in login.items() if value}
        settings = CameraSettings(
            driver="camera", id="line", source=SOURCE, lost_after_ms=4000, **options
        )
        driver, sink = CameraDriver(settings, Ticks()), Sink()
        tasks.append(asyncio.create_task(driver.run(sink)))
        return driver, sink

    yield start
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def frames(driver, count):
    taken = []
    for _ in range(count):
        frame = await asyncio.to_thread(driver.newest, taken[-1].number if taken else 0, 15.0)
        assert frame is not None, driver.health().message
        taken.append(frame)
    return taken


async def test_it_gives_good_frames_whose_times_grow_and_are_of_the_past(film):
    driver, _ = film()
    taken = await frames(driver, 30)
    times = [frame.mono_ns for frame in taken]
    assert times == sorted(set(times))
    assert times[-1] <= time.monotonic_ns()
    assert all(frame.quality is Quality.GOOD for frame in taken)


async def test_a_still_scene_is_neither_frozen_nor_black(film):
    driver, _ = film(frozen_after_ms=2000)
    await frames(driver, 100)
    assert driver.health().fault == ""


@pytest.mark.skipif(not SOURCE.startswith("v4l2:"), reason="exposure is locked through V4L2")
async def test_a_locked_exposure_changes_the_brightness(film):
    seen = []
    for exposure_us in (300, 20_000):
        driver, sink = film(exposure_us=exposure_us)
        await frames(driver, 30)
        batch = await sink.until(lambda batch: all(r.quality is Quality.GOOD for r in batch))
        assert "refused" not in driver.health().message
        seen.append(next(r.value for r in batch if r.sensor == "line.brightness"))
    assert seen[0] < seen[1]
