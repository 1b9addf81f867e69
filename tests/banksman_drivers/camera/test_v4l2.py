"""V4L2 through OpenCV's own backend, on a camera simulated at the kernel's ioctl boundary.

A real camera is asked the same in tests/hardware/test_camera.py.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from banksman_drivers.settings.camera import CameraSettings
from simulated.kernel_v4l2 import (
    AUTO_WHITE_BALANCE,
    EXPOSURE_ABSOLUTE,
    EXPOSURE_AUTO,
    WHITE_BALANCE_TEMPERATURE,
    KernelV4l2,
    build,
)

FILM = Path(__file__).parents[2] / "support" / "simulated" / "film.py"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("v4l2"))


@pytest.fixture
def kernel(library, tmp_path):
    return KernelV4l2(library, tmp_path)


class Film:
    """The program, its lines and its stderr."""

    def __init__(self, process):
        self._process = process

    async def until(self, holds):
        async with asyncio.timeout(30):
            while True:
                line = await self._process.stdout.readline()
                assert line, "the program ended"
                if holds(said := json.loads(line)):
                    return said

    async def stop(self):
        _, err = await self._process.communicate(b"stop\n")
        assert self._process.returncode == 0, err
        return err


@pytest.fixture
async def film(kernel):
    """Run a V4L2 camera in a process of its own, where the kernel is simulated."""
    processes = []

    async def start(**options):
        options = {"report_ms": 50} | options
        settings = CameraSettings(
            driver="camera", id="line", source=f"v4l2:{kernel.device}", **options
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(FILM),
            settings.model_dump_json(exclude_unset=True),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=kernel.environment,
        )
        processes.append(process)
        return Film(process)

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def connected(said):
    return said["state"] == "connected" and said["frame"] is not None


async def test_a_camera_gives_frames_of_the_size_asked_for(film, kernel):
    running = await film(width=320, height=240, fps=50)
    said = await running.until(connected)
    assert said["frame"][:3] == [240, 320, 3]
    assert said["message"] == "filming; 320 x 240"
    assert ("fps", "50") in kernel.log()
    assert await running.stop() == b""
    assert kernel.log()[-1] == ("stream", "off")


async def test_a_frames_time_is_the_kernels_stamp(film):
    running = await film(fps=10)
    said = await running.until(connected)
    assert said["frame"][4] >= 100_000_000  # what it is late by when it arrives


async def test_exposure_and_white_balance_are_locked(film, kernel):
    running = await film(exposure_us=2000, white_balance_k=5000)
    said = await running.until(connected)
    assert [wish[1:] for wish in kernel.log() if wish[0] == "control"] == [
        (str(EXPOSURE_AUTO), "1"),
        (str(EXPOSURE_ABSOLUTE), "20"),
        (str(AUTO_WHITE_BALANCE), "0"),
        (str(WHITE_BALANCE_TEMPERATURE), "5000"),
    ]
    assert "refused" not in said["message"]


async def test_what_the_camera_has_not_is_told_and_the_rest_done(film):
    running = await film(gain=7, fourcc="MJPG", width=4000, height=3000, exposure_us=9_000_000)
    said = await running.until(connected)
    for word in ("gain 7", "format MJPG", "took 640 x 480 instead", "exposure 9e+06 us"):
        assert word in said["message"]


async def test_a_frame_that_the_kernel_lost_is_counted(film, kernel):
    running = await film(fps=50)
    await running.until(lambda said: connected(said) and said["frame"][3] > 20)
    kernel.skip_a_frame()
    said = await running.until(lambda said: float(said["readings"]["dropped"]) > 0)
    assert float(said["readings"]["dropped"]) >= 1


async def test_a_camera_that_is_unplugged_comes_back_when_it_is_plugged_in(film, kernel):
    running = await film(fps=50)
    await running.until(connected)
    kernel.stall()
    kernel.unplug()
    said = await running.until(lambda said: said["state"] == "lost")
    assert "is it plugged in" in said["message"]
    kernel.go_on()
    kernel.plug()
    await running.until(connected)


async def test_a_camera_that_stalls_is_opened_anew(film, kernel):
    running = await film(fps=50, lost_after_ms=400)
    await running.until(connected)
    kernel.stall()
    await running.until(lambda said: said["state"] == "lost")
    kernel.go_on()
    await running.until(connected)
    assert kernel.log().count(("stream", "on")) >= 2


async def test_a_program_that_ends_while_the_camera_stalls_ends_at_once(film, kernel):
    running = await film(fps=50, lost_after_ms=4000)
    await running.until(connected)
    kernel.stall()
    await running.stop()
    assert kernel.log()[-1] == ("stream", "off")
