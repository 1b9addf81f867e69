"""What the bus's thread hands to the control loop, and how chip values become readings. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from banksman_drivers.i2c.bursts import Block
from banksman_drivers.i2c.chip import Values
from banksman_drivers.points import judge
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.i2c import I2cPoint
from banksman_drivers.settings.i2c_chips import AXES

AXIS = {name: column for column, name in enumerate(AXES)}


class Polled(msgspec.Struct, frozen=True):
    """One poll came in. ``transfers``: how many it took; ``skipped``: polls given up so far."""

    readings: tuple[Reading, ...]
    bursts: tuple[Burst, ...]
    message: str
    transfers: int
    round_trip_us: float
    skipped: int


class Gone(msgspec.Struct, frozen=True):
    """The chip does not answer, or not as it should."""

    message: str


Report = Polled | Gone


def readings_of(
    device: str, points: Sequence[I2cPoint], values: Values, mono_ns: int
) -> tuple[Reading, ...]:
    """A reading of each point; a value at the end of the chip's range is UNCERTAIN."""
    batch = []
    for point in points:
        value = values.values.get(point.channel, math.nan) * point.scale + point.offset
        quality = judge(point, value, value)
        if quality is Quality.GOOD and point.channel in values.doubtful:
            quality = Quality.UNCERTAIN
        shown = math.nan if quality is Quality.BAD else value
        batch.append(Reading(f"{device}.{point.name}", shown, point.unit, quality, mono_ns))
    return tuple(batch)


def bursts_of(
    device: str, points: Sequence[I2cPoint], block: Block, doubt: bool
) -> tuple[Burst, ...]:
    """A burst of each point. ``doubt``: the rate is not what a healthy chip has."""
    bursts = []
    for point in points:
        samples = block.axes[:, AXIS[point.channel]]
        if point.scale != 1 or point.offset != 0:
            samples = samples * np.float32(point.scale) + np.float32(point.offset)
        else:
            samples = samples.copy()  # contiguous, and free of the other axes
        quality = judge(point, float(samples.min()), float(samples.max()))
        if quality is Quality.GOOD and (doubt or not block.whole):
            quality = Quality.UNCERTAIN
        bursts.append(
            Burst(
                sensor=f"{device}.{point.name}",
                samples=samples,
                rate_hz=block.rate_hz,
                unit=point.unit,
                quality=quality,
                mono_ns=block.last_ns,
            )
        )
    return tuple(bursts)
