"""A Modbus server with faults, drivers on it, and a sink that can be awaited."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from banksman_drivers.fake.modbus_server import ModbusServer
from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.ports import Command
from banksman_drivers.settings.modbus import (
    ModbusOutput,
    ModbusPoint,
    ModbusTcpSettings,
    ModbusWatchdog,
)
from batch_sink import BatchSink, Ticks


class Bench:
    """One driver on one server."""

    def __init__(self, server: ModbusServer, driver: ModbusTcpDriver) -> None:
        self.server = server
        self.driver = driver
        self.sink = BatchSink()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.driver.run(self.sink))

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.task = None

    def command(self, output: str, value: Any, within_s: float = 5.0) -> Command:
        return Command("c1", output, value, time.monotonic_ns() + int(within_s * 1e9), "test")


MakeBench = Callable[..., Bench]


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    server = ModbusServer()
    server.memory.holding.update({address: address * 10 for address in range(20)})
    server.memory.coils.update(dict.fromkeys(range(8), 0))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def bench(server: ModbusServer) -> AsyncIterator[MakeBench]:
    """Makes a started bench from points, outputs and any settings of the driver."""
    made: list[Bench] = []

    def make(
        points: Sequence[ModbusPoint] = (),
        outputs: Sequence[ModbusOutput] = (),
        watchdog: ModbusWatchdog | None = None,
        start: bool = True,
        **options: Any,
    ) -> Bench:
        settings = ModbusTcpSettings(
            driver="modbus_tcp",
            id="plc",
            port=server.port,
            **(
                {"host": "127.0.0.1", "poll_ms": 5, "timeout_ms": 200, "back_off_max_ms": 50}
                | options
            ),
            point=list(points),
            output=list(outputs),
            watchdog=watchdog,
        )
        bench = Bench(server, ModbusTcpDriver(settings, Ticks()))
        made.append(bench)
        if start:
            bench.start()
        return bench

    yield make
    for each in made:
        await each.stop()
