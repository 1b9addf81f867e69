"""A weight as a scale tells it, and the units that scales use. Pure values.

The unit that a point declares need not be the one on the scale's display: both are converted
over the gram. The factors of pound, ounces and ton are exact (NIST Handbook 44, appendix C).
"""

from __future__ import annotations

from typing import Literal

import msgspec

GRAMS = {
    "mg": 1e-3, "g": 1.0, "kg": 1e3, "t": 1e6, "ct": 0.2,
    "lb": 453.59237, "oz": 28.349523125, "ozt": 31.1034768, "dwt": 1.55517384,
    "ton": 907184.74,
}  # fmt: skip


class Weight(msgspec.Struct, frozen=True):
    """What a scale says now. ``value`` is NaN when it is out of range or busy, as ``state`` tells.

    ``dynamic``: the load still moves. ``tare`` is in ``unit`` too, where the scale tells it.
    """

    state: Literal["stable", "dynamic", "overload", "underload", "out of range", "busy"]
    value: float
    unit: str = ""
    net: bool | None = None
    tare: float | None = None


def converted(value: float, unit: str, wanted: str) -> float | None:
    """``value`` in the wanted unit; None when the two cannot be converted."""
    if unit == wanted:
        return value
    if unit not in GRAMS or wanted not in GRAMS:
        return None
    return value * GRAMS[unit] / GRAMS[wanted]
