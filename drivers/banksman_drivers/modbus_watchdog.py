"""The register in a PLC that we count up, so that it can drop its outputs when we stand still.

Rules of this file
- It tells progress, not life: no count without a whole poll lately, and none while not
  ``feeding`` (observe mode writes nothing; to the PLC we are then simply not there).
- The count goes on over reconnects, so the PLC sees change at the first feed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pymodbus.pdu.register_message import WriteSingleRegisterRequest

from banksman_drivers.condition import Condition
from banksman_drivers.modbus_line import Line
from banksman_drivers.modbus_link import Refused
from banksman_drivers.pace import Pace
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.modbus import ModbusWatchdog


class WatchdogRegister:
    """Feeds one register. ``trouble`` says what is wrong with it, empty when nothing is."""

    def __init__(self, settings: ModbusWatchdog, unit_id: int, condition: Condition) -> None:
        self.feeding = True
        self.trouble = ""
        self._address = settings.address
        self._period_s = settings.period_ms / 1e3
        self._unit_id = unit_id
        self._condition = condition
        self._count = 0

    async def feed(self, link: Line, progress: Callable[[], bool]) -> None:
        """Count up over ``link`` until it dies, as long as there is ``progress``."""
        loop = asyncio.get_running_loop()
        pace = Pace(self._period_s, loop.time())
        while link.problem is None:
            if self.feeding and progress():
                try:
                    await self._feed_once(link)
                except DeviceLost:
                    return
            await asyncio.sleep(max(0.0, pace.next_s(loop.time()) - loop.time()))

    async def _feed_once(self, link: Line) -> None:
        self._count = (self._count + 1) & 0xFFFF
        request = WriteSingleRegisterRequest(
            address=self._address, registers=[self._count], dev_id=self._unit_id
        )
        self._condition.requests += 1
        try:
            await link.ask(request)
        except Refused as refusal:
            self._condition.errors += 1
            self.trouble = f"watchdog register {self._address} refused: {refusal}"
        else:
            self.trouble = ""
