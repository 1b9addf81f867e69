"""Severity by ISO 20816-3: the rms velocity of a machine's housing and the zone it lies in. Pure.

Rules of this file
- Unknown unless all is given: a machine group and its foundation, an acceleration or velocity in a
  unit we know, a sampling rate that carries 1 000 Hz, ten periods of the lowest frequency, a speed
  for which 10 Hz is the right lower end. A guessed zone would be taken for the standard's.
- Velocity is the integral of acceleration; in a spectrum that is a division by 2 pi f. Under 10 Hz
  the noise of an accelerometer would grow into metres per second, and the standard leaves it out.

    zone A | newly commissioned   B | may run for ever   C | not for long   D | damaging itself
           a_b                    b_c                    c_d

Source: ISO 20816-3:2022, annex A, table A.1: rms velocity on housings, 10 Hz to 1 000 Hz (from 2
Hz for machines under 600 r/min, which this file leaves unknown). The groups and limits are those
of ISO 10816-3:2009 without its pumps.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.units import kind_of, to_si

Foundation = Literal["rigid", "flexible"]
Zone = Literal["A", "B", "C", "D", "unknown"]

LOW_HZ, HIGH_HZ = 10.0, 1000.0
PERIODS_MIN = 10
RATE_TO_BAND_MIN = 2.56  # an anti-aliasing filter needs the room
SPEED_MIN_RPM, SPEED_MAX_RPM = 600.0, 30_000.0


class Limits(msgspec.Struct, frozen=True):
    """Upper ends of zones A, B and C, mm/s rms."""

    a_b: float
    b_c: float
    c_d: float


# Group 1: over 300 kW, or shaft height 315 mm and more. Group 2: 15 to 300 kW, or 160 to 315 mm.
LIMITS: dict[tuple[int, Foundation], Limits] = {
    (1, "rigid"): Limits(2.3, 4.5, 7.1),
    (1, "flexible"): Limits(3.5, 7.1, 11.0),
    (2, "rigid"): Limits(1.4, 2.8, 4.5),
    (2, "flexible"): Limits(2.3, 4.5, 7.1),
}


class Severity(msgspec.Struct, frozen=True):
    """The rms velocity in mm/s (NaN where it is not known) and its zone, with the reason."""

    zone: Zone
    velocity_mm_s: float
    reason: str
    limits: Limits | None = None


def severity(
    samples: npt.NDArray[np.floating],
    rate_hz: float,
    unit: str,
    group: int | None,
    foundation: Foundation | None,
    speed_rpm: float | None,
) -> Severity:
    """The zone of one record, shape (n,), measured on a bearing housing."""
    why = _why_no_velocity(len(samples), rate_hz, unit)
    if why:
        return Severity("unknown", float("nan"), why)
    velocity = velocity_mm_s(samples, rate_hz, unit)
    if group is None or foundation is None:
        why = "the machine's group (1 or 2) and foundation (rigid or flexible) are not given"
        return Severity("unknown", velocity, why)
    limits = LIMITS.get((group, foundation))
    if limits is None:
        return Severity("unknown", velocity, f"ISO 20816-3 has no group {group} on {foundation}")
    if speed_rpm is None or not SPEED_MIN_RPM <= speed_rpm <= SPEED_MAX_RPM:
        why = f"limits from 10 Hz hold for {SPEED_MIN_RPM:.0f} to {SPEED_MAX_RPM:.0f} r/min"
        return Severity("unknown", velocity, f"{why}; give the machine's speed", limits)
    zone = zone_of(velocity, limits)
    told = f"{velocity:.2f} mm/s rms, 10 to 1000 Hz; group {group}, {foundation} foundation"
    return Severity(zone, velocity, told, limits)


def zone_of(velocity: float, limits: Limits) -> Zone:
    """The zone of an rms velocity in mm/s; a limit itself still belongs to the better zone.

    "unknown" for one that is no number: no comparison with it holds, and D is a conclusion, too.
    """
    if math.isnan(velocity):
        return "unknown"
    if velocity <= limits.a_b:
        return "A"
    if velocity <= limits.b_c:
        return "B"
    return "C" if velocity <= limits.c_d else "D"


def zones_of_any_machine(severity: Severity, speed_rpm: float | None) -> frozenset[Zone]:
    """Where a machine whose group nobody gave may lie: its zone in each class of table A.1.

    Over 7.1 mm/s all of them say C or D, up to 2.8 mm/s none does worse than B. Empty where the
    velocity is not known or the limits do not hold for the speed.
    """
    if severity.zone != "unknown":
        return frozenset((severity.zone,))
    if speed_rpm is None or not SPEED_MIN_RPM <= speed_rpm <= SPEED_MAX_RPM:
        return frozenset()
    if not math.isfinite(severity.velocity_mm_s):
        return frozenset()
    return frozenset(zone_of(severity.velocity_mm_s, limits) for limits in LIMITS.values())


def velocity_mm_s(samples: npt.NDArray[np.floating], rate_hz: float, unit: str) -> float:
    """The rms velocity from 10 Hz to 1 kHz in mm/s, of an acceleration or a velocity.

    A Hann window keeps what lies under 10 Hz (gravity, drift) from leaking into the integral; its
    loss of power, 3/8, is given back.
    """
    count = len(samples)
    centred = samples - np.mean(samples, dtype=np.float64)
    turn = 2 * np.pi * np.arange(count) / count
    lines = np.fft.rfft(centred * (0.5 - 0.5 * np.cos(turn)))
    hz = np.arange(len(lines)) * (rate_hz / count)
    inside = (hz >= LOW_HZ) & (hz <= HIGH_HZ)
    power = np.abs(lines[inside]) ** 2 * (2.0 / (count * count) / 0.375)
    if kind_of(unit) == "acceleration":
        power = power / (2 * np.pi * hz[inside]) ** 2
    return float(np.sqrt(power.sum())) * to_si(unit) * 1e3


def _why_no_velocity(count: int, rate_hz: float, unit: str) -> str:
    if not kind_of(unit):
        return f"the unit {unit or '(none)'} is none of acceleration or velocity: gn, m/s2, mm/s …"
    if rate_hz < RATE_TO_BAND_MIN * HIGH_HZ:
        return f"sampled at {rate_hz:g} Hz, and 1000 Hz needs {RATE_TO_BAND_MIN * HIGH_HZ:.0f} Hz"
    lasts_s, needs_s = count / rate_hz, PERIODS_MIN / LOW_HZ
    if lasts_s < needs_s:
        return f"the record lasts {lasts_s:.2f} s, and 10 Hz needs {needs_s:.0f} s"
    return ""
