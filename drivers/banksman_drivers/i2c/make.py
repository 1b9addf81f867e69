"""From settings to the chip that they mean. Raises Unsupported for what a chip has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from banksman_drivers.i2c.ads1115 import Ads1115
from banksman_drivers.i2c.adxl345 import Adxl345
from banksman_drivers.i2c.bme280 import Bme280
from banksman_drivers.i2c.bursts import Collector
from banksman_drivers.i2c.chip import Chip
from banksman_drivers.i2c.fifo_clock import FifoClock
from banksman_drivers.i2c.ina219 import Ina219
from banksman_drivers.i2c.lis3dh import Lis3dh
from banksman_drivers.i2c.lm75 import Lm75
from banksman_drivers.i2c.mcp23017 import Mcp23017, Pin
from banksman_drivers.i2c.tmp117 import Tmp117
from banksman_drivers.ports import Unsupported
from banksman_drivers.settings.i2c import I2cSettings

PLAIN: dict[str, Callable[[], Chip]] = {"bme280": Bme280, "tmp117": Tmp117, "lm75": Lm75}


def make_chip(settings: I2cSettings, drive: bool) -> Chip:
    """The chip with these settings. Raises Unsupported naming what is wrong with them."""
    for flaw in settings.flaws():
        where = ".".join(str(step) for step in flaw.path)
        raise Unsupported(f"{settings.id}: {where}: {flaw.message}; {flaw.remedy}")
    match settings.chip:
        case "adxl345":
            return Adxl345(settings.nominal_hz, settings.range_gn)
        case "lis3dh":
            return Lis3dh(settings.nominal_hz, settings.range_gn)
        case "ads1115":
            channels = {point.channel for point in settings.points}
            return Ads1115(settings.nominal_hz, settings.full_scale_v, channels)
        case "ina219":
            return Ina219(settings.shunt_ohm)
        case "mcp23017":
            return _pins(settings, drive)
        case "bme280" | "tmp117" | "lm75":
            return PLAIN[settings.chip]()
        case _:
            assert_never(settings.chip)


def make_collector(settings: I2cSettings) -> Collector | None:
    """What makes bursts of an accelerometer's samples; None for other chips."""
    if not settings.facts.fifo:
        return None
    return Collector(FifoClock(settings.nominal_hz), settings.burst_samples)


def _pins(settings: I2cSettings, drive: bool) -> Mcp23017:
    return Mcp23017(
        outputs={
            output.channel: Pin(bool(output.safe), output.active_low) for output in settings.outputs
        },
        pull_ups=frozenset(point.channel for point in settings.points if point.pull_up),
        active_low=frozenset(point.channel for point in settings.points if point.active_low),
        drive=drive,
    )
