"""One rig for each driver: the device, and the hands that lose it, restore it and look into it.

A further driver joins the suite with a rig here; the tests need no change.
"""

import abc
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from banksman_drivers.fake.device import FakeDriver
from banksman_drivers.fake.modbus_server import Faults, ModbusServer
from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.ports import Burst, Driver, Reading, Value
from banksman_drivers.replay import ReplayDriver
from banksman_drivers.settings import (
    FakeSettings,
    ModbusOutput,
    ModbusPoint,
    ModbusTcpSettings,
    OutputSettings,
    PointSettings,
    ReplaySettings,
)


class Ticks:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class Sink:
    def __init__(self) -> None:
        self.batches: list[list[Reading]] = []
        self._news = asyncio.Event()

    def readings(self, batch: Sequence[Reading]) -> None:
        self.batches.append(list(batch))
        self._news.set()

    def burst(self, burst: Burst) -> None:
        self._news.set()

    async def until(self, condition: Callable[[list[Reading]], bool]) -> list[Reading]:
        """The next batch from now on for which ``condition`` holds."""
        seen = len(self.batches)
        while True:
            for batch in self.batches[seen:]:
                seen += 1
                if condition(batch):
                    return batch
            self._news.clear()
            await self._news.wait()


class Rig(abc.ABC):
    """A device with two sensors, ``level`` in kg and ``door``, and perhaps an output ``lamp``."""

    driver: Driver

    def __init__(self) -> None:
        self.sink = Sink()
        self.task: asyncio.Task[None] | None = None

    @abc.abstractmethod
    async def begin(self) -> None:
        """Bring the device up and make the driver."""

    @abc.abstractmethod
    async def lose(self) -> None: ...

    @abc.abstractmethod
    async def restore(self) -> None: ...

    async def end(self) -> None:
        return

    def refuse_commands(self) -> None:
        raise NotImplementedError

    def written(self) -> list[Value]:
        raise NotImplementedError

    async def closed(self) -> None:
        """Return when the device sees no connection of ours."""
        assert self.task is None

    def start(self) -> None:
        self.task = asyncio.create_task(self.driver.run(self.sink))

    async def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None


class FakeRig(Rig):
    async def begin(self) -> None:
        settings = FakeSettings(
            driver="fake",
            id="device",
            poll_ms=5,
            point=[PointSettings(name="level", unit="kg"), PointSettings(name="door", unit="flag")],
            output=[OutputSettings(name="lamp", safe=False)],
        )
        self.fake = FakeDriver(settings, Ticks())
        self.fake.set("level", 12.0)
        self.fake.set("door", 1)
        self.driver = self.fake

    async def lose(self) -> None:
        self.fake.lose("cable pulled")

    async def restore(self) -> None:
        self.fake.restore()

    def refuse_commands(self) -> None:
        self.fake.failing["device.lamp"] = "bulb broken"

    def written(self) -> list[Value]:
        return [applied.value for applied in self.fake.history["device.lamp"]]


class ModbusRig(Rig):
    async def begin(self) -> None:
        self.server = ModbusServer()
        self.server.memory.holding[0] = 12
        self.server.memory.discrete[0] = 1
        self.server.memory.coils[0] = 0
        await self.server.start()
        settings = ModbusTcpSettings(
            driver="modbus_tcp",
            id="device",
            host="127.0.0.1",
            port=self.server.port,
            poll_ms=5,
            back_off_max_ms=50,
            point=[
                ModbusPoint(name="level", unit="kg", table="holding", address=0),
                ModbusPoint(name="door", unit="flag", table="discrete", address=0, type="bit"),
            ],
            output=[ModbusOutput(name="lamp", safe=False, table="coil", address=0)],
        )
        self.driver = ModbusTcpDriver(settings, Ticks())

    async def lose(self) -> None:
        await self.server.stop()

    async def restore(self) -> None:
        await self.server.start()

    async def end(self) -> None:
        await self.server.stop()

    def refuse_commands(self) -> None:
        self.server.faults = Faults(exception=4)

    def written(self) -> list[Value]:
        return [bool(write.values[0]) for write in self.server.writes]

    async def closed(self) -> None:
        await self.server.until(lambda: self.server.connections == 0)


class ReplayRig(Rig):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "tape.csv"
        self.away = folder / "away.csv"

    async def begin(self) -> None:
        self.file.write_text("t,level,door\n0,12,1\n0.005,12,1\n")
        settings = ReplaySettings(
            driver="replay",
            id="device",
            file=str(self.file),
            loop=True,
            point=[PointSettings(name="level", unit="kg"), PointSettings(name="door", unit="flag")],
        )
        self.driver = ReplayDriver(settings, Ticks())

    async def lose(self) -> None:
        self.file.rename(self.away)

    async def restore(self) -> None:
        self.away.rename(self.file)


async def _lend(rig: Rig) -> AsyncIterator[Rig]:
    await rig.begin()
    yield rig
    await rig.cancel()
    await rig.end()


@pytest.fixture(params=["fake", "modbus", "replay"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each driver in turn."""
    makers = {"fake": FakeRig, "modbus": ModbusRig, "replay": lambda: ReplayRig(tmp_path)}
    async for each in _lend(makers[request.param]()):
        yield each


@pytest.fixture(params=["fake", "modbus"])
async def acting_rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each driver that has outputs."""
    async for each in _lend({"fake": FakeRig, "modbus": ModbusRig}[request.param]()):
        yield each
