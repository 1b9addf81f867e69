"""Chips on the shipped fake bus: an ADC, and a port expander with pins both ways."""

from __future__ import annotations

from banksman_drivers.fake.i2c_bus import FakeBus, Seat
from banksman_drivers.fake.i2c_chips import FakeAds1115, FakeMcp23017
from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.i2c import I2cOutput, I2cPoint, I2cSettings
from batch_sink import Ticks
from driver_rigs.base import Rig

LAMP = 15


class I2cRig(Rig):
    """What both have in common."""

    seat: Seat

    def make(self, settings: I2cSettings) -> None:
        self.driver = I2cDriver(settings, Ticks(), I2cBuses(Ticks(), self.bus.open))

    async def lose(self) -> None:
        self.seat.absent = True

    async def restore(self) -> None:
        self.seat.absent = False

    async def closed(self) -> None:
        assert self.bus.opened == self.bus.closed


class I2cAdcRig(I2cRig):
    async def begin(self) -> None:
        self.bus = FakeBus()
        self.seat = self.bus.put(0x48, FakeAds1115(Ticks(), [3.0, 0.5, 0.0, 0.0]))
        self.make(
            I2cSettings(
                driver="i2c",
                id="device",
                chip="ads1115",
                address=0x48,
                rate_hz=860,
                poll_ms=5,
                back_off_max_ms=250,
                point=[
                    I2cPoint(name="level", unit="kg", channel="a0", scale=4),
                    I2cPoint(name="door", unit="flag", channel="a1", scale=2),
                ],
            )
        )


class I2cPinsRig(I2cRig):
    """``written`` counts what was put on the lamp's pin, the safe level of the start apart."""

    async def begin(self) -> None:
        self.bus = FakeBus()
        self.chip = FakeMcp23017()
        self.chip.levels = 0b11
        self.seat = self.bus.put(0x20, self.chip)
        self._started = False
        self.make(
            I2cSettings(
                driver="i2c",
                id="device",
                chip="mcp23017",
                address=0x20,
                poll_ms=5,
                back_off_max_ms=250,
                point=[
                    I2cPoint(name="level", unit="kg", channel="gpa0", scale=12),
                    I2cPoint(name="door", unit="flag", channel="gpa1"),
                ],
                output=[I2cOutput(name="lamp", safe=False, channel="gpb7")],
            )
        )

    def start(self) -> None:
        self._started = True
        super().start()

    def refuse_commands(self) -> None:
        self.chip.keeps_latch = True

    def written(self) -> list[Value]:
        levels = [level for pin, level in self.chip.history if pin == LAMP and level is not None]
        return list(levels[1:] if self._started else levels)
