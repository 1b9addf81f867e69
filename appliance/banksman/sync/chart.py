"""The marks of a chart as SVG: axes, grids, lines, areas, bands. Pure; text out.

Coordinates are pixels. What is drawn where, `plot` decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

import msgspec

INK, FAINT, GRID, PAPER = "#1f2733", "#68727f", "#e3e7ec", "#ffffff"
TIME_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 432_000,
)  # fmt: skip
TICKS_MOST = 10


class Frame(msgspec.Struct, frozen=True):
    """Where a panel is, and which times it spans."""

    left: float
    top: float
    wide: float
    high: float
    first_s: float
    last_s: float

    def x(self, at_s: float) -> float:
        """Of a time."""
        return self.left + (at_s - self.first_s) / (self.last_s - self.first_s) * self.wide


class Scale(msgspec.Struct, frozen=True):
    """A panel's values: from 0 to ``most``; ``log`` has a decade for each ten times."""

    most: float
    log: bool = False

    def part(self, value: float) -> float:
        """How high it stands, 0..1."""
        if self.log:
            return min(1.0, math.log10(1 + max(0.0, value)) / math.log10(1 + self.most))
        return min(1.0, max(0.0, value) / self.most)

    def ticks(self) -> list[float]:
        """Where its grid is."""
        if self.log:
            return [0.0, *(10.0**decade for decade in range(1, round(math.log10(self.most)) + 1))]
        return [self.most * quarter / 4 for quarter in range(5)]


def linear(values: Iterable[float]) -> Scale:
    """Round, and as small as it may be."""
    most = max(values, default=0.0)
    if most <= 0:
        return Scale(1.0)
    unit = 10.0 ** math.floor(math.log10(most))
    return Scale(next(unit * fold for fold in (1, 2, 4, 8, 10, 20) if unit * fold >= most))


def decades(values: Iterable[float]) -> Scale:
    """Up to a whole decade."""
    most = max(values, default=0.0)
    return Scale(10.0 ** max(1, math.ceil(math.log10(max(most, 1.0)))), log=True)


def text(
    x: float, y: float, words: str, colour: str = INK, size: int = 12, anchor: str = "start"
) -> str:
    """One line of words."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def box(x: float, y: float, wide: float, high: float, fill: str, opacity: float = 1.0) -> str:
    """A rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0.5):.1f}" height="{high:.1f}" '
        f'fill="{fill}" fill-opacity="{opacity:g}"/>'
    )


def grid(frame: Frame, scale: Scale) -> list[str]:
    """Horizontal lines with their values."""
    parts = []
    for value in scale.ticks():
        y = frame.top + frame.high * (1 - scale.part(value))
        parts.append(rule(frame.left, y, frame.left + frame.wide, y))
        parts.append(text(frame.left - 8, y + 4, short(value), FAINT, 11, "end"))
    return parts


def rule(x: float, y: float, to_x: float, to_y: float, colour: str = GRID) -> str:
    """A thin line."""
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="{colour}"/>'


def curve(
    frame: Frame,
    scale: Scale,
    times: Sequence[float],
    values: Sequence[float | None],
    colour: str,
    *,
    filled: bool = False,
) -> list[str]:
    """A line, or an area down to 0; None is a gap."""
    parts: list[str] = []
    run: list[tuple[float, float]] = []
    floor = frame.top + frame.high
    for at_s, value in (*zip(times, values, strict=True), (frame.last_s, None)):
        if value is not None:
            run.append((frame.x(at_s), floor - frame.high * scale.part(value)))
            continue
        if run:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            if filled:
                points = f"{run[0][0]:.1f},{floor:.1f} {points} {run[-1][0]:.1f},{floor:.1f}"
                parts.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.22"/>')
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6" '
                'stroke-linejoin="round"/>'
                if not filled
                else ""
            )
        run = []
    return [part for part in parts if part]


def bands(
    frame: Frame, times: Sequence[float], of: Sequence[str], draw: Callable[[str], str | None]
) -> list[str]:
    """A bar for each stretch of the same word; ``draw`` gives its colour, None leaves it out."""
    parts: list[str] = []
    begin = 0
    for index in range(1, len(of) + 1):
        if index < len(of) and of[index] == of[begin]:
            continue
        colour = draw(of[begin])
        if colour is not None:
            until = times[index] if index < len(of) else frame.last_s
            x = frame.x(times[begin])
            parts.append(box(x, frame.top, frame.x(until) - x, frame.high, colour))
        begin = index
    return parts


def time_axis(frame: Frame, down_to: float) -> list[str]:
    """Ticks at round times from the first on, with their words below the last panel."""
    span_s = frame.last_s - frame.first_s
    step_s = next((s for s in TIME_STEPS_S if span_s / s <= TICKS_MOST), 864_000)
    parts: list[str] = []
    for number in range(int(span_s // step_s) + 1):
        x = frame.x(frame.first_s + number * step_s)
        parts.append(rule(x, frame.top, x, down_to))
        parts.append(text(x, down_to + 18, clock(number * step_s), FAINT, 11, "middle"))
    return parts


def clock(seconds: float) -> str:
    """A time since the first line: 0, 40 s, 5 min, 2 h 30, 3 d."""
    if seconds < 60:
        return f"{seconds:g} s" if seconds else "0"
    if seconds < 3600:
        minutes, rest = divmod(seconds, 60)
        return f"{minutes:g} min" + (f" {rest:g}" if rest else "")
    if seconds < 172_800:
        hours, rest = divmod(seconds, 3600)
        return f"{hours:g} h" + (f" {rest // 60:02g}" if rest else "")
    return f"{seconds / 86_400:g} d"


def short(value: float) -> str:
    """With a letter for thousands: 61k, 2.5M."""
    for letter, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
