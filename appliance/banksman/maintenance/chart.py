"""Line charts as SVG text: small enough to be drawn by us, so that a report needs no library. Pure.

Rules of this file
- A chart of a million points has as many as it has pixels: each column shows the least and
  greatest.
- Every text is escaped; every number is finite or left out. Colours are CSS variables of the page.
- A mark is a line of the spectrum with its name; names that would touch go to a lower row, and
  those that find no place are left off (the table below the chart has them all).

      ^  |      1 x BPFO        marks
      |  |      :   2 x BPFO
    y |  |      :   :
      |  |__/\\__/\\__/\\___
         +------------------> x
"""

from __future__ import annotations

import html
import math

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 40
LETTER_PX = 7.0
MARK_ROWS, ROW_PX = 3, 13
LEVELS_MAX = 6
DOT_REACH = 2  # points: a peak is a few wide
LEGEND_LETTER_PX = 5.8
LEGEND = {
    "fault": "line of the fault",
    "shaft": "order of the shaft",
    "place": "where a fault's first line would be",
}
DECADES_MAX = 6.0  # under a millionth of the greatest value there is nothing to see


class Mark(msgspec.Struct, frozen=True):
    """A place on the x axis worth naming. ``kind`` becomes a CSS class: fault, shaft or place."""

    x: float
    label: str
    kind: str = "fault"


class Chart(msgspec.Struct, frozen=True):
    """What to draw: y over evenly spaced x from ``x_first`` in steps of ``x_step``."""

    title: str
    x_label: str
    y_label: str
    y: Floats
    x_step: float
    x_first: float = 0.0
    log_y: bool = False
    marks: tuple[Mark, ...] = ()
    level: float | None = None  # a horizontal line, such as the noise floor
    level_name: str = "level"


def draw(chart: Chart) -> str:
    """The chart as an SVG element. Empty data give a chart that says so."""
    shown = np.where(np.isfinite(chart.y), chart.y, np.nan)
    name = html.escape(chart.title, quote=True)
    head = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
        f'<text class="title" x="{LEFT}" y="16">{name}</text>'
    )
    if not len(shown) or not bool(np.isfinite(shown).any()):
        return f'{head}<text class="axis" x="{LEFT}" y="{HEIGHT / 2:.0f}">no data</text></svg>'
    frame = _Frame(chart, shown)
    marks, names = frame.marks(shown)
    parts = [head, *_legend(chart), *frame.grid(), *marks]
    if chart.level is not None:
        at = frame.down(chart.level)
        parts.append(f'<path class="level" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
    # Names and dots lie upon the line; a halo of the card's colour keeps them readable.
    parts.append(f'<path class="line" d="{frame.path(shown)}"/>{"".join(names)}</svg>')
    return "".join(parts)


def _legend(chart: Chart) -> list[str]:
    """What the strokes mean, at the right above the chart; nothing where there is only one."""
    kinds = sorted({mark.kind for mark in chart.marks})
    entries = [(f"mark {kind}", LEGEND.get(kind, kind)) for kind in kinds]
    if chart.level is not None:
        entries.append(("level", chart.level_name))
    right = float(WIDTH - RIGHT)
    parts = []
    for style, words in reversed(entries):
        left = right - len(words) * LEGEND_LETTER_PX
        style, words = html.escape(style, quote=True), html.escape(words)
        parts.append(f'<text class="axis end" x="{right:.1f}" y="16">{words}</text>')
        parts.append(f'<path class="{style}" d="M{left - 26:.1f} 12H{left - 4:.1f}"/>')
        right = left - 40
    return parts


def ticks(low: float, high: float, most: int = LEVELS_MAX) -> list[float]:
    """Round numbers between two: steps of 1, 2 or 5 times a power of ten, at most ``most`` + 1."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def number(value: float) -> str:
    """A number as an axis shows it."""
    return "-" if not math.isfinite(value) else f"{value:.4g}"


def _range(shown: Floats, chart: Chart) -> tuple[float, float]:
    top = float(np.nanmax(shown))
    if chart.log_y:
        high = math.log10(top) if top > 0 else 0.0
        positive = shown[shown > 0]
        low = math.log10(float(positive.min())) if len(positive) else high - 1
        low = max(low, high - DECADES_MAX)
    else:
        high, low = top, min(0.0, float(np.nanmin(shown)))
    if chart.level is not None and not chart.log_y:
        high = max(high, chart.level)
    margin = 0.04 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - (margin if low < 0 and not chart.log_y else 0.0), high + margin


class _Frame:
    """Where values of one chart lie on the picture."""

    def __init__(self, chart: Chart, shown: Floats) -> None:
        self._chart = chart
        self._low, self._high = _range(shown, chart)
        self._x_last = chart.x_first + max(1, len(shown) - 1) * chart.x_step

    def across(self, x: float) -> float:
        """The pixel of an x, from the left."""
        first = self._chart.x_first
        return LEFT + (x - first) / (self._x_last - first) * (WIDTH - LEFT - RIGHT)

    def down(self, y: float) -> float:
        """The pixel of a y, from the top; beyond the range it is at its edge."""
        value = math.log10(max(y, 1e-300)) if self._chart.log_y else y
        part = min(1.0, max(0.0, (value - self._low) / (self._high - self._low)))
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM - ROW_PX)

    def grid(self) -> list[str]:
        """Axes, their numbers and names."""
        chart, bottom = self._chart, HEIGHT - BOTTOM
        parts = []
        for x in ticks(chart.x_first, self._x_last, 10):
            at = self.across(x)
            parts.append(f'<path class="grid" d="M{at:.1f} {TOP}V{bottom}"/>')
            parts.append(
                f'<text class="axis mid" x="{at:.1f}" y="{bottom + 14}">{number(x)}</text>'
            )
        for level in ticks(self._low, self._high):
            if chart.log_y and level != int(level):
                continue
            value = 10.0**level if chart.log_y else level
            at = self.down(value)
            parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(
                f'<text class="axis end" x="{LEFT - 6}" y="{at + 4:.1f}">{number(value)}</text>'
            )
        x_label, y_label = html.escape(chart.x_label), html.escape(chart.y_label)
        middle = (TOP + bottom) / 2
        parts.append(
            f'<text class="axis end" x="{WIDTH - RIGHT}" y="{HEIGHT - 8}">{x_label}</text>'
        )
        turned = f"translate(14 {middle:.0f}) rotate(-90)"
        parts.append(f'<text class="axis mid" transform="{turned}">{y_label}</text>')
        return parts

    def marks(self, shown: Floats) -> tuple[list[str], list[str]]:
        """A dashed line for each mark within the chart; its name, and a dot at its peak."""
        ends = [-math.inf] * MARK_ROWS
        parts, names = [], []
        for mark in sorted(self._chart.marks, key=lambda mark: mark.x):
            if not self._chart.x_first <= mark.x <= self._x_last:
                continue
            at = self.across(mark.x)
            kind = html.escape(mark.kind, quote=True)
            parts.append(f'<path class="mark {kind}" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
            peak = self._peak_at(shown, mark.x)
            if math.isfinite(peak):
                dot = f'<circle class="dot {kind}" cx="{at:.1f}" cy="{self.down(peak):.1f}" r="3"/>'
                names.append(dot)
            wide = len(mark.label) * LETTER_PX
            left = at + 3 if at + 3 + wide < WIDTH - RIGHT else at - 3 - wide
            row = next((row for row, end in enumerate(ends) if end < left), None)
            if row is not None:
                ends[row] = left + wide
                text = html.escape(mark.label)
                y = TOP + 10 + row * ROW_PX
                names.append(f'<text class="name {kind}" x="{left:.1f}" y="{y}">{text}</text>')
        return parts, names

    def _peak_at(self, shown: Floats, x: float) -> float:
        """The greatest value beside an x; NaN where there is none."""
        middle = round((x - self._chart.x_first) / self._chart.x_step)
        near = shown[max(0, middle - DOT_REACH) : middle + DOT_REACH + 1]
        return float(np.nanmax(near)) if bool(np.isfinite(near).any()) else math.nan

    def path(self, shown: Floats) -> str:
        """The line: each column of pixels from its least to its greatest value."""
        columns = WIDTH - LEFT - RIGHT
        per_column = max(1, math.ceil(len(shown) / columns))
        points = []
        for start in range(0, len(shown), per_column):
            part = shown[start : start + per_column]
            part = part[np.isfinite(part)]
            if not len(part):
                continue
            at = self.across(self._chart.x_first + (start + per_column // 2) * self._chart.x_step)
            ends = (float(part.min()), float(part.max())) if per_column > 1 else (float(part[0]),)
            points += [f"{at:.1f} {self.down(value):.1f}" for value in ends]
        return "M" + "L".join(points)
