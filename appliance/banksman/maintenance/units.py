"""Units of vibration in the house's own (deciding/units.py), and what recordings call them. Pure.

Standard gravity is exact (ISO 80000-3): 1 gn = 9.80665 m/s2. In rules and the config ``g`` is the
gram; on an accelerometer's recording nobody means a gram, so here, and here only, it is ``gn``.
"""

from __future__ import annotations

from banksman.deciding.units import parse_unit

STANDARD_GRAVITY_MS2 = 9.80665
ALIASES = {
    "g": "gn",
    "mg": "mgn",
    "milli-g": "mgn",
    "m/s²": "m/s2",
    "mm/s²": "mm/s2",
    "ips": "in/s",
}
ACCELERATION = parse_unit("m/s2")
VELOCITY = parse_unit("m/s")


def kind_of(unit: str) -> str:
    """``acceleration``, ``velocity`` or, for anything else, an empty string."""
    known = parse_unit(ALIASES.get(unit, unit))
    if known.converts_to(ACCELERATION):
        return "acceleration"
    return "velocity" if known.converts_to(VELOCITY) else ""


def to_si(unit: str) -> float:
    """What one of the unit is in m/s2 or m/s."""
    return parse_unit(ALIASES.get(unit, unit)).factor
