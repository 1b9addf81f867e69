"""Imbalance, misalignment, looseness: what the lines of the shaft's own orders look like. Pure.

Rules of this file
- Only a machine that shakes too much has such a fault: without a zone C or D, or a rise over the
  machine's own baseline, lines at whole orders are how a healthy shaft looks, and nothing is said.
- A machine whose ISO group nobody gave shakes too much where it would in every group, and not where
  it would in none. Between, only a strong pattern is told, and only as "suspected".
- A spectrum alone cannot tell them apart for certain: phase or a tacho can. Without, ``suspected``.

    imbalance      1x rules: over 0.8 of what the shaft's lines carry together
    misalignment   2x (or 3x) at least half of 1x, and nothing far beyond
    looseness      half orders, or a long row of orders: 5 or more of 4x .. 10x over a tenth of 1x

Amplitudes are of velocity, as severity is. Patterns as in the fault tables of ISO 13373-3:2015; the
ratios are the usual ones of diagnostic charts, and rough: hence only "suspected".
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.findings import Fault, Finding, Peak
from banksman.maintenance.iso20816 import Severity, zones_of_any_machine
from banksman.maintenance.units import kind_of

Floats = npt.NDArray[np.float64]

ORDERS = 10
ROW_MIN = 5
OVER_FLOOR_MIN = 10.0  # in power: a line, not noise
REVOLUTIONS_MIN = 10


class Ratios(msgspec.Struct, frozen=True):
    """What makes a pattern: see the table at the top."""

    rules_share: float
    second_to_first: float
    row_to_first: float
    half_to_first: float


USUAL = Ratios(0.8, 0.5, 0.1, 0.2)
STRONG = Ratios(0.9, 1.0, 0.2, 0.4)


class Excess(msgspec.Struct, frozen=True):
    """Why a machine shakes too much (``words``, empty where it does not), and whether that is sure.

    Not ``sure``: it depends on the machine's group, which nobody gave.
    """

    words: str
    sure: bool = True


class ShaftLines(msgspec.Struct, frozen=True):
    """Amplitudes (rms) at orders 0.5, 1, 1.5 … 10 and each line's power over the noise there."""

    orders: Floats
    rms: Floats
    over_floor: Floats
    shaft_hz: float

    def at(self, order: float) -> float:
        """The amplitude at an order; 0 where it is no line."""
        index = round(2 * order) - 1
        return float(self.rms[index]) if self.over_floor[index] > OVER_FLOOR_MIN else 0.0


def shaft_lines(
    samples: npt.NDArray[np.floating], rate_hz: float, shaft_hz: float, integrate: bool
) -> ShaftLines:
    """The lines of a shaft in one record. ``integrate``: samples are accelerations.

    Raises ValueError where the record is under ten revolutions long.
    """
    count = len(samples)
    if not shaft_hz > 0 or count / rate_hz * shaft_hz < REVOLUTIONS_MIN:
        raise ValueError(f"a record of at least {REVOLUTIONS_MIN} revolutions is needed")
    centred = samples - np.mean(samples, dtype=np.float64)
    turn = 2 * np.pi * np.arange(count) / count
    spectrum = np.fft.rfft(centred * (0.5 - 0.5 * np.cos(turn)))
    hz = np.arange(len(spectrum)) * (rate_hz / count)
    size = np.abs(spectrum) * (2.0 * math.sqrt(2.0) / count)  # rms of a sine under a Hann window
    if integrate:
        size[1:] /= 2 * np.pi * hz[1:]
    orders = np.arange(1, 2 * ORDERS + 1) / 2
    rms, over = np.zeros(len(orders)), np.zeros(len(orders))
    step_hz = rate_hz / count
    around = max(4, round(0.2 * shaft_hz / step_hz))
    for index, order in enumerate(orders):
        middle = round(order * shaft_hz / step_hz)
        if middle + around >= len(size):
            break
        near = size[max(1, middle - 2) : middle + 3]
        beside = np.concatenate(
            (size[max(1, middle - around) : middle - 3], size[middle + 4 : middle + around + 1])
        )
        floor = float(np.median(beside)) if len(beside) else 0.0
        rms[index] = near.max()
        over[index] = (rms[index] / floor) ** 2 if floor > 0 else 0.0
    return ShaftLines(orders, rms, over, shaft_hz)


def rotor_finding(
    samples: npt.NDArray[np.floating],
    rate_hz: float,
    unit: str,
    shaft_hz: float | None,
    severity: Severity,
    phase_known: bool = False,
) -> Finding:
    """What the shaft's lines of one record say, or why nothing may be concluded from them.

    ``severity`` is the record's own (iso20816.py); ``phase_known``: the samples are by angle.
    """
    kind = kind_of(unit)
    if shaft_hz is None or not kind:
        why = "shaft lines need the speed and a unit of acceleration or velocity"
        return Finding("blocked", "unknown", 0.0, why)
    excess = excess_of(severity, shaft_hz)
    if excess is None:
        why = f"whether the machine shakes too much is unknown: {severity.reason}"
        return Finding("blocked", "unknown", 0.0, why)
    try:
        lines = shaft_lines(samples, rate_hz, shaft_hz, integrate=kind == "acceleration")
    except ValueError as error:
        return Finding("blocked", "unknown", 0.0, str(error))
    return name_rotor_fault(lines, excess, phase_known)


def excess_of(severity: Severity, shaft_hz: float) -> Excess | None:
    """Whether a machine shakes too much; None where its velocity or speed do not let one say."""
    zones = zones_of_any_machine(severity, shaft_hz * 60.0)
    if not zones:
        return None
    bad = zones & {"C", "D"}
    if not bad:
        return Excess("")
    if severity.zone != "unknown":
        return Excess(f"zone {severity.zone}")
    told = f"{severity.velocity_mm_s:.1f} mm/s, zone {' or '.join(sorted(bad))}"
    if bad == zones:
        return Excess(f"{told} in every machine group")
    return Excess(f"{told} in some machine groups; which is its own was not given", sure=False)


def name_rotor_fault(lines: ShaftLines, excess: Excess, phase_known: bool) -> Finding:
    """Name what the shaft's lines look like.

    ``excess`` says why the machine shakes more than it should ("zone C", "3 times its baseline").
    ``phase_known``: a tacho made the record synchronous.
    """
    if not excess.words:
        return Finding("none", "none", 0.5, "the machine shakes no more than it should")
    fault, why = _pattern(lines, USUAL if excess.sure else STRONG)
    if fault == "none":
        return Finding("none", "none", 0.5, f"{excess.words}, and {why}")
    if phase_known and excess.sure:
        return Finding(fault, "named", 0.8, f"{excess.words}: {why}", peaks=_peaks(lines))
    doubt = "" if phase_known else "; a tacho or the phase would decide"
    confidence = 0.5 if excess.sure else 0.3
    reason = f"{excess.words}: {why}{doubt}"
    return Finding(fault, "suspected", confidence, reason, peaks=_peaks(lines))


def _pattern(lines: ShaftLines, ratios: Ratios) -> tuple[Fault, str]:
    """The pattern and the numbers it is read from; "none" and why not."""
    first, second, third = lines.at(1), lines.at(2), lines.at(3)
    whole = [lines.at(order) for order in range(1, ORDERS + 1)]
    total = math.sqrt(sum(size * size for size in whole))
    if not total:
        return "none", "no line of the shaft stands out"
    halves = [lines.at(order + 0.5) for order in range(ORDERS)]
    row = sum(size > ratios.row_to_first * first for size in whole[3:])
    if row >= ROW_MIN or (first and max(halves) > ratios.half_to_first * first):
        return "looseness", f"{row} of 7 orders from 4x on, half orders up to {max(halves):.3g}"
    if max(second, third) >= ratios.second_to_first * first:
        return "misalignment", f"2x is {second:.3g} and 3x {third:.3g} beside 1x {first:.3g}"
    if first >= ratios.rules_share * total:
        share = 100 * (first / total) ** 2
        return "imbalance", f"1x is {share:.0f} % of the power in the shaft's lines"
    return "none", "the shaft's lines show no pattern"


def _peaks(lines: ShaftLines) -> tuple[Peak, ...]:
    found = [
        Peak(order * lines.shaft_hz, order, f"{order:g} x shaft", over, math.exp(-min(700.0, over)))
        for order, over in zip(lines.orders.tolist(), lines.over_floor.tolist(), strict=True)
        if over > OVER_FLOOR_MIN
    ]
    return tuple(sorted(found, key=lambda peak: peak.times_floor, reverse=True)[:8])
