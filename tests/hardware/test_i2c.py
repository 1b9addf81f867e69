"""A real bus with real chips. Run on the bench:

    .venv/bin/python -m pytest tests/hardware/test_i2c.py --hardware

Wiring (Raspberry Pi header, 400 kHz: dtparam=i2c_arm=on, dtparam=i2c_arm_baudrate=400000)

    pin 1  3.3 V ──┬───────────────┬──────────────┬─────────────┐
    pin 3  SDA  ───│──┬────────────│──┬───────────│──┬──────────│──┐
    pin 5  SCL  ───│──│──┬─────────│──│──┬────────│──│──┬───────│──│──┐
    pin 6  GND  ───│──│──│──┬──────│──│──│──┬─────│──│──│──┬────│──│──│──┐
                 ADXL345   0x53   BME280   0x76  TMP117  0x48  MCP23017 0x20
                 flat on the table               at room       gpa0 ── 1 kOhm ── gpb0

BANKSMAN_I2C_BUS names another bus than /dev/i2c-1. A chip that is not there is skipped by name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from banksman_drivers.i2c.bus import I2cBuses
from banksman_drivers.i2c.driver import I2cDriver
from banksman_drivers.i2c.port import open_port
from banksman_drivers.i2c.scan import scan
from banksman_drivers.ports import Burst, Command, Quality
from banksman_drivers.settings.i2c import I2cSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

BUS = os.environ.get("BANKSMAN_I2C_BUS", "/dev/i2c-1")
PATIENCE_S = 15.0


class Ear(Sink):
    """Keeps bursts too."""

    def __init__(self) -> None:
        super().__init__()
        self.bursts: list[Burst] = []

    def burst(self, burst: Burst) -> None:
        self.bursts.append(burst)
        super().burst(burst)


@pytest.fixture
def present(hardware):
    """The addresses that answer."""
    if not Path(BUS).exists():
        pytest.skip(f"there is no {BUS}")
    port = open_port(BUS)
    try:
        return {found.address for found in scan(port)}
    finally:
        port.close()


@pytest.fixture
async def start(present):
    """Run a driver: ``start("bme280", 0x76, point=[...])`` gives (driver, ear)."""
    tasks = []
    buses = I2cBuses(Ticks(), open_port)

    async def begin(chip, address, **options):
        if address not in present:
            pytest.skip(f"no {chip} at 0x{address:02x} of {BUS}")
        settings = I2cSettings(
            driver="i2c", id=chip, bus=BUS, chip=chip, address=address, **options
        )
        driver, ear = I2cDriver(settings, Ticks(), buses), Ear()
        tasks.append(asyncio.create_task(driver.run(ear)))
        return driver, ear

    yield begin
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def point(channel, unit):
    return {"name": channel, "channel": channel, "unit": unit}


async def good(ear):
    async with asyncio.timeout(PATIENCE_S):
        return await ear.until(lambda batch: all(r.quality is Quality.GOOD for r in batch))


async def test_an_accelerometer_on_the_table_feels_gravity_and_loses_no_sample(start):
    points = [point(axis, "gn") for axis in "xyz"]
    driver, ear = await start("adxl345", 0x53, rate_hz=800, burst_samples=256, point=points)
    async with asyncio.timeout(PATIENCE_S):
        while len(ear.bursts) < 3 * 20:
            await asyncio.sleep(0.05)
    x, y, z = (np.mean(burst.samples) for burst in ear.bursts[:3])
    assert 0.8 < float(np.sqrt(x * x + y * y + z * z)) < 1.2
    assert "overruns" not in driver.health().message
    assert 680 < ear.bursts[-1].rate_hz < 920


async def test_the_climate_is_that_of_a_room(start):
    points = [point("temperature", "degC"), point("pressure", "Pa"), point("humidity", "%")]
    _, ear = await start("bme280", 0x76, point=points)
    values = {reading.sensor: reading.value for reading in await good(ear)}
    assert 5 < values["bme280.temperature"] < 45
    assert 60_000 < values["bme280.pressure"] < 110_000
    assert 5 < values["bme280.humidity"] < 95


async def test_two_thermometers_agree(start):
    _, fine = await start("tmp117", 0x48, point=[point("temperature", "degC")])
    _, coarse = await start("bme280", 0x76, point=[point("temperature", "degC")])
    first, second = (await good(fine))[0].value, (await good(coarse))[0].value
    assert abs(first - second) < 5


async def test_a_pin_that_is_driven_is_seen_by_the_pin_beside_it(start):
    output = {"name": "out", "channel": "gpa0", "safe": False}
    driver, ear = await start("mcp23017", 0x20, point=[point("gpb0", "flag")], output=[output])
    assert (await good(ear))[0].value == 0.0
    for on in (True, False):
        expires_ns = time.monotonic_ns() + 1_000_000_000
        await driver.apply(Command("bench", "mcp23017.out", on, expires_ns, "bench"))
        async with asyncio.timeout(PATIENCE_S):
            await ear.until(lambda batch, on=on: batch[0].value == float(on))
