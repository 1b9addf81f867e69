"""Continuous output of Toledo scales: the frame that many makes of terminals send unasked. Pure.

Rules of this file
- Only `ToledoError` is raised. Every bit that is fixed is checked: they are all that tells noise
  from a weight on a line without checksum.
- Source: Mettler-Toledo Wildcat technical manual (12/00), tables 6-8 to 6-11; short form without
  tare: Cardinal 225 installation manual, "Continuous output formats".

    STX SWA SWB SWC  w w w w w w  t t t t t t  CR [CHK]
         |   |   |   weight       tare         two's complement of the sum of all before
         |   |   unit (0 lb or kg, 1 g, 2 t, 3 oz, 4 ozt, 5 dwt, 6 ton), expanded x10
         |   net, negative, out of range, motion, kg, 1, not zeroed since power-up
         place of the point (2: none, 3: one decimal …), step, 1
"""

from __future__ import annotations

import math
import re

from banksman_drivers.serial_line.framing import CR, STX
from banksman_drivers.serial_line.weight import Weight

_FIXED = 0x20  # bit 5 of each status byte is always set
_DIGITS = re.compile(rb" *[0-9]{1,6}")
_UNITS = ("", "g", "t", "oz", "ozt", "dwt", "ton")

_NET, _NEGATIVE, _OUT_OF_RANGE, _MOTION, _KG, _NOT_ZEROED = 1, 2, 4, 8, 16, 64
_EXPANDED = 16


class ToledoError(ValueError):
    """The bytes are no such frame."""


def parse(frame: bytes, *, checksum: bool) -> Weight:
    """Read one frame without STX and CR, with the checksum behind it. Raises ToledoError."""
    body = frame
    if checksum:
        body, sent = frame[:-1], frame[-1:]
        if sent != check_byte(body):
            raise ToledoError("wrong checksum: check baud rate, parity and the cable")
    body = bytes(byte & 0x7F for byte in body)
    if len(body) not in (9, 15):
        raise ToledoError(f"{len(body)} characters between STX and CR instead of 15 or 9")
    first, second, third = body[:3]
    if not first & second & third & _FIXED:
        raise ToledoError("status bytes without their fixed bit: check baud rate and parity")
    unit = _unit(second, third)
    decimals = (first & 7) - 2 + bool(third & _EXPANDED)
    tare = _number(body[9:], decimals) if len(body) == 15 else None
    if second & (_OUT_OF_RANGE | _NOT_ZEROED):
        return Weight("out of range", math.nan, unit, tare=tare)
    value = _number(body[3:9], decimals)
    return Weight(
        "dynamic" if second & _MOTION else "stable",
        -value if second & _NEGATIVE else value,
        unit,
        bool(second & _NET),
        tare,
    )


def check_byte(body: bytes) -> bytes:
    """The checksum of a frame whose bytes between STX and CR are ``body``: seven bits."""
    return bytes([-(STX + sum(body) + CR) & 0x7F])


def _unit(second: int, third: int) -> str:
    code = third & 7
    if code == 0:
        return "kg" if second & _KG else "lb"
    if code == 7:
        raise ToledoError("the scale uses a unit of its own; set kg, g or lb on the scale")
    return _UNITS[code]


def _number(digits: bytes, decimals: int) -> float:
    if _DIGITS.fullmatch(digits) is None:
        raise ToledoError(f"{digits!r} is no weight")
    return float(digits) / 10.0**decimals
