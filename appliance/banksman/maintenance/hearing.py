"""One vibration sensor of a machine, burst by burst: flaws, features, fault, zone. Pure.

Rules of this file
- Integrity first: what a flaw forbids is not concluded; the finding says why.
- A fault is named, and a zone told, from a second or twenty-four revolutions: gapless bursts are
  joined to that (joining.py). A burst between pauses is judged alone; too short a one says so.
- A rotor fault is told where nothing is said of the bearing, and never as more than suspected: no
  phase is known here.
- What is watched of it from window to window are its levels (levels.py).

    burst -> flaws -> levels of the window
          -> joined -> envelope -> fault, remembered over ten windows
                    -> velocity -> ISO 20816-3 zone -> the shaft's lines, where it shakes too much
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.config.schema_maintenance import MachineSettings, VibrationSettings
from banksman.maintenance.bearings import FaultOrders, bearing_orders
from banksman.maintenance.cases import Diagnosis, EnvelopeShown
from banksman.maintenance.findings import Finding
from banksman.maintenance.integrity import Flaw, check_spectrum, check_window, forbidden
from banksman.maintenance.iso20816 import Severity, severity
from banksman.maintenance.joining import Joined, Joining
from banksman.maintenance.levels import LEVELS, levels_of
from banksman.maintenance.memory import Memory
from banksman.maintenance.naming import REVOLUTIONS_MIN, name_fault
from banksman.maintenance.orders import estimate_speed
from banksman.maintenance.rotor import rotor_finding
from banksman.maintenance.window import SAMPLES_MIN, describe, line_powers
from banksman_drivers.ports import Burst, Quality

BURSTS_MAX = 256  # of one window; more are not described, and counted
QUIET_GAPS = 3  # a sensor that misses so many bursts says nothing any more
FIRST_GAP_S = 3600.0  # while there was one burst alone: battery sensors may take an hour
SPECTRUM_POINTS = 600  # of a spectrum that is shown
WINDOW_S = 1.0  # of what names a fault, or so long as the revolutions take
REVOLUTIONS = 1.2 * REVOLUTIONS_MIN

Floats = npt.NDArray[np.float64]


class Heard(msgspec.Struct, frozen=True):
    """What one sensor says now, for people and rules.

    ``spectrum_rms``: the newest burst's, peaks kept where lines were joined: point k holds the
    highest line up to (k + 1) * ``spectrum_step_hz``.
    """

    sensor: str
    unit: str
    finding: Finding
    severity: Severity
    flaws: tuple[Flaw, ...]
    shown: EnvelopeShown | None
    first_rms: tuple[float, ...]  # of the newest burst: line k at (k + 1) * line_hz
    line_hz: float
    shaft_hz: float | None
    spectrum_rms: Floats
    spectrum_step_hz: float


class Hearing:
    """One sensor; ``skipped`` counts bursts that were not judged."""

    def __init__(self, machine: MachineSettings, sensor: VibrationSettings) -> None:
        """Raises ValueError for a bearing that nobody knows."""
        self.name = sensor.sensor
        self.skipped = 0
        self._machine = machine
        self._full_scale = sensor.full_scale
        self._orders: FaultOrders | None = (
            None if sensor.bearing is None else bearing_orders(sensor.bearing)
        )
        self._memory = Memory()
        self._levels: list[Floats] = []
        slowest_s = REVOLUTIONS * 60 / machine.speed_rpm if machine.speed_rpm else WINDOW_S
        self._before_ns = 0
        self._gap_ns = round(FIRST_GAP_S * 1e9)
        self._joining = Joining(max(WINDOW_S, slowest_s), gapless=False)
        self._finding = Finding("none", "none", 0.0, "no whole window was heard yet")
        self._severity = Severity("unknown", math.nan, "no whole window was heard yet")
        self._shown: EnvelopeShown | None = None
        self.newest: Heard | None = None

    def take(self, burst: Burst, speed_rpm: float | None) -> None:
        """Judge one burst; tens of milliseconds for a second of 25.6 kHz, so not on a loop.

        ``speed_rpm`` is the tacho's, None: as configured.
        """
        samples = burst.samples
        if burst.quality is Quality.BAD or len(samples) < SAMPLES_MIN:
            self.skipped += 1
            return
        if self._before_ns:
            self._gap_ns = max(0, burst.mono_ns - self._before_ns)
        self._before_ns = burst.mono_ns
        windows, late = self._joining.take(burst)
        flaws = [*check_window(samples, burst.unit, self._full_scale), *late]
        if forbidden(flaws, "level") is not None and not np.isfinite(samples).all():
            self.skipped += 1
            return
        features = describe(samples[None, :], burst.rate_hz)
        spectrum = np.fft.rfft(samples - samples.mean(dtype=np.float64))[1:]
        powers_of_lines = line_powers(spectrum, len(samples))
        flaws += check_spectrum(powers_of_lines)
        shown, lines_each = peaks_of(np.sqrt(powers_of_lines), SPECTRUM_POINTS)
        if forbidden(flaws, "level") is None and len(self._levels) < BURSTS_MAX:
            self._levels.append(levels_of(features)[0])
        else:
            self.skipped += 1
        shaft_hz = self._shaft_hz(burst, speed_rpm)
        if windows:
            self._conclude(windows[-1], speed_rpm, flaws)
        elif self._joining.held_samples <= len(samples):  # nothing came right before it
            self._conclude(burst, speed_rpm, flaws)
        self.newest = Heard(
            sensor=self.name,
            unit=burst.unit,
            finding=self._finding,
            severity=self._severity,
            flaws=tuple(flaws),
            shown=self._shown,
            first_rms=tuple(features.first_rms[0].tolist()),
            line_hz=features.line_hz,
            shaft_hz=shaft_hz,
            spectrum_rms=shown,
            spectrum_step_hz=lines_each * burst.rate_hz / len(samples),
        )

    def now(self, mono_ns: int, window_s: float) -> Heard | None:
        """What it says, None when it has fallen silent: what was is no evidence for ever."""
        gap_ns = max(self._gap_ns, round(window_s * 1e9))
        if self.newest is not None and mono_ns - self._before_ns > QUIET_GAPS * gap_ns:
            self.newest = None
        return self.newest

    def level(self) -> Floats:
        """The window's levels, shape (LEVELS,), NaN without a burst; the next window begins."""
        if not self._levels:
            return np.full(LEVELS, np.nan)
        level: Floats = np.median(np.stack(self._levels), axis=0)
        self._levels.clear()
        return level

    def _conclude(self, piece: Burst | Joined, speed_rpm: float | None, flaws: list[Flaw]) -> None:
        shaft_hz = self._shaft_hz(piece, speed_rpm)
        diagnosis = self._diagnose(piece, shaft_hz, flaws)
        self._severity = self._zone(piece, shaft_hz, flaws)
        self._shown = diagnosis.shown
        self._finding = self._memory.take(diagnosis.finding)
        if self._finding.fault in ("none", "blocked") and forbidden(flaws, "lines") is None:
            rotor = rotor_finding(
                piece.samples, piece.rate_hz, piece.unit, shaft_hz, self._severity
            )
            if rotor.certainty == "suspected":
                self._finding = rotor

    def _shaft_hz(self, burst: Burst | Joined, speed_rpm: float | None) -> float | None:
        if speed_rpm is not None:
            return speed_rpm / 60.0 if speed_rpm > 0 else None
        given = self._machine.speed_rpm
        if given is None:
            return None
        if not self._machine.speed_nominal:
            return given / 60.0
        found = estimate_speed(burst.samples, burst.rate_hz, given / 60.0)
        return None if found is None else found.shaft_hz

    def _diagnose(
        self, burst: Burst | Joined, shaft_hz: float | None, flaws: list[Flaw]
    ) -> Diagnosis:
        stopped = forbidden(flaws, "impacts")
        if stopped is not None:
            return Diagnosis(stopped)
        if self._orders is None:
            return Diagnosis(Finding("none", "none", 0.0, "its bearing is not configured"))
        return name_fault(
            burst.samples, burst.rate_hz, math.nan if shaft_hz is None else shaft_hz, self._orders
        )

    def _zone(self, burst: Burst | Joined, shaft_hz: float | None, flaws: list[Flaw]) -> Severity:
        stopped = forbidden(flaws, "severity")
        if stopped is not None:
            return Severity("unknown", math.nan, stopped.reason)
        machine = self._machine
        return severity(
            burst.samples,
            burst.rate_hz,
            burst.unit,
            machine.group,
            machine.foundation,
            None if shaft_hz is None else shaft_hz * 60,
        )


def peaks_of(lines: Floats, points_max: int) -> tuple[Floats, int]:
    """At most so many points of a spectrum, and how many lines each holds: the highest is kept."""
    each = max(1, math.ceil(len(lines) / points_max))
    padded = np.pad(lines, (0, -len(lines) % each), constant_values=0.0)
    highest: Floats = padded.reshape(-1, each).max(axis=1)
    return highest, each
