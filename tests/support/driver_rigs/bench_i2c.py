"""I2C on a real bus: an MCP23017 whose first two pins are wired high."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.i2c.port import open_port
from banksman_drivers.ports import Value
from banksman_drivers.settings.i2c import I2cOutput, I2cPoint, I2cSettings
from batch_sink import Ticks
from driver_rigs.base import Rig
from driver_rigs.bench_bound import Bound
from simulated.trace import held

BUS = os.environ.get("BANKSMAN_I2C_BUS", "/dev/i2c-1")
PINS, OLATB, LAMP = 0x20, 0x15, 7


def _require_bus() -> None:
    if not Path(BUS).exists():
        pytest.skip(f"there is no {BUS}; BANKSMAN_I2C_BUS names the bus")


class BenchI2cRig(Rig):
    """``written``: the lamp's latch as the chip itself tells it."""

    async def begin(self) -> None:
        _require_bus()
        self._bound = Bound("BANKSMAN_I2C_DEVICE")
        settings = I2cSettings(
            driver="i2c",
            id="device",
            bus=BUS,
            chip="mcp23017",
            address=PINS,
            poll_ms=20,
            back_off_max_ms=250,
            point=[
                I2cPoint(name="level", unit="kg", channel="gpa0", scale=12),
                I2cPoint(name="door", unit="flag", channel="gpa1"),
            ],
            output=[I2cOutput(name="lamp", safe=False, channel="gpb7")],
        )
        self.driver = I2cDriver(settings, Ticks(), I2cBuses(Ticks(), open_port))

    async def lose(self) -> None:
        self._bound.take()

    async def restore(self) -> None:
        self._bound.give()

    def refuse_commands(self) -> None:
        self._bound.take()

    def written(self) -> list[Value]:
        import smbus2

        if not Path(BUS).exists():
            return []
        with smbus2.SMBus(BUS) as bus:
            is_on = bool(bus.read_byte_data(PINS, OLATB) >> LAMP & 1)
        # While it runs the lamp is off until somebody asks for it.
        return [is_on] if is_on or self.task is None else []

    async def closed(self) -> None:
        while held("i2c"):
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        self._bound.give()
