"""A capture card inside libasound, fed in real time; bursts arrive as the loop's readings do."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import numpy as np

from banksman_drivers.audio.driver import AudioDriver
from banksman_drivers.fake.alsa_card import FakeCard
from banksman_drivers.ports import Burst, Reading
from banksman_drivers.settings.audio import AudioPoint, AudioSettings
from batch_sink import Ticks
from driver_rigs.base import Rig, Sink

PERIOD_S = 0.01
FRAMES = 80
POINTS = 2


class RmsSink(Sink):
    """Makes of bursts what control/loop.py makes of them: the reading is their RMS."""

    def __init__(self) -> None:
        super().__init__()
        self._batch: list[Reading] = []

    def burst(self, burst: Burst) -> None:
        rms = float(np.sqrt(np.mean(burst.samples**2)))
        self._batch.append(Reading(burst.sensor, rms, burst.unit, burst.quality, burst.mono_ns))
        if len(self._batch) == POINTS:
            batch, self._batch = self._batch, []
            self.readings(batch)


class AudioRig(Rig):
    async def begin(self) -> None:
        self.sink = RmsSink()
        self.card = FakeCard()
        settings = AudioSettings(
            driver="audio",
            id="device",
            card="hw:CARD=Fake,DEV=0",
            rate_hz=8000,
            sample_format="FLOAT_LE",
            channels=2,
            period_ms=PERIOD_S * 1e3,
            buffer_ms=5000,
            burst_samples=2 * FRAMES,
            lost_after_ms=20_000,
            back_off_max_ms=250,
            point=[
                AudioPoint(name="level", unit="kg", channel=1, full_scale=16),
                AudioPoint(name="door", unit="flag", channel=2, full_scale=2),
            ],
        )
        self.driver = AudioDriver(settings, Ticks(), self.card.open)
        self.feeding = asyncio.create_task(self.feed())

    async def feed(self) -> None:
        period = struct.pack("<2f", 0.75, 0.5) * FRAMES
        while True:
            self.card.feed(period)
            await asyncio.sleep(PERIOD_S)

    async def lose(self) -> None:
        self.card.pull()

    async def restore(self) -> None:
        self.card.plug()

    async def closed(self) -> None:
        assert self.card.opened == self.card.closed

    async def end(self) -> None:
        self.feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.feeding
