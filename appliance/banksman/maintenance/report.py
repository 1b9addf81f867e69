"""An analysis as one self-contained page: no script, no font, no picture from elsewhere. Pure.

Rules of this file
- Whatever came from a file or a person is escaped.
- It shows what was concluded, on what evidence, and what could not be said and why: in that order.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from importlib import resources

import numpy as np

from banksman.maintenance.analysis import Analysis
from banksman.maintenance.bearings import FaultOrders
from banksman.maintenance.chart import Chart, Mark, draw, number
from banksman.maintenance.findings import Finding

ZOOM_ORDERS = 20
ZOOM_HZ = 500.0
SHOWN_SHAFT_ORDERS = 6
SEVERITY_WORDS = {
    "A": "as newly commissioned",
    "B": "acceptable for long running",
    "C": "not for long: plan a repair",
    "D": "severe enough to do damage",
    "unknown": "unknown",
}


def report(
    name: str, channel: str, unit: str, analysis: Analysis, orders: FaultOrders | None
) -> str:
    """The page as HTML text. ``name`` is the file's, ``channel`` which of its channels."""
    style = resources.files("banksman.maintenance").joinpath("report.css").read_text("utf-8")
    title = html.escape(f"{name} - {channel}")
    body = "".join(
        [
            _head(title, analysis, unit),
            _findings(analysis),
            _charts(analysis, unit, orders),
            _peaks(analysis.bearing),
            _features(analysis, unit),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )


def _head(title: str, analysis: Analysis, unit: str) -> str:
    seconds = analysis.samples / analysis.rate_hz
    facts = (
        f"{analysis.samples} samples, {seconds:.2f} s at {analysis.rate_hz:g} Hz, in {unit}. "
        f"Shaft: {analysis.speed_told}. {len(analysis.windows)} windows of "
        f"{analysis.window_samples / analysis.rate_hz:.2f} s."
    )
    return f"<header><h1>{title}</h1><p>{html.escape(facts)}</p></header>"


def _findings(analysis: Analysis) -> str:
    zone = analysis.severity
    cards = [
        _card("Bearing", analysis.bearing.words, analysis.bearing.reason, _mood(analysis.bearing)),
        _card("Shaft", analysis.rotor.words, analysis.rotor.reason, _mood(analysis.rotor)),
        _card(
            "ISO 20816-3",
            f"zone {zone.zone}: {SEVERITY_WORDS[zone.zone]}"
            if zone.zone != "unknown"
            else "zone unknown",
            zone.reason,
            {"A": "good", "B": "good", "C": "warn", "D": "bad"}.get(zone.zone, "unknown"),
        ),
    ]
    if analysis.flaws:
        told = "; ".join(flaw.reason for flaw in analysis.flaws)
        kinds = ", ".join(flaw.kind for flaw in analysis.flaws)
        cards.append(_card("Samples", kinds, told, "warn"))
    else:
        cards.append(_card("Samples", "no flaw found", "may be believed", "good"))
    return f'<section class="cards">{"".join(cards)}</section>'


def _card(head: str, words: str, reason: str, mood: str) -> str:
    return (
        f'<article class="{mood}"><h2>{html.escape(head)}</h2>'
        f"<strong>{html.escape(words)}</strong><p>{html.escape(reason)}</p></article>"
    )


def _mood(finding: Finding) -> str:
    moods = {"named": "bad", "suspected": "warn", "none": "good", "unknown": "unknown"}
    return "warn" if finding.fault == "bearing" else moods[finding.certainty]


def _charts(analysis: Analysis, unit: str, orders: FaultOrders | None) -> str:
    shaft_hz = analysis.shaft_hz
    charts = []
    if len(analysis.spectrum_rms):
        charts.append(
            Chart(
                "Spectrum, rms of each line",
                "Hz",
                unit,
                analysis.spectrum_rms,
                analysis.line_hz,
                analysis.line_hz,
                log_y=True,
            )
        )
        reach_hz = shaft_hz * ZOOM_ORDERS if shaft_hz else ZOOM_HZ
        charts.append(
            Chart(
                f"Spectrum up to {reach_hz:.0f} Hz",
                "Hz",
                unit,
                analysis.spectrum_rms[: max(2, math.ceil(reach_hz / analysis.line_hz))],
                analysis.line_hz,
                analysis.line_hz,
                marks=_shaft_marks(shaft_hz),
            )
        )
    shown = analysis.shown
    if shown is not None:
        charts.append(
            Chart(
                f"Envelope of {shown.low_hz:.0f} to {shown.high_hz:.0f} Hz, times the noise floor",
                "Hz",
                "times floor",
                np.maximum(shown.over_floor, 0.0),
                shown.step_hz,
                marks=_fault_marks(analysis, orders),
                level=1.0,
                level_name="noise floor",
            )
        )
    features = analysis.features
    if features is not None and len(features.rms) > 1:
        step_s = analysis.window_samples / analysis.rate_hz
        charts.append(Chart("Level, rms of each window", "s", unit, features.rms, step_s))
        charts.append(
            Chart(
                "Kurtosis of each window",
                "s",
                "kurtosis",
                features.kurtosis,
                step_s,
                level=3.0,
                level_name="noise",
            )
        )
    return f'<section class="charts">{"".join(draw(chart) for chart in charts)}</section>'


def _shaft_marks(shaft_hz: float | None) -> tuple[Mark, ...]:
    if not shaft_hz:
        return ()
    return tuple(
        Mark(order * shaft_hz, f"{order}x", "shaft") for order in range(1, SHOWN_SHAFT_ORDERS + 1)
    )


def _fault_marks(analysis: Analysis, orders: FaultOrders | None) -> tuple[Mark, ...]:
    """The evidence's own lines where there are any; otherwise where each fault would stand."""
    if analysis.bearing.peaks:
        return tuple(Mark(peak.frequency_hz, peak.label) for peak in analysis.bearing.peaks)
    if orders is None or not analysis.shaft_hz:
        return ()
    named = (
        ("FTF", orders.ftf),
        ("BPFO", orders.bpfo),
        ("2xBSF", 2 * orders.bsf),
        ("BPFI", orders.bpfi),
    )
    return tuple(Mark(order * analysis.shaft_hz, label, "place") for label, order in named)


def _peaks(finding: Finding) -> str:
    if not finding.peaks:
        return ""
    rows = [
        (
            peak.label,
            f"{peak.frequency_hz:.2f}",
            f"{peak.order:.3f}",
            f"{peak.times_floor:.1f}",
            f"{peak.chance:.1e}",
        )
        for peak in finding.peaks
    ]
    heads = ("line", "Hz", "order", "times floor", "chance in noise")
    return f"<section><h2>Evidence</h2>{_table(heads, rows)}</section>"


def _features(analysis: Analysis, unit: str) -> str:
    features = analysis.features
    if features is None:
        return ""
    named = (
        (f"rms, {unit}", features.rms),
        (f"peak, {unit}", features.peak),
        ("crest", features.crest),
        ("kurtosis (noise: 3)", features.kurtosis),
        (f"mean, {unit}", features.mean),
        ("impulsiveness of the most impulsive band (noise: 0)", features.impulsive),
    )
    rows = [
        (
            label,
            number(float(np.median(values))),
            number(float(values.min())),
            number(float(values.max())),
        )
        for label, values in named
    ]
    heads = ("feature", "median", "least", "greatest")
    return f"<section><h2>Features of the windows</h2>{_table(heads, rows)}</section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heads)
    lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
