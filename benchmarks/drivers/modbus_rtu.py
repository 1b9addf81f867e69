"""drivers.rtu_*: 32 Modbus RTU units on one bus, polled as fast as the wire allows.

The bus is a process of its own that keeps a real wire's time (``wire/bus.py``): 100 % is a line on
which request, silence, answer and silence follow each other without a pause. Each unit has
a driver with ten registers, all in one loop, as the control thread has them.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec

from banksman.clock import SystemClock
from banksman_drivers.modbus_rtu import Buses, ModbusRtuDriver
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.modbus import ModbusPoint
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings
from benchmarks.context import Context
from benchmarks.drivers.wire.bus import Seen
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure

UNITS = 32
REGISTERS = 10
USE_PCT = 90.0
SETTLE_S = 1.5


class Run(msgspec.Struct, frozen=True):
    """One run: what the wire saw, the readings that were good and bad, and our CPU time."""

    seen: Seen
    good: int
    bad: int
    cpu_pct: float

    @property
    def use_pct(self) -> float:
        """How much of the wire's time was used."""
        return self.seen.least_s / self.seen.taken_s * 100


class Counting:
    """A sink that counts."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0

    def readings(self, batch: Sequence[Reading]) -> None:
        """Count the batch by quality."""
        good = sum(reading.quality is Quality.GOOD for reading in batch)
        self.good += good
        self.bad += len(batch) - good

    def burst(self, burst: Burst) -> None:
        """Modbus has none."""


def measure(context: Context) -> list[Figure]:
    """At the standard's own speed, and at six times that."""
    seconds = 4.0 if context.quick else 10.0
    return [
        *_at(context, 19_200, seconds, ""),
        *_at(context, 115_200, seconds, "_fast"),
    ]


def _at(context: Context, baud: int, seconds: float, suffix: str) -> list[Figure]:
    pressure = Pressure()
    runs = []
    for number in range(context.rounds):
        context.say(f"modbus_rtu: {UNITS} units at {baud} bit/s, round {number + 1}")
        runs.append(run(baud, seconds, pressure))
    turns = [turn for each in runs for turn in each.seen.turns.values()]
    note = (
        f"{UNITS} units x {REGISTERS} registers at {baud} bit/s, 11 bits a character; 100 % is a"
        f" wire without a pause; a unit had {min(turns)} to {max(turns)} turns a run;"
        f" {sum(each.seen.too_early for each in runs)} requests in the silence,"
        f" {sum(each.bad for each in runs)} bad readings"
    )
    return [
        figure(
            f"drivers.rtu_bus_use{suffix}", "%", [each.use_pct for each in runs],
            direction="higher", n=sum(turns), pressure_pct=pressure.pct,
            target=Target("value", USE_PCT), note=note,
        ),
        figure(
            f"drivers.rtu_cpu{suffix}", "%", [each.cpu_pct for each in runs], direction="lower",
            n=sum(turns), pressure_pct=pressure.pct, note="of one core, drivers alone",
        ),
    ]  # fmt: skip


def run(baud: int, seconds: float, pressure: Pressure) -> Run:
    """Poll for a while."""
    command = [sys.executable, "-m", "benchmarks.drivers.wire.bus"]
    command += [str(baud), str(UNITS), str(REGISTERS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().strip()

        def ask() -> Seen:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return msgspec.json.decode(process.stdout.readline(), type=Seen)

        try:
            return asyncio.run(_poll(port, baud, seconds, pressure, ask))
        finally:
            process.stdin.close()


async def _poll(
    port: str, baud: int, seconds: float, pressure: Pressure, ask: Callable[[], Seen]
) -> Run:
    clock = SystemClock()
    buses = Buses(clock)
    sink = Counting()
    tasks = []
    for unit in range(1, UNITS + 1):
        settings = _settings(port, baud, unit)
        driver = ModbusRtuDriver(settings, buses.of(settings), clock)
        tasks.append(asyncio.create_task(driver.run(sink)))
    await asyncio.sleep(SETTLE_S)
    await asyncio.to_thread(ask)
    sink.good = sink.bad = 0
    cpu_s = _cpu_s()
    with pressure:
        await asyncio.sleep(seconds)
        seen = await asyncio.to_thread(ask)
    cpu_pct = (_cpu_s() - cpu_s) / seconds * 100
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return Run(seen, sink.good, sink.bad, cpu_pct)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _settings(port: str, baud: int, unit: int) -> ModbusRtuSettings:
    points = [
        ModbusPoint(name=f"r{number}", table="holding", address=number)
        for number in range(REGISTERS)
    ]
    # A pseudo-terminal has no parity; two stop bits make the same 11 bits.
    return ModbusRtuSettings(
        driver="modbus_rtu",
        id=f"unit{unit}",
        port=port,
        unit_id=unit,
        baud=baud,
        parity="none",
        stop_bits=2,
        poll_ms=1,
        point=points,
    )
