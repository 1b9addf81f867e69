"""I2C on the kernel's own stub adapter: an ADC of words, a port expander of blocks.

A second chip on the bus keeps our driver changing its address: Linux asks who owns an address when
it is chosen, not at each transfer, so only then does a chip that the kernel took look busy to us.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from itertools import groupby

from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.i2c.port import open_port
from banksman_drivers.ports import Value
from banksman_drivers.settings.i2c import I2cOutput, I2cPoint, I2cSettings
from batch_sink import Ticks
from driver_rigs.base import Rig, Sink
from simulated.i2c import StubBus
from simulated.trace import KernelTrace, held

ADC, PINS, OTHER = 0x49, 0x20, 0x48
GPIO, OLAT, LAMP = 0x12, 0x14, 15  # MCP23017
TOS = 3  # LM75
PATIENCE_S = 30.0


class I2cStubRig(Rig):
    """What both have in common."""

    address: int

    async def begin(self) -> None:
        self._started = False
        self.trace = KernelTrace("contract", "smbus")
        self.stub = StubBus.load(self.address, OTHER)
        self.stub.set_word(OTHER, TOS, 0x5000)
        self.power()
        buses = I2cBuses(Ticks(), open_port)
        self.driver = I2cDriver(self.settings(), Ticks(), buses)
        other = I2cSettings(
            driver="i2c",
            id="other",
            bus=self.stub.path,
            chip="lm75",
            address=OTHER,
            poll_ms=10,
            point=[I2cPoint(name="room", unit="degC", channel="temperature")],
        )
        self._other = I2cDriver(other, Ticks(), buses)
        self._beside: asyncio.Task[None] | None = None

    def power(self) -> None:
        """Registers as the chip has them after power-up."""

    def settings(self) -> I2cSettings:
        raise NotImplementedError

    def start(self) -> None:
        self._started = True
        super().start()
        self._beside = asyncio.create_task(self._other.run(Sink()))

    async def cancel(self) -> None:
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beside
        await super().cancel()

    async def lose(self) -> None:
        self.stub.take(self.address)

    async def restore(self) -> None:
        self.stub.give(self.address)

    def refuse_commands(self) -> None:
        """As ``lose``; on return the driver has to choose the address anew before it can write."""
        self.stub.take(self.address)
        seen = self.trace.transfers(OTHER)
        limit_s = time.monotonic() + PATIENCE_S
        while self.trace.transfers(OTHER) == seen:
            assert time.monotonic() < limit_s, "the other chip is not polled"
            time.sleep(0.005)  # the bus has a thread of its own

    async def closed(self) -> None:
        while held("i2c"):
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        assert self.stub.unload(), "somebody still holds the bus"
        self.trace.close()


class I2cStubAdcRig(I2cStubRig):
    """An ADS1115 whose conversion register holds 1 V, whatever channel is asked for."""

    address = ADC

    def power(self) -> None:
        self.stub.set_word(ADC, 0, 8000)

    def settings(self) -> I2cSettings:
        return I2cSettings(
            driver="i2c",
            id="device",
            bus=self.stub.path,
            chip="ads1115",
            address=ADC,
            rate_hz=860,
            poll_ms=20,
            back_off_max_ms=250,
            point=[
                I2cPoint(name="level", unit="kg", channel="a0", scale=12),
                I2cPoint(name="door", unit="flag", channel="a1", scale=1, offset=0.0),
            ],
        )


class I2cStubPinsRig(I2cStubRig):
    """An MCP23017. ``written``: the lamp's latch as the kernel saw it written, the first apart."""

    address = PINS

    def power(self) -> None:
        self.stub.set(PINS, GPIO, 0b11)

    def settings(self) -> I2cSettings:
        return I2cSettings(
            driver="i2c",
            id="device",
            bus=self.stub.path,
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

    def written(self) -> list[Value]:
        blocks = self.trace.blocks(PINS, OLAT)
        levels = [bool(int.from_bytes(block, "little") >> LAMP & 1) for block in blocks]
        changes = [level for level, _ in groupby(levels)]
        return list(changes[1:] if self._started else changes)
