"""What a station tells of itself: its readings, its output, its figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from banksman.config.schema_vision import REJECT_OUTPUT, InspectionSettings
from banksman.status import InspectionStatus
from banksman.vision.finding import Tally
from banksman.vision.gate import Gate
from banksman.vision.in_use import Using
from banksman.vision.pace import Pace
from banksman_drivers.ports import OutputInfo, SensorInfo


def sensors_of(settings: InspectionSettings) -> Sequence[SensorInfo]:
    """Every reading."""
    name = settings.label or settings.id
    return [
        SensorInfo(f"{settings.id}.{point}", unit, f"{name}: {label}", settings.stale_ms)
        for point, unit, label in settings.points()
    ]


def outputs_of(settings: InspectionSettings) -> Sequence[OutputInfo]:
    """The mark on the newest part: it lives in this process and dies with it."""
    if settings.reject is None:
        return []
    label = f"{settings.label or settings.id}: mark the newest part"
    return [OutputInfo(f"{settings.id}.{REJECT_OUTPUT}", False, label, "guard", real=False)]


def status_of(
    settings: InspectionSettings,
    using: Using,
    tally: Tally,
    parts: int,
    gate: Gate | None,
    pace: Pace,
) -> InspectionStatus:
    """What the station itself knows; `desk` adds what lies on the disk."""
    now, limits = using.now, using.limits
    backends = now.backends() if now is not None else ()
    return InspectionStatus(
        id=settings.id,
        label=settings.label or settings.id,
        camera=settings.camera,
        bundle=using.version,
        backend=next((each.name for each in backends if each.state == "serving"), ""),
        backend_why="; ".join(f"{each.name}: {each.reason}" for each in backends if each.reason),
        inspect_p50_ms=pace.quantile_ms(0.5),
        inspect_p99_ms=pace.quantile_ms(0.99),
        why_none="" if now is not None else using.why_none,
        warning=limits.warning if limits is not None else None,
        critical=limits.critical if limits is not None else None,
        inspected=tally.inspected,
        failed=tally.failed,
        missed=tally.missed,
        frames_skipped=tally.frames_skipped,
        handed_late=tally.handed_late,
        codes_failed=tally.codes_failed,
        warnings=tally.warnings,
        criticals=tally.criticals,
        parts=parts,
        reject_waiting=len(gate.parts) if gate is not None else 0,
        reject_passed=gate.parts.passed if gate is not None else 0,
        reject_lost=gate.parts.lost if gate is not None else 0,
    )
