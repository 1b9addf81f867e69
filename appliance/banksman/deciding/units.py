"""Physical units: what a rule's quantity means in the unit of the sensor it is compared with.

Rules of this file
- A unit is a factor and an offset to SI, and its dimensions. Two units convert into each
  other when their dimensions are equal: ``bar`` and ``kPa``, ``V*A`` and ``W``.
- A symbol that the table does not have (``parts``) is a dimension of its own: it converts
  only into itself, so a slip of the pen cannot compare millimetres with degrees.
- A temperature and a difference of temperatures have the same dimension and convert
  differently (``ambiguous``); the rule compiler asks for one unit where it cannot tell.
"""

from __future__ import annotations

import difflib
import math
import re

import msgspec

# symbol -> (factor to SI, dimensions). Sources: SI Brochure 9th edition, tables 2 to 8;
# psi, degF and in: NIST SP 811, appendix B.
_TABLE: dict[str, tuple[float, str]] = {
    "m": (1.0, "m"),
    "km": (1e3, "m"),
    "cm": (1e-2, "m"),
    "mm": (1e-3, "m"),
    "um": (1e-6, "m"),
    "in": (0.0254, "m"),
    "s": (1.0, "s"),
    "ms": (1e-3, "s"),
    "us": (1e-6, "s"),
    "min": (60.0, "s"),
    "h": (3600.0, "s"),
    "d": (86_400.0, "s"),
    "kg": (1.0, "kg"),
    "g": (1e-3, "kg"),
    "mg": (1e-6, "kg"),
    "t": (1e3, "kg"),
    "A": (1.0, "A"),
    "mA": (1e-3, "A"),
    "V": (1.0, "kg m2 s-3 A-1"),
    "mV": (1e-3, "kg m2 s-3 A-1"),
    "kV": (1e3, "kg m2 s-3 A-1"),
    "Ohm": (1.0, "kg m2 s-3 A-2"),
    "W": (1.0, "kg m2 s-3"),
    "kW": (1e3, "kg m2 s-3"),
    "MW": (1e6, "kg m2 s-3"),
    "J": (1.0, "kg m2 s-2"),
    "kJ": (1e3, "kg m2 s-2"),
    "Wh": (3600.0, "kg m2 s-2"),
    "kWh": (3.6e6, "kg m2 s-2"),
    "Nm": (1.0, "kg m2 s-2"),
    "N": (1.0, "kg m s-2"),
    "kN": (1e3, "kg m s-2"),
    "Pa": (1.0, "kg m-1 s-2"),
    "hPa": (1e2, "kg m-1 s-2"),
    "kPa": (1e3, "kg m-1 s-2"),
    "MPa": (1e6, "kg m-1 s-2"),
    "mbar": (1e2, "kg m-1 s-2"),
    "bar": (1e5, "kg m-1 s-2"),
    "psi": (6894.757293168361, "kg m-1 s-2"),
    "Hz": (1.0, "s-1"),
    "kHz": (1e3, "s-1"),
    "MHz": (1e6, "s-1"),
    "rpm": (1 / 60, "s-1"),
    "l": (1e-3, "m3"),
    "ml": (1e-6, "m3"),
    "gn": (9.80665, "m s-2"),  # standard gravity; g is the gram
    "mgn": (9.80665e-3, "m s-2"),
    "rad": (1.0, "rad"),
    "deg": (math.pi / 180, "rad"),
    "K": (1.0, "K"),
    "degC": (1.0, "K"),
    "degF": (5 / 9, "K"),
    "diffF": (5 / 9, "K"),  # a difference in degF; one in degC is told in K
    "%": (0.01, ""),
    "ppm": (1e-6, ""),
    "1": (1.0, ""),
}
_OFFSETS = {"degC": 273.15, "degF": 459.67 * 5 / 9}
_ALIASES = {"°C": "degC", "°F": "degF", "°": "deg", "µm": "um", "µs": "us", "L": "l"}

_FACTOR = re.compile(r"([^\d\s*/^]+|1)\^?(-?\d)?")
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*")

Dimensions = tuple[tuple[str, int], ...]


class Unit(msgspec.Struct, frozen=True):
    """A unit as written; the value in SI is value * factor + offset."""

    text: str
    factor: float
    offset: float
    dimensions: Dimensions

    def converts_to(self, other: Unit) -> bool:
        """Whether a value in this unit can be told in the other."""
        return self.dimensions == other.dimensions

    @property
    def ambiguous(self) -> bool:
        """Whether a value may be a temperature or a difference of temperatures."""
        return self.dimensions == (("K", 1),)

    def same_scale(self, other: Unit) -> bool:
        """Whether the same number means the same in both."""
        return (self.factor, self.offset, self.dimensions) == (
            other.factor,
            other.offset,
            other.dimensions,
        )


NO_UNIT = Unit("", 1.0, 0.0, ())


def parse_unit(text: str) -> Unit:
    """The unit that ``text`` names: ``degC``, ``mm/s``, ``m3/h``, ``1/s``, ``parts``."""
    text = _ALIASES.get(text.strip(), text.strip())
    if not text:
        return NO_UNIT
    if text in _OFFSETS:
        factor, dimensions = _TABLE[text]
        return Unit(text, factor, _OFFSETS[text], _dimensions(dimensions))
    factor, exponents = 1.0, dict[str, int]()
    for sign, part in _parts(text):
        match = _FACTOR.fullmatch(part)
        if match is None:  # no compound of symbols: a unit of its own
            return Unit(text, 1.0, 0.0, ((text, 1),))
        symbol = _ALIASES.get(match[1], match[1])
        power = sign * int(match[2] or 1)
        part_factor, part_dimensions = _TABLE.get(symbol, (1.0, symbol))
        factor *= part_factor**power
        own = dict(_dimensions(part_dimensions)) if symbol in _TABLE else {symbol: 1}
        for base, exponent in own.items():
            exponents[base] = exponents.get(base, 0) + exponent * power
    return Unit(text, factor, 0.0, _sorted(exponents))


def parse_quantity(text: str) -> tuple[float, Unit] | None:
    """(80.0, degC) of ``"80 degC"``; None when it does not start with a number."""
    match = _QUANTITY.fullmatch(text)
    if match is None or not math.isfinite(value := float(match[1])):
        return None
    return value, parse_unit(match[2] or "")


def convert(value: float, source: Unit, target: Unit) -> float:
    """The value told in ``target``, cleaned of binary dust after 15 digits."""
    if source.same_scale(target):
        return value
    return float(f"{(value * source.factor + source.offset - target.offset) / target.factor:.15g}")


def product(left: Unit, right: Unit, sign: int) -> Unit:
    """The unit of ``left * right`` (sign 1) or ``left / right`` (sign -1), neither with offset."""
    exponents = dict(left.dimensions)
    for base, exponent in right.dimensions:
        exponents[base] = exponents.get(base, 0) + sign * exponent
    dimensions = _sorted(exponents)
    factor = left.factor * right.factor**sign
    if not dimensions and factor == 1.0:
        return NO_UNIT
    if dimensions == (("K", 1),) and factor == 1.0:
        return parse_unit("K")
    mark = "*" if sign > 0 else "/"
    text = f"{left.text or '1'}{mark}{right.text}" if right.text else left.text
    return Unit(text.removeprefix("1*"), factor, 0.0, dimensions)


def doubt(text: str) -> str | None:
    """A known symbol that an unknown one may have meant; None when nothing is near it."""
    for _, part in _parts(text.strip()):
        match = _FACTOR.fullmatch(part)
        symbol = _ALIASES.get(match[1], match[1]) if match else part
        if symbol in _TABLE:
            continue
        by_lower = {known.lower(): known for known in _TABLE}
        near = difflib.get_close_matches(symbol.lower(), by_lower, n=1, cutoff=0.75)
        if near:
            return by_lower[near[0]]
    return None


def _parts(text: str) -> list[tuple[int, str]]:
    """(1, "mm"), (-1, "s") of ``mm/s``."""
    pieces = re.split(r"([*/])", text)
    signs = [1] + [-1 if mark == "/" else 1 for mark in pieces[1::2]]
    return list(zip(signs, (piece.strip() for piece in pieces[::2]), strict=True))


def _dimensions(text: str) -> Dimensions:
    found = (re.fullmatch(r"([A-Za-z]+)(-?\d+)?", part) for part in text.split())
    return _sorted({match[1]: int(match[2] or 1) for match in found if match})


def _sorted(exponents: dict[str, int]) -> Dimensions:
    return tuple(sorted((base, power) for base, power in exponents.items() if power))
