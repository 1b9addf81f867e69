"""GPIO through gpiozero, on the shipped chip."""

from __future__ import annotations

import errno

from banksman_drivers.fake.gpio_chip import FakeGpioChip
from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.gpio import GpioCounter, GpioOutput, GpioPoint, GpioSettings
from batch_sink import Ticks
from driver_rigs.base import Rig

PULSES, DOOR, LAMP = 4, 17, 22


class GpioRig(Rig):
    async def begin(self) -> None:
        self.board = FakeGpioChip()
        self.board.drive(DOOR, True)
        settings = GpioSettings(
            driver="gpio",
            id="device",
            poll_ms=5,
            back_off_max_ms=50,
            counter=[GpioCounter(name="level", unit="kg", line=PULSES, offset=12)],
            point=[GpioPoint(name="door", line=DOOR)],
            output=[GpioOutput(name="lamp", line=LAMP, safe=False)],
        )
        self.driver = GpioDriver(settings, Ticks(), self.board.open)

    async def lose(self) -> None:
        self.board.unplug()

    async def restore(self) -> None:
        self.board.plug()

    def refuse_commands(self) -> None:
        self.board.failing[LAMP] = errno.EIO

    def written(self) -> list[Value]:
        return [event.high for event in self.board.history[LAMP] if event.what == "set"]

    async def closed(self) -> None:
        assert self.board.idle
