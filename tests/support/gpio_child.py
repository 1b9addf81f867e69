"""A GpioDriver on the real gpiozero and lgpio, in a process of its own, by remote control.

Started with a JSON of its settings. It prints a line of JSON for each batch of readings, and one
for each answer; a line of its input is "run", the name of an output and a value ("lamp 1"),
"health", "safe", "fds", or "late" (an edge for a closed pin). At the end of its input it ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from banksman_drivers.gpio.available import real_chips
from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Command, DriverError
from banksman_drivers.settings.gpio import GpioSettings


class Ticks:
    mono_ns = staticmethod(time.monotonic_ns)


def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class Sink:
    def readings(self, batch):
        say(
            at_ns=batch[0].mono_ns,
            values={reading.sensor: reading.value for reading in batch},
            quality=min(int(reading.quality) for reading in batch),
        )


def open_descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def obey(driver, line):
    word, _, value = line.strip().partition(" ")
    if word == "health":
        health = driver.health()
        say(answer=health.state, message=health.message)
    elif word == "fds":
        say(answer=open_descriptors())
    elif word == "late":
        from banksman_drivers.gpio.lg_factory import LinePin
        from banksman_drivers.gpio.line_board import LineBoard

        ((_, info),) = LineBoard(32).find_pin(17)
        LinePin(None, info)._call_when_changed(7, 17, 1, 5)
        say(answer="nothing")
    elif word == "safe":
        await driver.to_safe()
        say(answer="safe")
    else:
        expires_ns = time.monotonic_ns() + 30_000_000_000
        command = Command("c1", f"{driver.id}.{word}", value == "1", expires_ns, "test")
        try:
            await driver.apply(command)
        except DriverError as error:
            say(answer=type(error).__name__, message=str(error))
        else:
            say(answer="done")


async def main():
    settings = GpioSettings.model_validate_json(sys.argv[1])
    driver = GpioDriver(settings, Ticks(), real_chips(settings.id))
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = None
    while line := (await reader.readline()).decode():
        if line.strip() == "run":
            running = asyncio.create_task(driver.run(Sink()))
        else:
            await obey(driver, line)
    if running is not None:
        running.cancel()
        await asyncio.wait([running])
        say(answer="ended", message=repr(running.cancelled() or running.exception()))


asyncio.run(main())
