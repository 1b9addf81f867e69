"""What rules and MQTT see of a machine: its points as readings. Pure.

Rules of this file
- In the order of MACHINE_POINTS. What nobody knows is NaN, and BAD; the text says why.
- The worst of several sensors speaks: named before suspected before odd.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from banksman.config.schema_maintenance import MACHINE_POINTS
from banksman.maintenance.findings import Finding
from banksman.maintenance.hearing import Heard
from banksman.maintenance.integrity import Doubt
from banksman.maintenance.iso20816 import Severity
from banksman.maintenance.standing import Judgement, RowsNow, change_words
from banksman_drivers.ports import Quality, Reading

FAULT_CODES = {"none": 0.0, "unknown": 1.0, "suspected": 2.0, "named": 3.0}
ZONE_CODES = {"unknown": 0.0, "A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0}


class Told(msgspec.Struct, frozen=True):
    """The newest of everything, for rules and for the page."""

    judgement: Judgement
    heard: tuple[Heard, ...]
    learned: float
    wall_ns: int
    blind: bool  # no sensor gave anything in this window
    rows: RowsNow
    doubts: tuple[Doubt, ...] = ()  # sensors whose readings may not be believed as they are
    version: int = 1  # which normal of the machine it is judged by
    normal_since_s: float | None = None  # since 1970; None: nobody knows


def batch(machine: str, told: Told, mono_ns: int) -> list[Reading]:
    """One reading of each point of this machine."""
    judgement = told.judgement
    left = judgement.prognosis
    known = left.hours is not None
    finding = worst_finding([heard.finding for heard in told.heard])
    blocked = "; ".join(each.finding.reason for each in told.heard if finding is None)
    zone = worst_zone(told.heard)
    change = judgement.change
    values = {
        "verdict": (float(judgement.verdict), judgement.what),
        "deviation": (judgement.sigmas, judgement.what),
        "score": (judgement.score, judgement.scored),
        "change": (judgement.change_score, "" if change is None else change_words(change)),
        "fault": (
            math.nan if finding is None else FAULT_CODES[finding.certainty],
            blocked if finding is None else f"{finding.words}: {finding.reason}",
        ),
        "fault_confidence": (math.nan if finding is None else finding.confidence, ""),
        "zone": (
            math.nan if zone is None else ZONE_CODES[zone.zone],
            "" if zone is None else zone.reason,
        ),
        "growth": (100.0 * judgement.growth, ""),
        "remaining_known": (float(known), left.reason),
        "remaining": (math.nan if left.hours is None else left.hours, left.reason),
        "remaining_soonest": (left.low_hours if known else math.nan, left.reason),
        "remaining_latest": (left.high_hours if known else math.nan, left.reason),
    }
    readings = []
    for name, unit, _ in MACHINE_POINTS:
        value, text = values[name]
        quality = Quality.GOOD if math.isfinite(value) else Quality.BAD
        readings.append(Reading(f"{machine}.{name}", value, unit, quality, mono_ns, text))
    return readings


def worst_finding(findings: Sequence[Finding]) -> Finding | None:
    """The finding that most needs a person: named before suspected before odd; None without any."""
    told = [finding for finding in findings if finding.fault != "blocked"]
    return max(told, key=lambda each: (FAULT_CODES[each.certainty], each.confidence), default=None)


def unwell_of(heard: Sequence[Heard]) -> str:
    """What is wrong with a machine whatever its levels say, in words; "" for nothing."""
    finding, zone = worst_finding([each.finding for each in heard]), worst_zone(heard)
    if finding is not None and finding.certainty == "named":
        return f"it has a fault: {finding.words}"
    return "it is in ISO zone D" if zone is not None and zone.zone == "D" else ""


def worst_zone(heard: Sequence[Heard]) -> Severity | None:
    """The worst of all sensors; None without any."""
    zones = [each.severity for each in heard]
    return max(zones, key=lambda each: ZONE_CODES[each.zone], default=None)
