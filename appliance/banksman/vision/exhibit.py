"""An exhibit: the picture behind a decision, with its heat map, as it is kept and shown.

    ID.jpg     the whole frame, as filmed
    ID.json    this struct; the heat map is coarse and small enough to stand in it

``ID`` is the decision's; a pass that was drawn by chance has one of its own. Pure: values only.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

import msgspec
import numpy as np

from banksman.deciding.decision import NO_ACTION, Decision
from banksman.vision.finding import Finding
from banksman.vision.inspection import Inspection, Region
from banksman.vision.severity import Limits, Severity
from banksman.wire.messages import Priority

Answer = Literal["", "good", "defect"]
# What the picture shows nearly everywhere, and at most the hottest of good parts (1), is cold. Less
# than this above it is noise: a map is never stretched further.
HEAT_SPAN_MIN = 0.6
LABEL_CHARS = 64


class Heat(msgspec.Struct, frozen=True):
    """A coarse heat map: ``rows`` x ``columns`` bytes, base64; 0 is cold, 255 the hottest of it."""

    rows: int
    columns: int
    bytes: str


class Exhibit(msgspec.Struct, frozen=True):
    """What is known of a kept picture. ``answer`` is a person's, ``label`` their class's name.

    ``width`` and ``height`` are the picture's, ``region`` is what was looked at; ``score``,
    ``warning`` and ``critical`` are in rarity. ``picture_id`` names it on its way up.
    """

    id: str
    picture_id: str
    station: str
    wall_ns: int
    priority: Priority
    point: str
    action: str
    reason: str
    confidence: float
    review: bool
    severity: str
    bundle: str
    width: int
    height: int
    size_bytes: int = 0
    score: float | None = None
    warning: float | None = None
    critical: float | None = None
    label: str = ""
    sure_of_label: float = 0.0
    region: Region | None = None
    heat: Heat | None = None
    drawn: bool = False  # a pass that was drawn by chance (`passes`)
    sent: bool = False
    answer: Answer = ""
    answer_label: str = ""
    answered_by: str = ""
    answered_wall_ns: int = 0

    @property
    def waits(self) -> bool:
        """Whether a person shall look at it."""
        return (self.review or self.drawn) and not self.answer


def exhibit_of(
    decision: Decision,
    finding: Finding,
    station: str,
    picture_id: str,
    bundle: str,
    limits: Limits | None,
) -> Exhibit:
    """The exhibit of a decision and what was seen; raises ValueError without a picture."""
    severity = finding.severity
    return Exhibit(
        id=decision.id,
        picture_id=picture_id,
        station=station,
        wall_ns=decision.wall_ns,
        priority=urgency(severity, review=decision.review),
        point=decision.point,
        action=decision.action,
        reason=decision.reason,
        confidence=decision.confidence,
        review=decision.review,
        severity="unknown" if severity is None else severity.name.lower(),
        bundle=bundle,
        **_seen(finding, limits),
    )


def exhibit_of_pass(
    finding: Finding,
    station: str,
    exhibit_id: str,
    picture_id: str,
    wall_ns: int,
    one_in: int,
    bundle: str,
    limits: Limits | None,
) -> Exhibit:
    """The exhibit of a pass that was drawn by chance; raises ValueError without a picture."""
    seen = finding.inspection
    return Exhibit(
        id=exhibit_id,
        picture_id=picture_id,
        station=station,
        wall_ns=wall_ns,
        priority=Priority.BACKGROUND,
        point="",
        action=NO_ACTION,
        reason=f"it passed, and was drawn by chance: one pass in {one_in} is looked at by a person",
        confidence=seen.confidence if seen is not None else 0.0,
        review=False,
        severity="pass",
        bundle=bundle,
        drawn=True,
        **_seen(finding, limits),
    )


def _seen(finding: Finding, limits: Limits | None) -> dict[str, Any]:
    """What the picture and its inspection say, as fields of an Exhibit."""
    if finding.picture is None:
        raise ValueError(f"frame {finding.frame} has no picture")
    seen = finding.inspection
    return {
        "width": int(finding.picture.shape[1]),
        "height": int(finding.picture.shape[0]),
        "score": seen.score if seen is not None else None,
        "warning": limits.warning if limits is not None else None,
        "critical": limits.critical if limits is not None else None,
        "label": seen.label[:LABEL_CHARS] if seen is not None else "",
        "sure_of_label": seen.confidence if seen is not None else 0.0,
        "region": seen.region if seen is not None else None,
        "heat": heat_of(seen) if seen is not None else None,
    }


def urgency(severity: Severity | None, *, review: bool) -> Priority:
    """Stops before warnings and what waits for a person, and those before passes."""
    if severity is Severity.CRITICAL or severity is None:
        return Priority.IMPORTANT
    return Priority.NORMAL if severity is Severity.WARNING or review else Priority.BACKGROUND


def heat_of(seen: Inspection) -> Heat | None:
    """The inspection's heat map as bytes; None where it has none."""
    heat = seen.heat
    if heat is None or heat.ndim != 2 or not heat.size:
        return None
    finite = np.nan_to_num(heat, nan=0.0, posinf=0.0, neginf=0.0)
    cold = min(float(np.median(finite)), 1.0)
    span = max(float(finite.max()) - cold, HEAT_SPAN_MIN)
    levels = ((finite - cold).clip(0.0, span) * (255.0 / span)).astype(np.uint8)
    text = base64.b64encode(levels.tobytes()).decode("ascii")
    return Heat(int(heat.shape[0]), int(heat.shape[1]), text)
