"""Recordings in a temporary folder, and a sink that keeps and wakes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.replay import ReplayDriver
from banksman_drivers.settings.base import PointSettings
from banksman_drivers.settings.replay import ReplaySettings


class Ticks:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class Sink:
    def __init__(self) -> None:
        self.batches: list[list[Reading]] = []
        self.bursts: list[Burst] = []
        self._news = asyncio.Event()

    @property
    def good(self) -> list[Reading]:
        return [r for batch in self.batches for r in batch if r.quality is Quality.GOOD]

    def readings(self, batch: Sequence[Reading]) -> None:
        self.batches.append(list(batch))
        self._news.set()

    def burst(self, burst: Burst) -> None:
        self.bursts.append(burst)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()


class Player:
    def __init__(self, driver: ReplayDriver) -> None:
        self.driver = driver
        self.sink = Sink()
        self.task = asyncio.create_task(driver.run(self.sink))

    async def finished(self) -> None:
        await self.sink.until(lambda: self.driver.health().state == "lost")

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture
def driver(tmp_path: Path) -> Callable[..., ReplayDriver]:
    """Makes a driver from a recording: text of a CSV, bytes, or named arrays of an npz."""

    def make(recording: Any, points: Sequence[PointSettings] = (), **options: Any) -> ReplayDriver:
        file = tmp_path / "recording"
        if isinstance(recording, str):
            file.write_text(recording)
        elif isinstance(recording, bytes):
            file.write_bytes(recording)
        elif isinstance(recording, Path):
            file = recording
        else:
            with file.open("wb") as stream:
                np.savez_compressed(stream, **recording)
        settings = ReplaySettings(
            driver="replay",
            id="tape",
            file=str(file),
            point=list(points) or [PointSettings(name="value")],
            **({"speed": 1_000_000.0} | options),
        )
        return ReplayDriver(settings, Ticks())

    return make


@pytest.fixture
async def play(driver: Callable[..., ReplayDriver]) -> AsyncIterator[Callable[..., Player]]:
    players: list[Player] = []

    def make(*args: Any, **options: Any) -> Player:
        player = Player(driver(*args, **options))
        players.append(player)
        return player

    yield make
    for player in players:
        await player.stop()
