"""One vibration sensor of a machine, burst by burst: flaws, features, fault, zone. Pure.

Rules of this file
- Integrity first: what a flaw forbids is not concluded; the finding says why.
- A fault is named, and a zone told, from a second or twenty-four revolutions: gapless bursts are
  joined to that (joining.py). A burst between pauses is judged alone; too short a one says so.
- With a tacho sampled beside it, lines and faults are read by angle: they stand still however the
  speed moves. Without, a window in which the speed sensor moved says nothing of lines.
- A rotor fault is told where nothing is said of the bearing, and never as more than suspected
  where no tacho made the record synchronous.
- What is watched of it from window to window are its levels (levels.py).

    burst -> flaws -> levels of the window
          -> joined -> (by angle) -> envelope -> fault, remembered over ten windows
                    -> velocity -> ISO 20816-3 zone -> the shaft's lines, where it shakes too much
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.config.schema_maintenance import MachineSettings, VibrationSettings
from banksman.maintenance.bearings import FaultOrders, bearing_orders
from banksman.maintenance.cases import Diagnosis, EnvelopeShown
from banksman.maintenance.findings import Finding
from banksman.maintenance.integrity import Flaw, check_burst, check_spectrum, forbidden
from banksman.maintenance.iso20816 import Severity, severity
from banksman.maintenance.joining import Joined, Joining
from banksman.maintenance.levels import LEVELS, believed, levels_of
from banksman.maintenance.memory import Memory
from banksman.maintenance.naming import REVOLUTIONS_MIN, name_fault
from banksman.maintenance.orders import ByAngle, estimate_speed
from banksman.maintenance.rotor import rotor_finding
from banksman.maintenance.tacho import turned_by
from banksman.maintenance.window import SAMPLES_MIN, describe, line_powers
from banksman_drivers.ports import Burst, Quality

BURSTS_MAX = 256  # of one window; more are not described, and counted
QUIET_GAPS = 3  # a sensor that misses so many bursts says nothing any more
FIRST_GAP_S = 3600.0  # while there was one burst alone: battery sensors may take an hour
SPECTRUM_POINTS = 600  # of a spectrum that is shown
WINDOW_S = 1.0  # of what names a fault, or so long as the revolutions take
REVOLUTIONS = 1.2 * REVOLUTIONS_MIN
MOVED_MAX = 0.02  # of the speed in a window: a bearing's third harmonics would smear over lines

Floats = npt.NDArray[np.float64]
Samples = npt.NDArray[np.floating]


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
    speed_told: str  # where that is from, or why it is not known
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
        self._tacho = Joining(max(WINDOW_S, slowest_s), gapless=False)
        self._shaft_hz: float | None = None
        self._speed_told = "not known yet"
        self._speeds: list[float] = []  # since the window began
        self._finding = Finding("none", "none", 0.0, "no whole window was heard yet")
        self._severity = Severity("unknown", math.nan, "no whole window was heard yet")
        self._shown: EnvelopeShown | None = None
        self.newest: Heard | None = None
        self.flaws: tuple[Flaw, ...] = ()  # of the newest burst
        self.unsure = False  # whether its driver doubted a burst of this window

    def take(self, burst: Burst, speed_rpm: float | None, tacho: Burst | None = None) -> None:
        """Judge one burst; tens of milliseconds for a second of 25.6 kHz, so not on a loop.

        ``speed_rpm`` is the speed sensor's, None: as configured. ``tacho`` was sampled beside the
        burst, of the same shape (tacho.py).
        """
        samples = burst.samples
        if burst.quality is Quality.BAD or len(samples) < SAMPLES_MIN:
            self.skipped += 1
            return
        if self._before_ns:
            self._gap_ns = max(0, burst.mono_ns - self._before_ns)
        self._before_ns = burst.mono_ns
        pulses: list[Joined] = [] if tacho is None else self._tacho.take(tacho)[0]
        if speed_rpm is not None and len(self._speeds) < BURSTS_MAX:
            self._speeds.append(speed_rpm)
        flaws = check_burst(burst, self._full_scale)
        self.unsure |= burst.quality is not Quality.GOOD
        if not np.isfinite(samples).all():
            self.skipped += 1
            self._believe_nothing(flaws)
            return
        features = describe(samples[None, :], burst.rate_hz)
        spectrum = np.fft.rfft(samples - samples.mean(dtype=np.float64))[1:]
        powers_of_lines = line_powers(spectrum, len(samples))
        flaws += check_spectrum(powers_of_lines)
        windows, late = self._joining.take(burst, flaws)
        flaws += late
        self.flaws = tuple(flaws)
        shown, lines_each = peaks_of(np.sqrt(powers_of_lines), SPECTRUM_POINTS)
        if forbidden(flaws, "level") is None and len(self._levels) < BURSTS_MAX:
            self._levels.append(believed(levels_of(features)[0], flaws))
        else:
            self.skipped += 1
        if windows:
            newest, seen = windows[-1], list(windows[-1].flaws)
            self._conclude(newest, pulses[-1] if pulses else None, speed_rpm, seen)
        elif self._joining.held_samples <= len(samples):  # nothing came right before it
            self._conclude(burst, tacho, speed_rpm, flaws)
        self.newest = Heard(
            sensor=self.name,
            unit=burst.unit,
            finding=self._finding,
            severity=self._severity,
            flaws=tuple(flaws),
            shown=self._shown,
            first_rms=tuple(features.first_rms[0].tolist()),
            line_hz=features.line_hz,
            shaft_hz=self._shaft_hz,
            speed_told=self._speed_told,
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
        levels = np.stack(self._levels)
        known = np.isfinite(levels).any(axis=0)
        level: Floats = np.full(LEVELS, np.nan)
        level[known] = np.nanmedian(levels[:, known], axis=0)
        self._levels.clear()
        self.unsure = False
        return level

    def rest(self, burst: Burst) -> None:
        """A burst of a machine that stands: it is not judged, and the sensor is not silent."""
        self.skipped += 1
        self._before_ns = burst.mono_ns

    def _believe_nothing(self, flaws: Sequence[Flaw]) -> None:
        """What was said before is no word on samples that are no numbers."""
        self.flaws = tuple(flaws)
        stopped = forbidden(flaws, "impacts")
        if self.newest is not None and stopped is not None:
            zone = Severity("unknown", math.nan, stopped.reason)
            self.newest = msgspec.structs.replace(
                self.newest, finding=stopped, severity=zone, flaws=self.flaws
            )

    def _conclude(
        self,
        piece: Burst | Joined,
        tacho: Burst | Joined | None,
        speed_rpm: float | None,
        flaws: list[Flaw],
    ) -> None:
        moved = self._moved()
        turned, untold = self._by_angle(piece, tacho)
        if turned is None:
            self._shaft_hz, self._speed_told = self._speed(piece, speed_rpm)
            self._speed_told += untold
            samples, rate_hz = piece.samples, piece.rate_hz
        else:
            self._shaft_hz, self._speed_told, moved = turned.shaft_hz, "by its tacho", ""
            samples, rate_hz = turned.samples.astype(np.float32), turned.rate_hz
        shaft_hz = self._shaft_hz
        diagnosis = self._diagnose(samples, rate_hz, shaft_hz, flaws, moved)
        self._severity = self._zone(piece, shaft_hz, flaws)
        self._shown = diagnosis.shown
        self._finding = self._memory.take(diagnosis.finding)
        quiet = self._finding.fault in ("none", "blocked")
        if quiet and not moved and forbidden(flaws, "lines") is None:
            known = turned is not None
            rotor = rotor_finding(samples, rate_hz, piece.unit, shaft_hz, self._severity, known)
            if rotor.certainty in ("suspected", "named"):
                self._finding = rotor

    def _speed(self, piece: Burst | Joined, speed_rpm: float | None) -> tuple[float | None, str]:
        """The shaft's speed in revolutions per second, None: unknown; and where it is from."""
        if speed_rpm is not None:
            told = f"by {self._machine.speed}"
            return (speed_rpm / 60.0, told) if speed_rpm > 0 else (None, f"{told}: it stands")
        given = self._machine.speed_rpm
        if given is None:
            return None, "not known"
        if not self._machine.speed_nominal:
            return given / 60.0, "as configured"
        found = estimate_speed(piece.samples, piece.rate_hz, given / 60.0)
        if found is None:
            return None, f"not found near {given:g} 1/min"
        return found.shaft_hz, f"estimated near {given:g} 1/min"

    def _by_angle(
        self, piece: Burst | Joined, tacho: Burst | Joined | None
    ) -> tuple[ByAngle | None, str]:
        """The window by angle; None and why not, where a tacho tells none."""
        settings = self._machine.tacho
        if settings is None:
            return None, ""
        beside = tacho is not None and tacho.mono_ns == piece.mono_ns
        if tacho is None or not beside or len(tacho.samples) != len(piece.samples):
            return None, f"; {settings.sensor} gave nothing beside this window"
        per_turn = settings.pulses_per_turn
        try:
            return turned_by(piece.samples, tacho.samples, piece.rate_hz, per_turn), ""
        except ValueError as error:
            return None, f"; {settings.sensor} tells no angle: {error}"

    def _moved(self) -> str:
        """How the speed sensor moved since the window began, "": it did not; the next begins."""
        low, high = min(self._speeds, default=0.0), max(self._speeds, default=0.0)
        self._speeds.clear()
        if high - low <= MOVED_MAX * high:
            return ""
        return f"the speed went from {low:.4g} to {high:.4g} 1/min: only a tacho sees through that"

    def _diagnose(
        self,
        samples: Samples,
        rate_hz: float,
        shaft_hz: float | None,
        flaws: list[Flaw],
        moved: str,
    ) -> Diagnosis:
        stopped = forbidden(flaws, "impacts")
        if stopped is not None:
            return Diagnosis(stopped)
        if moved:
            return Diagnosis(Finding("blocked", "unknown", 0.0, moved))
        if self._orders is None:
            return Diagnosis(Finding("none", "none", 0.0, "its bearing is not configured"))
        return name_fault(
            samples, rate_hz, math.nan if shaft_hz is None else shaft_hz, self._orders
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
