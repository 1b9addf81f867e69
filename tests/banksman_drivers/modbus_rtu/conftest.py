"""A line with units on a pseudo-terminal, drivers on its bus, and sinks that can be awaited."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuLine
from banksman_drivers.modbus_rtu import Buses, ModbusRtuDriver
from banksman_drivers.ports import Command
from banksman_drivers.settings.modbus import ModbusPoint
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings
from batch_sink import BatchSink, Ticks


class Bench:
    """Drivers on one line."""

    def __init__(self, line: RtuLine) -> None:
        self.line = line
        self.ticks = Ticks()
        self.buses = Buses(self.ticks)
        self.drivers: dict[int, ModbusRtuDriver] = {}
        self.sinks: dict[int, BatchSink] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    def settings(self, unit: int, **options: Any) -> ModbusRtuSettings:
        points = [ModbusPoint(name="r0", table="holding", address=0)]
        defaults = {
            "id": f"u{unit}",
            "baud": 115_200,
            "parity": "none",
            "poll_ms": 5,
            "timeout_ms": 1000,
            "back_off_max_ms": 50,
            "point": points,
        }
        return ModbusRtuSettings(
            driver="modbus_rtu", port=self.line.port, unit_id=unit, **(defaults | options)
        )

    def unit(self, unit: int, *, start: bool = True, **options: Any) -> ModbusRtuDriver:
        """A driver for ``unit``, whose memory has ten registers and eight coils."""
        if unit not in self.line.units:
            memory = self.line.units[unit] = Memory()
            memory.holding.update({n: unit * 100 + n for n in range(10)})
            memory.coils.update(dict.fromkeys(range(8), 0))
        settings = self.settings(unit, **options)
        self.drivers[unit] = ModbusRtuDriver(settings, self.buses.of(settings), self.ticks)
        self.sinks[unit] = BatchSink()
        if start:
            self.start(unit)
        return self.drivers[unit]

    def start(self, unit: int) -> None:
        self.tasks[unit] = asyncio.create_task(self.drivers[unit].run(self.sinks[unit]))

    async def stop(self, unit: int) -> None:
        task = self.tasks.pop(unit)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def lost(self, unit: int) -> None:
        """Wait until ``unit`` is lost: on a busy machine it may be BAD before it was asked."""
        while self.drivers[unit].health().state != "lost":
            await self.sinks[unit].until(lambda batch: True)

    def command(self, output: str, value: Any, within_s: float = 60.0) -> Command:
        return Command("c1", output, value, time.monotonic_ns() + int(within_s * 1e9), "test")


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[RtuLine]:
    line = RtuLine(tmp_path / "rs485")
    line.plug()
    yield line
    line.unplug()


@pytest.fixture
async def bench(line: RtuLine) -> AsyncIterator[Bench]:
    bench = Bench(line)
    yield bench
    for unit in tuple(bench.tasks):
        await bench.stop(unit)
