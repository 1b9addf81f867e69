"""Cameras at work: the real driver on a fake, a file, a folder or a stream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.fake.camera import FakeCamera, Scene
from banksman_drivers.ports import Frame, Quality, Reading
from banksman_drivers.settings.camera import CameraSettings
from batch_sink import Ticks
from driver_rigs.base import Sink


class Player:
    """A camera driver that runs, and what it says."""

    def __init__(self, driver: CameraDriver) -> None:
        self.driver = driver
        self.sink = Sink()
        self.task: asyncio.Task[None] | None = asyncio.create_task(driver.run(self.sink))

    async def reading(self, name: str, holds: Callable[[float], bool]) -> list[Reading]:
        """The next batch in which this reading is good and ``holds``."""
        sensor = f"{self.driver.id}.{name}"

        def found(batch: list[Reading]) -> bool:
            return any(
                r.sensor == sensor and r.quality is Quality.GOOD and holds(r.value) for r in batch
            )

        return await self.sink.until(found)

    async def lost(self) -> str:
        """Wait until it is lost; the message."""
        await self.sink.until(lambda _: self.driver.health().state == "lost")
        return self.driver.health().message

    async def frame(self, after: int = 0) -> Frame:
        """The next newest frame over ``after``, awaited on another thread as its users do."""
        frame = await asyncio.to_thread(self.driver.newest, after, 15.0)
        assert frame is not None
        return frame

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None


@pytest.fixture
async def play() -> AsyncIterator[Callable[..., Player]]:
    """Run a camera: ``play(source, fake=None, **options)``."""
    players: list[Player] = []

    def make(source: str, fake: FakeCamera | None = None, **options: Any) -> Player:
        options = {"report_ms": 50, "lost_after_ms": 3000} | options
        settings = CameraSettings(driver="camera", id="line", source=source, **options)
        player = Player(CameraDriver(settings, Ticks(), fake.open if fake else None))
        players.append(player)
        return player

    yield make
    for player in players:
        await player.stop()


@pytest.fixture
def fake() -> FakeCamera:
    return FakeCamera()


@pytest.fixture
def cv2() -> Any:
    """OpenCV, as the driver loads it."""
    from banksman_drivers.camera import library

    return library.load()


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Twelve pictures of the conveyor, 64 x 48, each other than the one before."""
    scene = Scene(64, 48)
    return [scene.draw(number / 12, None) for number in range(12)]


@pytest.fixture
def video(tmp_path: Path, pictures: list[np.ndarray], cv2: Any) -> Path:
    """The twelve pictures as a video of 50 frames a second."""
    path = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (64, 48))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path
