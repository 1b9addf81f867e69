"""One recorded channel, analysed from end to end: what `banksman analyse` and a page show. Pure.

Rules of this file
- Integrity first: what it forbids is not concluded, and the finding says why.
- The record is cut into windows of a second (or what gives twenty revolutions); each is judged
  alone and remembered with the nine before it, as the daemon does.
- Nothing is guessed: no speed, no orders; no bearing, no name; no machine class, no zone.

    samples -> flaws -> features of each window -> bearing, window by window -> memory
                     -> ISO zone, shaft lines -> rotor faults
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.bearings import FaultOrders
from banksman.maintenance.cases import Diagnosis, EnvelopeShown
from banksman.maintenance.findings import Finding
from banksman.maintenance.integrity import Flaw, check_spectrum, check_window, forbidden
from banksman.maintenance.iso20816 import Foundation, Severity, severity
from banksman.maintenance.memory import Memory
from banksman.maintenance.naming import REVOLUTIONS_MIN, name_fault
from banksman.maintenance.orders import estimate_speed
from banksman.maintenance.rotor import rotor_finding
from banksman.maintenance.window import SAMPLES_MIN, Features, describe, line_powers

Floats = npt.NDArray[np.float64]

WINDOW_S = 1.0


class Machine(msgspec.Struct, frozen=True):
    """What is known of the machine; None is unknown."""

    unit: str = "gn"
    speed_rpm: float | None = None
    speed_nominal: bool = False  # from the plate: the true one is sought in the samples near it
    orders: FaultOrders | None = None
    group: int | None = None
    foundation: Foundation | None = None
    full_scale: float | None = None
    phase_known: bool = False  # the samples are by angle: a tacho made them


class Analysis(msgspec.Struct, frozen=True):
    """All that one channel says. ``spectrum_rms``: (lines,), line k at (k + 1) * ``line_hz``."""

    rate_hz: float
    samples: int
    window_samples: int
    shaft_hz: float | None
    speed_told: str
    flaws: tuple[Flaw, ...]
    features: Features | None
    spectrum_rms: Floats
    line_hz: float
    bearing: Finding
    windows: tuple[Finding, ...]
    shown: EnvelopeShown | None
    rotor: Finding
    severity: Severity


def analyse(samples: Floats, rate_hz: float, machine: Machine, seam_samples: int = 0) -> Analysis:
    """Analyse one channel, shape (n,).

    ``seam_samples``: the record is of gapless pieces this long. Raises ValueError for fewer samples
    than a window needs.
    """
    window = _window_samples(len(samples), rate_hz, machine, seam_samples)
    windows = _cut(samples, window, seam_samples)
    flaws = _flaws(windows, machine)
    whole = samples if not seam_samples else samples[:seam_samples]
    shaft_hz, told = _speed(whole, rate_hz, machine)
    finite = bool(np.isfinite(windows).all())
    features = describe(windows, rate_hz) if finite else None
    power = _mean_power(windows) if finite else np.zeros(0)
    findings, last = _bearing(windows, rate_hz, shaft_hz, machine, flaws)
    zone = _severity(whole, rate_hz, machine, shaft_hz, flaws)
    return Analysis(
        rate_hz=rate_hz,
        samples=len(samples),
        window_samples=window,
        shaft_hz=shaft_hz,
        speed_told=told,
        flaws=tuple(flaws),
        features=features,
        spectrum_rms=np.sqrt(power),
        line_hz=rate_hz / window,
        bearing=findings[-1],
        windows=tuple(findings),
        shown=last.shown,
        rotor=_rotor(whole, rate_hz, machine, shaft_hz, zone, flaws),
        severity=zone,
    )


def _window_samples(count: int, rate_hz: float, machine: Machine, seam_samples: int) -> int:
    """A second, or twenty-four revolutions where that is longer; never over a gapless piece."""
    seconds = WINDOW_S
    if machine.speed_rpm:
        seconds = max(seconds, 1.2 * REVOLUTIONS_MIN * 60.0 / machine.speed_rpm)
    window = min(round(seconds * rate_hz), seam_samples or count, count)
    if window < SAMPLES_MIN:
        raise ValueError(f"{window} samples are too few: a window needs {SAMPLES_MIN}")
    return window


def _cut(samples: Floats, window: int, seam_samples: int) -> Floats:
    """Windows that lie within gapless pieces, shape (n, window)."""
    piece = seam_samples or len(samples)
    pieces = samples[: len(samples) // piece * piece].reshape(-1, piece)
    return pieces[:, : piece // window * window].reshape(-1, window)


def _flaws(windows: Floats, machine: Machine) -> list[Flaw]:
    """Each kind of flaw once, as it was first seen, with the number of windows that have it."""
    seen: dict[str, tuple[Flaw, int]] = {}
    for window in windows:
        found = check_window(window, machine.unit, machine.full_scale)
        if not any(flaw.kind in ("numbers", "stuck") for flaw in found):
            spectrum = np.fft.rfft(window - window.mean())[1:]
            found += check_spectrum(line_powers(spectrum, len(window)))
        for flaw in found:
            first, times = seen.get(flaw.kind, (flaw, 0))
            seen[flaw.kind] = (first, times + 1)
    return [
        msgspec.structs.replace(
            flaw, reason=f"{flaw.reason} (in {times} of {len(windows)} windows)"
        )
        for flaw, times in seen.values()
    ]


def _speed(samples: Floats, rate_hz: float, machine: Machine) -> tuple[float | None, str]:
    if not machine.speed_rpm:
        return None, "unknown: give it with --rpm"
    given = machine.speed_rpm / 60.0
    if not machine.speed_nominal:
        return given, f"{given * 60:.1f} r/min, as given"
    found = estimate_speed(samples, rate_hz, given) if np.isfinite(samples).all() else None
    if found is None:
        return None, f"unknown: no shaft's lines lead near {given * 60:.0f} r/min; measure it"
    return found.shaft_hz, f"{found.shaft_hz * 60:.1f} r/min, estimated from its lines"


def _mean_power(windows: Floats) -> Floats:
    centred = windows - windows.mean(axis=1, keepdims=True)
    total = np.zeros(windows.shape[1] // 2)
    for window in centred:  # one at a time: a record of minutes would not fit twice
        total += line_powers(np.fft.rfft(window)[1:], len(window))
    return total / len(windows)


def _bearing(
    windows: Floats,
    rate_hz: float,
    shaft_hz: float | None,
    machine: Machine,
    flaws: list[Flaw],
) -> tuple[list[Finding], Diagnosis]:
    stopped = forbidden(flaws, "impacts")
    if stopped is None and machine.orders is None:
        why = "the bearing is not known: give its designation, dimensions or orders"
        stopped = Finding("blocked", "unknown", 0.0, why)
    if stopped is not None or machine.orders is None:
        return [stopped or Finding("none", "none", 0.0, "")], Diagnosis(
            Finding("none", "none", 0, "")
        )
    memory = Memory()
    told: list[Finding] = []
    strongest: dict[str, Diagnosis] = {}
    for window in windows:
        diagnosis = name_fault(window, rate_hz, shaft_hz or math.nan, machine.orders)
        told.append(memory.take(diagnosis.finding))
        fault = diagnosis.finding.fault
        before = strongest.get(fault)
        if before is None or diagnosis.finding.evidence >= before.finding.evidence:
            strongest[fault] = diagnosis
    last = told[-1]
    shown = strongest.get(last.fault, diagnosis)
    if last.fault not in ("none", "blocked"):
        times = sum(finding.fault == last.fault for finding in told)
        clearest = shown.finding
        told[-1] = msgspec.structs.replace(
            last,
            reason=f"in {times} of {len(told)} windows, clearest: {clearest.reason}",
            peaks=clearest.peaks,
            evidence=clearest.evidence,
            lead=clearest.lead,
        )
    return told, shown


def _severity(
    samples: Floats, rate_hz: float, machine: Machine, shaft_hz: float | None, flaws: list[Flaw]
) -> Severity:
    stopped = forbidden(flaws, "severity")
    if stopped is not None:
        return Severity("unknown", math.nan, stopped.reason)
    speed_rpm = None if shaft_hz is None else shaft_hz * 60
    return severity(samples, rate_hz, machine.unit, machine.group, machine.foundation, speed_rpm)


def _rotor(
    samples: Floats,
    rate_hz: float,
    machine: Machine,
    shaft_hz: float | None,
    zone: Severity,
    flaws: list[Flaw],
) -> Finding:
    stopped = forbidden(flaws, "lines")
    if stopped is not None:
        return stopped
    return rotor_finding(samples, rate_hz, machine.unit, shaft_hz, zone, machine.phase_known)
