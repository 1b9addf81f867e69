"""Audio drivers on a card inside libasound, each with an ear that keeps what it hears."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest

from banksman_drivers.audio.driver import AudioDriver
from banksman_drivers.fake.alsa_card import FakeCard
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.audio import AudioSettings
from batch_sink import Ticks

PERIOD = 80
BURST = 160


class Ear:
    """A sink that keeps what it hears; ``wait`` returns once a condition holds."""

    def __init__(self) -> None:
        self.batches: list[list[Reading]] = []
        self.bursts: list[Burst] = []
        self._news = asyncio.Event()

    def readings(self, batch: Sequence[Reading]) -> None:
        self.batches.append(list(batch))
        self._news.set()

    def burst(self, burst: Burst) -> None:
        self.bursts.append(burst)
        self._news.set()

    async def wait(self, condition: Callable[[], object]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()

    async def heard(self, count: int) -> list[Burst]:
        """The first ``count`` bursts."""
        await self.wait(lambda: len(self.bursts) >= count)
        return self.bursts[:count]

    async def bad(self) -> list[Reading]:
        """The next batch that is all BAD, from now on."""
        seen = len(self.batches)

        def found() -> list[list[Reading]]:
            return [
                batch
                for batch in self.batches[seen:]
                if all(reading.quality is Quality.BAD for reading in batch)
            ]

        await self.wait(found)
        return found()[0]


class Studio:
    """Drivers, their ears, and the card."""

    def __init__(self) -> None:
        self.card = FakeCard()
        self._tasks: list[asyncio.Task[None]] = []

    def settings(self, **options) -> AudioSettings:
        wanted = {
            "driver": "audio",
            "id": "press",
            "card": "hw:CARD=Fake,DEV=0",
            "rate_hz": 8000,
            "period_ms": 10,
            "buffer_ms": 1000,
            "burst_samples": BURST,
            "lost_after_ms": 60_000,
            "back_off_max_ms": 250,
            "point": [{"name": "frame", "unit": "gn", "full_scale": 16}],
        }
        return AudioSettings.model_validate(wanted | options)

    def begin(self, real: bool = False, **options) -> tuple[AudioDriver, Ear]:
        """A driver that runs; ``real``: libasound opens the card that the config names."""
        ear = Ear()
        opening = {} if real else {"open_it": self.card.open}
        driver = AudioDriver(self.settings(**options), Ticks(), **opening)
        self._tasks.append(asyncio.create_task(driver.run(ear)))
        return driver, ear

    async def until(self, condition: Callable[[], object]) -> None:
        """Await what no ear is told."""
        while not condition():
            await asyncio.sleep(0.001)

    async def lost(self, driver: AudioDriver) -> str:
        """Why it is lost, as people are told."""
        await self.until(lambda: driver.health().state == "lost")
        return driver.health().message

    async def feed(self, samples) -> None:
        """Have the card sample these once somebody captures; they must fit into its ring."""
        await self.until(lambda: self.card.running)
        self.card.feed(np.ascontiguousarray(samples).tobytes())

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    it = Studio()
    yield it
    await it.end()
