"""Serial devices on pseudo-terminals, each with a driver that runs, and a sink that keeps."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Callable

import pytest

from banksman_drivers.ports import Quality, Reading
from banksman_drivers.serial_line.make import make_serial
from batch_sink import Ticks
from driver_rigs.base import Sink

NOON = datetime.datetime(2026, 3, 10, 12).astimezone()


class Bench:
    """A driver at work: ``newest`` has what each sensor said last."""

    def __init__(self, settings) -> None:
        self.driver = make_serial(settings, Ticks(), lambda: int(NOON.timestamp() * 1e9))
        self.sink = Sink()
        self.task = asyncio.create_task(self.driver.run(self.sink))

    @property
    def readings(self) -> list[Reading]:
        return [reading for batch in self.sink.batches for reading in batch]

    @property
    def newest(self) -> dict[str, Reading]:
        return {reading.sensor.partition(".")[2]: reading for reading in self.readings}

    def said(self, point) -> list[Reading]:
        return [reading for reading in self.readings if reading.sensor.endswith(f".{point}")]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.001)

    async def good(self, point) -> Reading:
        """The next reading of the point that is not BAD."""
        before = len(self.readings)

        def found():
            return next(
                (
                    reading
                    for reading in self.readings[before:]
                    if reading.sensor.endswith(f".{point}") and reading.quality is not Quality.BAD
                ),
                None,
            )

        await self.until(lambda: found() is not None)
        return found()

    async def connected(self) -> None:
        await self.until(lambda: self.driver.health().state == "connected")

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., Bench]]:
    """Run the driver of the settings until the test ends."""
    benches: list[Bench] = []

    def start(settings) -> Bench:
        benches.append(Bench(settings))
        return benches[-1]

    yield start
    for bench in benches:
        await bench.stop()


@pytest.fixture
async def plugged() -> AsyncIterator[Callable]:
    """Plug a fake device in until the test ends."""
    devices = []

    def plug(device):
        device.plug()
        devices.append(device)
        return device

    yield plug
    for device in devices:
        device.unplug()
