"""Drivers of a fleet, as the control thread has them, that ask a vehicle in the aisle to pause.

Run as a process: ``python -m benchmarks.drivers.agvs.answerer PORT VEHICLES``. Each line it is told
is answered with its CPU seconds and resident kilobytes; it ends with its standard input.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from banksman.clock import SystemClock
from banksman_drivers.ports import Burst, Command, CommandFailed, Quality, Reading
from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050 import Vda5050Driver

MANUFACTURER = "bench"
AISLE_M = 15.0
EXPIRES_NS = 2_000_000_000


class Answer:
    """A sink with the least of a rule: x over 15 m asks for a pause."""

    def __init__(self, driver: Vda5050Driver) -> None:
        self._driver = driver
        self._sensor = f"{driver.id}.x"
        self._asked: asyncio.Task[None] | None = None

    def readings(self, batch: Sequence[Reading]) -> None:
        """Ask once, until the vehicle has confirmed."""
        x = next(one for one in batch if one.sensor == self._sensor)
        if x.quality is not Quality.GOOD or x.value < AISLE_M:
            return
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_task(self._ask())

    def burst(self, burst: Burst) -> None:
        """Vehicles have none."""

    async def _ask(self) -> None:
        expires_ns = time.monotonic_ns() + EXPIRES_NS
        output = f"{self._driver.id}.pause"
        try:
            await self._driver.apply(Command("c", output, True, expires_ns, "bench"))
        except CommandFailed as error:
            print(error, file=sys.stderr)


async def main(port: int, vehicles: int) -> None:
    """Until standard input ends."""
    clock = SystemClock()
    drivers = [
        Vda5050Driver(
            Vda5050Settings(
                driver="vda5050",
                id=f"agv{number}",
                port=port,
                manufacturer=MANUFACTURER,
                serial_number=f"agv{number}",
                stale_ms=5000,
            ),
            clock,
            clock.wall_ns,
        )
        for number in range(vehicles)
    ]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(driver.run(Answer(driver))) for driver in drivers]
        while await asyncio.to_thread(sys.stdin.readline):
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(used.ru_utime + used.ru_stime, _resident_kb(), flush=True)
        for task in running:
            task.cancel()


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
