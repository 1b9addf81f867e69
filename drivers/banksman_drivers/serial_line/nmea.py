"""NMEA 0183 sentences of a position receiver: checked, and made into numbers. Pure.

Rules of this file
- Only `NmeaError` is raised. A sentence without its checksum is none: noise would pass.
- A field that is empty is not known: it is left out of `Fix.values`, never 0.
- What the receiver itself does not trust (RMC "V", GGA quality 0, VTG mode "N") is told as NaN, so
  that the reading is BAD and not merely old.
- Source: NMEA 0183 version 4.10; field by field as in the receiver description of u-blox 8
  (UBX-13003221, chapter 31). SI units: knots become m/s.

    $GPGGA,123519.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*hh
     |     time      latitude   longitude   | |  |   altitude
     talker and sentence                    | |  HDOP        quality 0: no fix
                                            | satellites
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Sequence

import msgspec

SENTENCE_MAX = 120  # the standard says 82; receivers with many digits exceed it
KNOT_M_S = 1852 / 3600
KMH_M_S = 1 / 3.6

_SENTENCE = re.compile(r"\$([A-Z]{2}|P)([A-Z0-9]{3,8}),([\x20-\x7e]*)\*([0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[-+]?[0-9]{1,12}(\.[0-9]{0,12})?")
_DEGREES = re.compile(r"([0-9]{2,3})([0-9]{2}(?:\.[0-9]{0,12})?)")

FIELDS = {
    "latitude": "deg", "longitude": "deg", "altitude": "m", "speed": "m/s", "course": "deg",
    "satellites": "", "hdop": "", "fix": "",
}  # fmt: skip


class NmeaError(ValueError):
    """The line is no sentence, or says something impossible."""


class Fix(msgspec.Struct, frozen=True):
    """What one sentence tells: ``values`` by the names of `FIELDS`, NaN where it is not trusted.

    Empty for sentences that this file does not read.
    """

    sentence: str
    values: dict[str, float]


def parse(line: bytes) -> Fix:
    """Read one line without its end. Raises NmeaError."""
    if len(line) > SENTENCE_MAX:
        raise NmeaError(f"{len(line)} characters are too many for a sentence")
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError:
        raise NmeaError("not ASCII: check baud rate and parity") from None
    found = _SENTENCE.fullmatch(text)
    if found is None:
        raise NmeaError(f"{text[:40]!r} is no NMEA 0183 sentence")
    if int(found[4], 16) != checksum(text[1:-3]):
        raise NmeaError(f"{found[1]}{found[2]}: wrong checksum: check baud rate and cable")
    name = found[2]
    reader = _READERS.get(name) if found[1] != "P" else None
    return Fix(name, {} if reader is None else reader(found[3].split(",")))


def checksum(between: str) -> int:
    """Exclusive or of all characters between ``$`` and ``*``."""
    return functools.reduce(operator.xor, between.encode("ascii"), 0)


def sentence(between: str) -> bytes:
    """The whole line that says ``between``: with ``$``, checksum and line end."""
    return f"${between}*{checksum(between):02X}\r\n".encode("ascii")


def _gga(fields: Sequence[str]) -> dict[str, float]:
    """Fix data."""
    _at_least(fields, 11, "GGA")
    values = _numbers(fields, {"fix": 5, "satellites": 6, "hdop": 7})
    if not values.get("fix", 0.0):
        return {**values, "latitude": math.nan, "longitude": math.nan, "altitude": math.nan}
    if fields[9] == "M":
        values |= _numbers(fields, {"altitude": 8})
    return values | _position(fields[1:5])


def _rmc(fields: Sequence[str]) -> dict[str, float]:
    """Recommended minimum."""
    _at_least(fields, 9, "RMC")
    if fields[1] != "A":
        return dict.fromkeys(("latitude", "longitude", "speed", "course"), math.nan)
    values = _position(fields[2:6]) | _numbers(fields, {"speed": 6, "course": 7})
    if "speed" in values:
        values["speed"] *= KNOT_M_S
    return _with_course(values)


def _vtg(fields: Sequence[str]) -> dict[str, float]:
    """Course and speed over ground; the mode in the ninth field came with version 2.3."""
    _at_least(fields, 8, "VTG")
    if len(fields) > 8 and fields[8] == "N":
        return {"speed": math.nan, "course": math.nan}
    values = _numbers(fields, {"course": 0, "speed": 4})
    if "speed" in values:
        values["speed"] *= KNOT_M_S
    elif fields[6]:
        values["speed"] = _numbers(fields, {"speed": 6})["speed"] * KMH_M_S
    return _with_course(values)


def _gll(fields: Sequence[str]) -> dict[str, float]:
    """Position."""
    _at_least(fields, 6, "GLL")
    if fields[5] != "A":
        return {"latitude": math.nan, "longitude": math.nan}
    return _position(fields[:4])


_READERS: dict[str, Callable[[Sequence[str]], dict[str, float]]] = {
    "GGA": _gga, "RMC": _rmc, "VTG": _vtg, "GLL": _gll,
}  # fmt: skip


def _at_least(fields: Sequence[str], count: int, name: str) -> None:
    if len(fields) < count:
        raise NmeaError(f"{name} has {len(fields)} fields instead of {count} or more")


def _numbers(fields: Sequence[str], places: dict[str, int]) -> dict[str, float]:
    values = {}
    for name, place in places.items():
        text = fields[place]
        if not text:
            continue
        if _NUMBER.fullmatch(text) is None:
            raise NmeaError(f"{name} is {text[:20]!r}, which is no number")
        values[name] = float(text)
    return values


def _position(fields: Sequence[str]) -> dict[str, float]:
    latitude = _angle(fields[0], fields[1], "NS", 90.0)
    longitude = _angle(fields[2], fields[3], "EW", 180.0)
    if latitude is None or longitude is None:
        return {}
    return {"latitude": latitude, "longitude": longitude}


def _angle(text: str, side: str, sides: str, most: float) -> float | None:
    """In degrees: ``4807.038`` ``S`` is 48 degrees and 7.038 minutes south, so negative."""
    if not text and not side:
        return None
    found = _DEGREES.fullmatch(text)
    if found is None or side not in tuple(sides):
        raise NmeaError(f"{text[:20]!r} {side[:2]!r} is no position")
    degrees = float(found[1]) + float(found[2]) / 60
    if float(found[2]) >= 60 or degrees > most:
        raise NmeaError(f"{text[:20]!r} {side} is beyond the globe")
    return -degrees if side == sides[1] else degrees


def _with_course(values: dict[str, float]) -> dict[str, float]:
    if not 0 <= values.get("course", 0.0) <= 360:
        raise NmeaError(f"course {values['course']:g} is no direction")
    return values
