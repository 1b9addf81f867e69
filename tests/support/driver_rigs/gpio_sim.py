"""GPIO through gpiozero and lgpio, on the kernel's own simulated chip."""

from __future__ import annotations

import asyncio
from itertools import groupby

from banksman_drivers.gpio.available import real_chips
from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.gpio import GpioCounter, GpioOutput, GpioPoint, GpioSettings
from batch_sink import Ticks
from driver_rigs.base import Rig
from simulated.gpio import SimulatedChip
from simulated.trace import KernelTrace, held

PULSES, DOOR, LAMP = 1, 2, 5
LABEL = "contract"


class GpioSimRig(Rig):
    """``written``: the lamp's levels as the kernel saw them set, the first of a session apart."""

    async def begin(self) -> None:
        self._started = False
        self._trace = KernelTrace("contract", "gpio/gpio_value")
        self._chip = SimulatedChip.make(LABEL, lines=8)
        self._chip.drive(DOOR, 1)
        self._lamps = {self._chip.number(LAMP)}
        settings = GpioSettings(
            driver="gpio",
            id="device",
            chip=LABEL,
            poll_ms=20,
            back_off_max_ms=100,
            counter=[GpioCounter(name="level", unit="kg", line=PULSES, offset=12)],
            # Without a pull: asked for one, the simulated line would take it and forget the test's.
            point=[GpioPoint(name="door", line=DOOR, pull="none")],
            output=[GpioOutput(name="lamp", line=LAMP, safe=False)],
        )
        self.driver = GpioDriver(settings, Ticks(), real_chips("device"))

    def start(self) -> None:
        self._started = True
        super().start()

    async def lose(self) -> None:
        self._chip.unplug()

    async def restore(self) -> None:
        self._chip.plug()
        self._chip.drive(DOOR, 1)

    def refuse_commands(self) -> None:
        self._chip.unplug()

    def written(self) -> list[Value]:
        (lamp,) = self._lamps
        changes = [level for level, _ in groupby(self._trace.levels(lamp))]
        return list(changes[1:] if self._started else changes)

    async def closed(self) -> None:
        while held("/dev/gpiochip") or held("anon_inode:gpio"):
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        self._chip.remove()
        self._trace.close()
