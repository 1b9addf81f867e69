"""A station's readings: one batch for each finding, in the order of the settings' points. Pure.

    finding ── debounce ── severity, part ── batch of Readings

Rules of this file
- A frame that could not be judged makes anomaly, severity, defect and confidence BAD, so that rules
  which name them take their safe action. ``part`` and ``frame`` stay good: that much is known.
- With a trigger ``part`` counts the parts; without one it counts findings: each time the debounced
  severity rises, as an edge.
- Codes come after the finding of their frame, in a batch of their own, so that no verdict waits for
  them; what was read last stays.
- A defect's class is a number from 1 in the order of the labels first met, and its name the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from banksman.config.schema_vision import InspectionSettings
from banksman.vision.debounce import Debounce
from banksman.vision.finding import Finding
from banksman.vision.severity import Severity
from banksman_drivers.ports import Quality, Reading

LABELS_MOST = 1000
GOOD = "good"  # the head's class of parts without a defect


class Teller:
    """One station's newest state as readings. ``points``: (name, unit) in order."""

    def __init__(self, station: str, points: Sequence[tuple[str, str]], debounce: Debounce) -> None:
        self.severity: Severity | None = None  # after the debounce
        self.part = 0
        self.codes = 0
        self._station = station
        self._points = points
        self._debounce = debounce
        self._labels: dict[str, int] = {}
        self._newest: Finding | None = None
        self._code = ""

    def take(self, finding: Finding) -> None:
        """The newest finding."""
        self._newest = finding
        self.part += finding.of_part
        if finding.severity is None:
            self._debounce.forget()
            self.severity = None
        else:
            self.severity = self._debounce.take(finding.severity)
            self.part += self._debounce.rose and not finding.of_part

    def read(self, codes: Sequence[str]) -> None:
        """Codes of the newest frame that had any."""
        self.codes += len(codes)
        self._code = codes[-1]

    def forget(self) -> None:
        """Nobody looked for a while: it is not known what passed."""
        self._debounce.forget()
        self.severity = None

    def batch(self, at_reject: bool | None, now_ns: int) -> list[Reading]:
        """All readings as of now. ``at_reject``: None makes it BAD."""
        told = self._told(at_reject)
        return [self._reading(name, unit, told, now_ns) for name, unit in self._points]

    def one(self, wanted: str, at_reject: bool | None, now_ns: int) -> list[Reading]:
        """Only that point."""
        told = self._told(at_reject)
        return [
            self._reading(name, unit, told, now_ns) for name, unit in self._points if name == wanted
        ]

    def _reading(
        self, name: str, unit: str, told: dict[str, tuple[float, str]], now_ns: int
    ) -> Reading:
        value, text = told[name]
        quality = Quality.BAD if math.isnan(value) else Quality.GOOD
        return Reading(f"{self._station}.{name}", value, unit, quality, now_ns, text)

    def _told(self, at_reject: bool | None) -> dict[str, tuple[float, str]]:
        finding = self._newest
        seen = finding.inspection if finding is not None else None
        severity, nan = self.severity, math.nan
        judged = severity is not None
        return {
            "anomaly": (seen.score if judged and seen else nan, ""),
            "severity": (nan, "") if severity is None else (severity, severity.name.lower()),
            "defect": (self._class(seen.label), seen.label) if judged and seen else (nan, ""),
            "confidence": (seen.confidence if judged and seen else nan, ""),
            "inspect_ms": (finding.took_ns / 1e6 if finding else nan, ""),
            "part": (float(self.part), ""),
            "frame": (float(finding.frame) if finding else nan, ""),
            "at_reject": (nan if at_reject is None else float(at_reject), ""),
            "code": (float(self.codes), self._code),
        }

    def _class(self, label: str) -> float:
        if label in ("", GOOD):
            return 0.0
        if label not in self._labels and len(self._labels) < LABELS_MOST:
            self._labels[label] = len(self._labels) + 1
        return float(self._labels.get(label, 0))


def teller_of(settings: InspectionSettings) -> Teller:
    """A station's."""
    points = [(name, unit) for name, unit, _ in settings.points()]
    return Teller(settings.id, points, Debounce(settings.needed, settings.of))
