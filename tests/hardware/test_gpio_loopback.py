"""Real lines of this box through gpiozero and lgpio: what goes out comes back.

Wiring (four jumpers, each with 1 kOhm in it, so that a wrong number harms nothing)

    GPIO 20 ──[ 1k ]── GPIO 16       output "a"  ->  encoder channel A
    GPIO 21 ──[ 1k ]── GPIO 12       output "b"  ->  encoder channel B
    GPIO 26 ──[ 1k ]── GPIO 19       output "out" -> contact "back"
    GPIO 13 ──[ 1k ]── GPIO 6        output "pulse" -> counter "pulses"

Nothing else may be on these lines. Other numbers: BANKSMAN_GPIO_LINES=20,16,21,12,26,19,13,6, in
the order in which they stand above; another chip: BANKSMAN_GPIO_CHIP=pinctrl-rp1.

Run

    .venv/bin/python -m pytest tests/hardware/test_gpio_loopback.py --hardware -rA
"""

import asyncio
import contextlib
import os
import time

import pytest

from banksman_drivers.gpio.driver import GpioDriver
from banksman_drivers.ports import Command, Quality
from banksman_drivers.settings.gpio import GpioSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

pytestmark = [pytest.mark.usefixtures("hardware"), pytest.mark.timeout(300)]

CHIP = os.environ.get("BANKSMAN_GPIO_CHIP", "/dev/gpiochip0")
LINES = os.environ.get("BANKSMAN_GPIO_LINES", "20,16,21,12,26,19,13,6")
QUARTERS = (("a", True), ("b", True), ("a", False), ("b", False))


class Loop:
    def __init__(self, driver, sink):
        self.driver = driver
        self.sink = sink

    async def set(self, output, value):
        expires_ns = time.monotonic_ns() + 5_000_000_000
        await self.driver.apply(Command("c", f"io.{output}", value, expires_ns, "bench"))

    async def until(self, sensor, value):
        def holds(batch):
            return any(
                reading.sensor == f"io.{sensor}" and reading.value == value for reading in batch
            )

        async with asyncio.timeout(10):
            if not (self.sink.batches and holds(self.sink.batches[-1])):
                await self.sink.until(holds)
        return self.sink.batches[-1]


@pytest.fixture
async def loop():
    from banksman_drivers.gpio.available import real_chips

    out_a, in_a, out_b, in_b, out, back, out_pulse, in_pulse = map(int, LINES.split(","))
    outputs = {"a": out_a, "b": out_b, "out": out, "pulse": out_pulse}
    settings = GpioSettings.model_validate(
        {
            "driver": "gpio",
            "id": "io",
            "chip": CHIP,
            "counter": [{"name": "pulses", "line": in_pulse}],
            "encoder": [{"name": "belt", "line_a": in_a, "line_b": in_b, "mm_per_count": 1.0}],
            "point": [{"name": "back", "line": back, "debounce_ms": 0}],
            "output": [
                {"name": name, "line": line, "safe": False} for name, line in outputs.items()
            ],
        }
    )
    driver, sink = GpioDriver(settings, Ticks(), real_chips("io")), Sink()
    task = asyncio.create_task(driver.run(sink))
    try:
        try:
            async with asyncio.timeout(10):
                await sink.until(lambda batch: all(r.quality is Quality.GOOD for r in batch))
        except TimeoutError:
            pytest.fail(driver.health().message)
        yield Loop(driver, sink)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_level_goes_round_and_its_edge_carries_the_kernels_time(loop, record_property):
    delays_us = []
    for number in range(200):
        before_ns = time.monotonic_ns()
        await loop.set("out", number % 2 == 0)
        batch = await loop.until("back", float(number % 2 == 0))
        assert batch[0].mono_ns >= before_ns
        delays_us.append((time.monotonic_ns() - before_ns) / 1e3)
    delays_us.sort()
    record_property("command to reading, p50 us", round(delays_us[100]))
    record_property("command to reading, p99 us", round(delays_us[198]))


async def test_a_thousand_pulses_are_a_thousand(loop, record_property):
    began_ns = time.monotonic_ns()
    for number in range(2000):
        await loop.set("pulse", number % 2 == 0)
    record_property("pulses/s", round(1000 / ((time.monotonic_ns() - began_ns) / 1e9)))
    await loop.until("pulses", 1000.0)


async def test_an_encoder_turns_there_and_back_without_a_missed_edge(loop):
    for quarters in (QUARTERS, QUARTERS[::-1]):
        for _ in range(100):
            for output, value in quarters:
                await loop.set(output, value if quarters is QUARTERS else not value)
        expected = 400.0 if quarters is QUARTERS else 0.0
        batch = await loop.until("belt_position", expected)
        assert {r.sensor: r.value for r in batch}["io.belt_missed"] == 0.0


async def test_to_safe_takes_the_wire_down(loop):
    await loop.set("out", True)
    await loop.until("back", 1.0)
    await loop.driver.to_safe()
    await loop.until("back", 0.0)
