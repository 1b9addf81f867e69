"""Ordinary lines through gpiozero and lgpio on a kernel's GPIO chip: pulses, contacts, a belt."""

import asyncio
import time

import pytest

from banksman_drivers.gpio.available import real_chips
from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Command, Quality
from banksman_drivers.settings.gpio import (
    GpioCounter,
    GpioEncoder,
    GpioOutput,
    GpioPoint,
    GpioSettings,
)
from batch_sink import Ticks
from driver_rigs.base import Sink

pytestmark = pytest.mark.vm

PULSE, DOOR, A, B, LAMP = 1, 2, 3, 4, 5
PULSES = 100
TURNS = 10
MM = 0.5


@pytest.fixture
async def device(chip):
    """(driver, sink), running on the bench's chip."""
    settings = GpioSettings(
        driver="gpio",
        id="line",
        chip=chip.path,
        report_ms=5,
        counter=[GpioCounter(name="pieces", line=PULSE)],
        point=[GpioPoint(name="door", line=DOOR, debounce_ms=1)],
        encoder=[GpioEncoder(name="belt", line_a=A, line_b=B, mm_per_count=MM)],
        output=[GpioOutput(name="lamp", line=LAMP, safe=False)],
    )
    driver, sink = GpioDriver(settings, Ticks(), real_chips("line")), Sink()
    task = asyncio.create_task(driver.run(sink))
    await sink.until(lambda batch: all(reading.quality is Quality.GOOD for reading in batch))
    yield driver, sink
    task.cancel()
    await asyncio.wait([task])


async def value(sink, name, wanted):
    """Await a batch in which a sensor has this value."""

    def holds(batch):
        return any((each.sensor, each.value) == (f"line.{name}", wanted) for each in batch)

    async with asyncio.timeout(60):
        return await sink.until(holds)


async def test_every_one_of_a_hundred_pulses_is_counted_once(device, chip):
    _, sink = device
    for number in range(1, PULSES + 1):
        chip.drive(PULSE, 1)
        await value(sink, "pieces", number)
        chip.drive(PULSE, 0)
        await asyncio.sleep(0.02)  # the wire's rest: gpio-sim reads the level after the edge


async def test_a_contact_is_told_when_it_opens_and_closes(device, chip):
    _, sink = device
    for level in (1, 0, 1):
        chip.drive(DOOR, level)
        await value(sink, "door", level)


async def test_a_belt_goes_forward_and_back_to_where_it_was(device, chip):
    _, sink = device
    steps = [(A, 1), (B, 1), (A, 0), (B, 0)] * TURNS
    for number, (line, level) in enumerate(steps, 1):
        chip.drive(line, level)
        await value(sink, "belt_position", number * MM)
    for number, (line, level) in enumerate(reversed(steps), 1):
        chip.drive(line, 1 - level)
        await value(sink, "belt_position", (len(steps) - number) * MM)
    last = {each.sensor: each.value for each in sink.batches[-1]}
    assert last["line.belt_missed"] == 0


async def test_a_lamp_is_what_it_was_told_and_safe_at_the_end(device, chip):
    driver, _ = device
    for on in (True, False, True):
        expires_ns = time.monotonic_ns() + 5_000_000_000
        await driver.apply(Command("c", "line.lamp", on, expires_ns, "test"))
        assert chip.level(LAMP) == int(on)
