"""GPIO on a real chip: what stands on the wires is set and seen by lgpio, beside the driver."""

from __future__ import annotations

import asyncio
import os
from itertools import groupby

import lgpio

from banksman_drivers.gpio.available import real_chips
from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.gpio import GpioCounter, GpioOutput, GpioPoint, GpioSettings
from batch_sink import Ticks
from driver_rigs.base import Rig
from driver_rigs.bench_bound import Bound
from simulated.trace import held

CHIP = int(os.environ.get("BANKSMAN_GPIO_CHIP_NUMBER", "0"))
LINES = os.environ.get("BANKSMAN_GPIO_LINES", "20,16,21,12,26,19,13,6")


class BenchGpioRig(Rig):
    """``written``: the levels that came through the lamp's wire, the first of a session apart."""

    async def begin(self) -> None:
        drive, door, _, _, lamp, self._seen, _, pulses = map(int, LINES.split(","))
        self._drive, self._lamp = drive, lamp
        self._levels: list[bool] = []
        self._bound = Bound("BANKSMAN_GPIO_DEVICE")
        self._take_lines()
        settings = GpioSettings(
            driver="gpio",
            id="device",
            chip=f"/dev/gpiochip{CHIP}",
            poll_ms=20,
            back_off_max_ms=100,
            counter=[GpioCounter(name="level", unit="kg", line=pulses, offset=12)],
            point=[GpioPoint(name="door", line=door)],
            output=[GpioOutput(name="lamp", line=lamp, safe=False)],
        )
        self.driver = GpioDriver(settings, Ticks(), real_chips("device"))

    def _take_lines(self) -> None:
        self._chip = lgpio.gpiochip_open(CHIP)
        lgpio.gpio_claim_output(self._chip, self._drive, 1)
        lgpio.gpio_claim_alert(self._chip, self._seen, lgpio.BOTH_EDGES)
        self._callback = lgpio.callback(self._chip, self._seen, lgpio.BOTH_EDGES, self._edge)

    def _edge(self, _chip: int, _line: int, level: int, _tick: int) -> None:
        self._levels.append(bool(level))

    def _give_lines(self) -> None:
        self._callback.cancel()
        lgpio.gpiochip_close(self._chip)

    async def lose(self) -> None:
        self._give_lines()
        self._bound.take()

    async def restore(self) -> None:
        self._bound.give()
        self._take_lines()

    def refuse_commands(self) -> None:
        self._give_lines()
        self._bound.take()

    def written(self) -> list[Value]:
        # The wire is low before the first: only a level that differs is an edge.
        return [level for level, _ in groupby(self._levels)] or (
            [] if self.task is not None else [False]
        )

    async def closed(self) -> None:
        self._give_lines()
        while held("/dev/gpiochip") or held("anon_inode:gpio"):
            await asyncio.sleep(0.01)
        self._take_lines()

    async def end(self) -> None:
        self._bound.give()
        self._give_lines()
