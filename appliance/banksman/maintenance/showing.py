"""What a watch told, as page, API and command line show it. Pure.

Rules of this file
- Bounded: SPECTRUM_POINTS points of a spectrum with their peaks kept, the TRENDS_MAX trends that
  are furthest out. Every row is listed.
- Levels of vibration are logarithms inside; people are shown what a sensor would show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.cases import EnvelopeShown
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.hearing import SPECTRUM_POINTS, Heard, peaks_of
from banksman.maintenance.normals import Version
from banksman.maintenance.points import Told, worst_finding, worst_zone
from banksman.maintenance.rarity import Floats
from banksman.maintenance.shown import (
    EnvelopeDrawn,
    FlawShown,
    MachineBrief,
    MachineShown,
    RowShown,
    SensorShown,
    SpectrumShown,
    TrendShown,
    VersionShown,
)
from banksman.maintenance.standing import RowsNow, change_words

TRENDS_MAX = 12
DIGITS = 5  # that a plot can show
MS_PER_HOUR = 3_600_000.0


def brief_of(
    settings: MachineSettings,
    told: Told | None,
    condition: str,
    bursts_dropped: int,
    bursts_skipped: int,
) -> MachineBrief:
    """One machine at a glance; ``told`` is None before its first window."""
    if told is None:
        nothing = float("nan")
        return MachineBrief(
            id=settings.id, label=settings.label or settings.id, condition=condition, wall_ns=None,
            state=None, verdict="unknown", what="waits for its first window", sigmas=nothing,
            score=nothing, scored="", learned=0.0, blind=True, fault="", fault_certainty="unknown",
            fault_confidence=nothing, zone="unknown", hours=None, hours_low=0.0,
            hours_high=float("inf"), hours_reason="waits for its first window",
            bursts_dropped=bursts_dropped, bursts_skipped=bursts_skipped,
        )  # fmt: skip
    judgement = told.judgement
    finding = worst_finding([heard.finding for heard in told.heard])
    zone = worst_zone(told.heard)
    left = judgement.prognosis
    return MachineBrief(
        id=settings.id,
        label=settings.label or settings.id,
        condition=condition,
        wall_ns=told.wall_ns,
        state=judgement.state,
        verdict=judgement.verdict.name.lower(),
        what=judgement.what,
        sigmas=judgement.sigmas,
        score=judgement.score,
        scored=judgement.scored,
        learned=told.learned,
        blind=told.blind,
        fault="" if finding is None else finding.words,
        fault_certainty="unknown" if finding is None else finding.certainty,
        fault_confidence=float("nan") if finding is None else finding.confidence,
        zone="unknown" if zone is None else zone.zone,
        hours=left.hours,
        hours_low=left.low_hours,
        hours_high=left.high_hours,
        hours_reason=left.reason,
        bursts_dropped=bursts_dropped,
        bursts_skipped=bursts_skipped,
        since_s=judgement.since_s,
        change="" if judgement.change is None else change_words(judgement.change),
        growth=judgement.growth,
        hours_run=judgement.hours_run,
        runs=judgement.runs,
    )


def shown_of(
    brief: MachineBrief,
    told: Told | None,
    units: Mapping[str, str],
    versions: Sequence[Version] = (),
) -> MachineShown:
    """Everything; ``units`` of the slow sensors, ``versions``: its former normals.

    Some milliseconds, so not on a loop.
    """
    former = [VersionShown(each.number, each.began_s, each.ended_s, each.why) for each in versions]
    if told is None:
        return MachineShown(brief, (), (), (), versions=former)
    rows = told.rows
    names = [Verdict(int(each)).name.lower() for each in rows.verdict]
    listed = [
        RowShown(row.name, verdict, float(sigmas), int(version))
        for row, verdict, sigmas, version in zip(
            rows.rows, names, rows.sigmas, rows.version, strict=True
        )
    ]
    return MachineShown(
        brief,
        [_sensor(heard) for heard in told.heard],
        listed,
        [trend_of(rows, row, told.heard, units) for row in _furthest(rows)[:TRENDS_MAX]],
        told.version,
        told.normal_since_s,
        former,
    )


def trend_of(
    rows: RowsNow, row: int, heard: Sequence[Heard], units: Mapping[str, str]
) -> TrendShown:
    """One row's trend."""
    spec = rows.rows[row]
    name = spec.name
    levels = rows.levels[:, row] if len(rows.levels) else np.zeros(0)
    band = np.array([rows.low[row], rows.centre[row], rows.high[row]])
    forecast, unit = None, units.get(spec.sensor, "")
    if spec.kind in ("level", "loud"):
        # Of two limits that which comes first.
        forecast = next((each for each in rows.forecasts if each.sensor == name), None)
    if spec.kind in ("loud", "shape", "band"):
        levels, band = np.exp(levels), np.exp(band)
        units_heard = {each.sensor: each.unit for each in heard}
        unit = "" if spec.kind == "shape" else units_heard.get(spec.sensor, "")
    low, centre, high = band.tolist()
    return TrendShown(
        name=name,
        state=rows.state,
        unit=unit,
        wall_ms=[round(each * MS_PER_HOUR) for each in rows.hours.tolist()],
        levels=_short(levels),
        low=low,
        centre=centre,
        high=high,
        limit=None if forecast is None else forecast.limit,
        forecast=None if forecast is None else forecast.told,
    )


def _furthest(rows: RowsNow) -> list[int]:
    """Rows by verdict and sigmas, the worst first; those with a limit before the rest."""
    limited = {forecast.sensor for forecast in rows.forecasts}

    def rank(row: int) -> tuple[int, bool, float, int]:
        size = abs(float(rows.sigmas[row]))
        known = -1.0 if np.isnan(size) else size
        return -int(rows.verdict[row]), rows.rows[row].name not in limited, -known, row

    # What waits for its day, or for vectors, is nothing to draw yet.
    drawn = [
        row for row in range(len(rows.rows)) if len(rows.levels) and not _blank(rows.levels[:, row])
    ]
    return sorted(drawn, key=rank)


def _blank(levels: Floats) -> bool:
    return bool(np.isnan(levels).all())


def _sensor(heard: Heard) -> SensorShown:
    return SensorShown(
        sensor=heard.sensor,
        unit=heard.unit,
        words=heard.finding.words,
        finding=heard.finding,
        severity=heard.severity,
        flaws=[FlawShown(flaw.kind, flaw.forbids, flaw.reason) for flaw in heard.flaws],
        shaft_hz=heard.shaft_hz,
        speed_told=heard.speed_told,
        first=SpectrumShown(heard.line_hz, _short(np.array(heard.first_rms))),
        spectrum=SpectrumShown(heard.spectrum_step_hz, _short(heard.spectrum_rms)),
        envelope=None if heard.shown is None else _envelope(heard.shown),
    )


def _envelope(shown: EnvelopeShown) -> EnvelopeDrawn:
    lines, each = peaks_of(shown.over_floor, SPECTRUM_POINTS)
    spectrum = SpectrumShown(each * shown.step_hz, _short(lines))
    return EnvelopeDrawn(shown.low_hz, shown.high_hz, spectrum)


def _short(values: Floats) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]
