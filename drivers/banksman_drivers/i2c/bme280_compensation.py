"""BME280: raw counts and trimming values to degC, Pa and %RH, in double precision. Pure.

Source: BST-BME280-DS002 (Bosch Sensortec), appendix 8.1 for the formulas in double precision and
table 16 for where the trimming values lie. Its fixed-point formulas (4.2.3) agree with
these to their own resolution; the tests hold the two beside each other.
"""

from __future__ import annotations

import math
import struct

import msgspec

TEMPERATURE_PRESSURE = struct.Struct("<HhhHhhhhhhhh")  # 0x88 to 0x9F: T1..T3, P1..P9


class Trimming(msgspec.Struct, frozen=True):
    """The chip's own calibration: T1..T3, P1..P9, H1..H6 as the data sheet names them."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...]


def trimming(low: bytes, h1: int, high: bytes) -> Trimming:
    """Unpack 0x88..0x9F (24 bytes), 0xA1 and 0xE1..0xE7 (7 bytes).

    H4 and H5 are 12-bit numbers that share the byte 0xE5.
    """
    numbers = TEMPERATURE_PRESSURE.unpack(low)
    h2, h3 = struct.unpack_from("<hB", high)
    msb4, shared, msb5, h6 = struct.unpack_from("<bBbb", high, 3)
    h4 = msb4 * 16 + (shared & 0x0F)
    h5 = msb5 * 16 + (shared >> 4)
    return Trimming(numbers[:3], numbers[3:], (h1, h2, h3, h4, h5, h6))


def fine_temperature(trim: Trimming, raw: int) -> float:
    """``t_fine``: what temperature, pressure and humidity are computed from; degC * 5120."""
    t1, t2, t3 = trim.t
    first = (raw / 16384 - t1 / 1024) * t2
    second = (raw / 131072 - t1 / 8192) ** 2 * t3
    return first + second


def temperature_degc(fine: float) -> float:
    """Temperature in degC."""
    return fine / 5120


def pressure_pa(trim: Trimming, fine: float, raw: int) -> float:
    """Pressure in Pa; NaN where the trimming would divide by zero."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = trim.p
    offset = fine / 2 - 64000
    bulk = offset * offset * p6 / 32768 + offset * p5 * 2
    bulk = bulk / 4 + p4 * 65536
    slope = (p3 * offset * offset / 524288 + p2 * offset) / 524288
    slope = (1 + slope / 32768) * p1
    if slope == 0:
        return math.nan
    pressure = (1048576 - raw - bulk / 4096) * 6250 / slope
    first = p9 * pressure * pressure / 2147483648
    second = pressure * p8 / 32768
    return pressure + (first + second + p7) / 16


def humidity_pct(trim: Trimming, fine: float, raw: int) -> float:
    """Relative humidity in %, kept within 0..100 as the data sheet does."""
    h1, h2, h3, h4, h5, h6 = trim.h
    warmth = fine - 76800
    humidity = (raw - (h4 * 64 + h5 / 16384 * warmth)) * (
        h2 / 65536 * (1 + h6 / 67108864 * warmth * (1 + h3 / 67108864 * warmth))
    )
    humidity *= 1 - h1 * humidity / 524288
    return min(100.0, max(0.0, humidity))
