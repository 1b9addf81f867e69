"""A chip's steps run against its model without a bus, and drivers on a fake bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from banksman_drivers.fake.i2c_bus import ChipModel, FakeBus
from banksman_drivers.i2c.asks import Answer, Ask, Pause, Steps
from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.i2c.wire import Wire
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.i2c import I2cSettings
from batch_sink import Ticks

ADDRESS = 0x42


class ManualTicks:
    """Time that moves when told; a transfer takes 100 us of it."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Bench:
    """One chip model on a wire of its own, asked by hand."""

    def __init__(self, raw: bool = True) -> None:
        self.ticks = ManualTicks()
        self.bus = FakeBus(raw=raw)
        self.asks: list[Ask] = []
        self._wire = Wire(self.bus.open("/dev/i2c-0"), self.ticks)

    def put(self, model: ChipModel) -> None:
        self.seat = self.bus.put(ADDRESS, model)

    def transfer(self, ask: Ask) -> Answer:
        answer = self._wire.transfer(ADDRESS, ask)
        self.ticks.advance(100e-6)
        return answer

    def run(self, steps: Steps):
        """Do the steps to their end and return what they return; pauses pass at once."""
        try:
            ask = next(steps)
            while True:
                self.asks.append(ask)
                if isinstance(ask, Pause):
                    self.ticks.advance(ask.seconds)
                    answer = Answer(b"", 0, 0)
                else:
                    answer = self.transfer(ask)
                ask = steps.send(answer)
        except StopIteration as end:
            return end.value


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_bench() -> type[Bench]:
    """For laws: a bench for each example."""
    return Bench


@pytest.fixture
def smbus_bench() -> Bench:
    """An adapter that knows SMBus transfers only, as i2c-stub does."""
    return Bench(raw=False)


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

    async def good(self) -> list[Reading]:
        """The next batch that is all GOOD, from now on."""
        return await self._next(Quality.GOOD)

    async def bad(self) -> list[Reading]:
        """The next batch that is all BAD, from now on."""
        return await self._next(Quality.BAD)

    async def _next(self, quality: Quality) -> list[Reading]:
        seen = len(self.batches)

        def found() -> list[list[Reading]]:
            return [
                batch
                for batch in self.batches[seen:]
                if batch and all(reading.quality is quality for reading in batch)
            ]

        await self.wait(found)
        return found()[0]


class Floor:
    """Drivers on one fake bus, each with an ear."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.ticks = Ticks()
        self.buses = I2cBuses(self.ticks, self.bus.open)
        self._tasks: dict[I2cDriver, asyncio.Task[None]] = {}

    def put(self, address: int, model: ChipModel):
        return self.bus.put(address, model)

    def make(self, chip: str, address: int, drive: bool = True, **options) -> I2cDriver:
        settings = I2cSettings(
            **{
                "driver": "i2c",
                "id": f"{chip}_{address:02x}",
                "chip": chip,
                "address": address,
                "poll_ms": 5,
                "back_off_max_ms": 250,
                **options,
            }
        )
        return I2cDriver(settings, self.ticks, self.buses, drive)

    def start(self, driver: I2cDriver) -> Ear:
        ear = Ear()
        self._tasks[driver] = asyncio.create_task(driver.run(ear))
        return ear

    async def stop(self, driver: I2cDriver) -> None:
        task = self._tasks.pop(driver)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def close(self) -> None:
        for driver in list(self._tasks):
            await self.stop(driver)


@pytest.fixture
async def floor() -> AsyncIterator[Floor]:
    floor = Floor()
    yield floor
    await floor.close()
