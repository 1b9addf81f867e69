"""A simulation as one SVG: panels over one time axis, above them what the box made of the link.

    state    |  thin  |// no link //|  thin |  wide   |   a row of the table each; below it: metered
    goodput  |__/-----              .__/------------  |   the link filled, what was measured a line
    waiting  |  ____/-------------- `_______          |   each class; logarithmic, so that three
    late     |          ,----------------------       |   critical rows show beside thousands
    sent     |  |||||        |       ||||||||||       |   ticks at its top: failed transfers

Pure; text in, text out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from banksman.sync.chart import (
    FAINT,
    INK,
    PAPER,
    Frame,
    Scale,
    bands,
    box,
    clock,
    curve,
    decades,
    grid,
    linear,
    rule,
    text,
    time_axis,
)
from banksman.sync.link import STATE_S
from banksman.sync.simulate import Step

WIDTH, LEFT, RIGHT, TOP = 1000.0, 74.0, 24.0, 74.0
BAND, METERED, PANEL, GAP, FOOT = 22.0, 6.0, 118.0, 38.0, 30.0
POINTS_MAX = 1_000
ROWS = ("#e8b04a", "#5a9bd8", "#3f9e6b", "#7a68c4", "#c46a9b")  # of the table, from the thinnest
NO_LINK = "#3d4653"
SHADE = "#eceef1"
METERED_COLOUR = "#b4509e"
LINK, MEASURED = "#7c8794", "#0b62d6"
CRITICAL, IMPORTANT, NORMAL, BACKGROUND = "#c8102e", "#d67f0b", "#2d8a4e", "#6b7280"


class Line(msgspec.Struct, frozen=True):
    """One line of a panel; None is a gap."""

    name: str
    colour: str
    values: Sequence[float | None]
    filled: bool = False


class Panel(msgspec.Struct, frozen=True):
    """One chart. ``note`` stands at the right of its title."""

    title: str
    lines: Sequence[Line]
    scale: Callable[[list[float]], Scale] = linear
    note: str = ""


def svg(steps: Sequence[Step], title: str, rows: Sequence[str] = ()) -> str:
    """The picture. ``rows``: the table's, from the thinnest link on. ValueError without steps."""
    if not steps:
        raise ValueError("there is nothing to draw")
    fold = max(1, -(-len(steps) // POINTS_MAX))
    groups = [steps[at : at + fold] for at in range(0, len(steps), fold)]
    times = [group[0].at_s - STATE_S for group in groups]
    panels = _panels(steps, groups)
    high = TOP + BAND + METERED + GAP + len(panels) * (PANEL + GAP) + FOOT
    frame = Frame(LEFT, TOP, WIDTH - LEFT - RIGHT, BAND, times[0], steps[-1].at_s)
    floor = high - FOOT - GAP
    first = TOP + BAND + METERED + GAP
    down = ["down" if all(not step.link_mbit for step in group) else "" for group in groups]
    shades = msgspec.structs.replace(frame, top=first, high=floor - first)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {high:g}" '
        'font-family="system-ui, sans-serif">',
        box(0, 0, WIDTH, high, PAPER),
        text(LEFT, 28, title, INK, 17),
        text(LEFT, 48, _summary(steps), FAINT, 12),
        *bands(shades, times, down, lambda word: SHADE if word else None),
        *time_axis(msgspec.structs.replace(frame, top=first), floor),
        *_states(frame, times, groups, down, rows),
    ]
    for number, panel in enumerate(panels):
        top = first + number * (PANEL + GAP)
        parts += _panel(msgspec.structs.replace(frame, top=top, high=PANEL), panel, times)
    failed = sum(step.failed for step in steps)
    if failed:
        top = first + (len(panels) - 1) * (PANEL + GAP)
        parts += _failures(msgspec.structs.replace(frame, top=top, high=PANEL), times, groups)
    return "\n".join((*parts, "</svg>", ""))


def _panels(steps: Sequence[Step], groups: Sequence[Sequence[Step]]) -> list[Panel]:
    def most(of: Callable[[Step], float | None]) -> list[float | None]:
        found = [[value for value in map(of, group) if value is not None] for group in groups]
        return [max(values) if values else None for values in found]

    def kbit(group: Sequence[Step]) -> float:
        return sum(step.sent_bytes for step in group) * 8 / 1e3 / (len(group) * STATE_S)

    end = steps[-1]
    late = end.critical_late + end.important_late
    missed = f"{late} deadlines missed" if late else "no deadline missed"
    panels = [
        Panel("goodput, Mbit/s", [
            Line("link", LINK, most(lambda step: step.link_mbit), filled=True),
            Line("measured", MEASURED, most(
                lambda step: step.measured_mbit if step.link_mbit else None)),
        ], decades),
        Panel("waiting, rows and readings", [
            Line("critical", CRITICAL, most(lambda step: step.critical_waiting)),
            Line("important", IMPORTANT, most(lambda step: step.important_waiting)),
            Line("normal", NORMAL, most(lambda step: step.normal_waiting)),
            Line("background", BACKGROUND, most(lambda step: step.background_waiting)),
        ], decades),
        Panel("critical rows wait, s", [
            Line("until they arrive", CRITICAL, most(
                lambda step: max(step.critical_delay_s, step.oldest_s)), filled=True),
        ], decades),
        Panel("deadlines missed, rows so far", [
            Line("critical", CRITICAL, most(lambda step: step.critical_late), filled=True),
            Line("important", IMPORTANT, most(lambda step: step.important_late)),
        ], note=missed),
    ]  # fmt: skip
    if any(step.budget_left_bytes is not None for step in steps):
        left = most(lambda s: None if s.budget_left_bytes is None else s.budget_left_bytes / 1e6)
        panels.append(Panel("budget left, MB", [Line("left", METERED_COLOUR, left, filled=True)]))
    failed = sum(step.failed for step in steps)
    sent = [Line("sent", MEASURED, [kbit(group) for group in groups], filled=True)]
    note = f"{failed} transfers failed" if failed else ""
    panels.append(Panel("sent, kbit/s", sent, decades, note))
    return panels


def _panel(frame: Frame, panel: Panel, times: Sequence[float]) -> list[str]:
    scale = panel.scale([v for line in panel.lines for v in line.values if v is not None])
    parts = [text(frame.left, frame.top - 9, panel.title, INK, 12), *grid(frame, scale)]
    x = frame.left + 210
    for line in panel.lines if len(panel.lines) > 1 else ():
        parts.append(box(x, frame.top - 15, 14, 4 if not line.filled else 8, line.colour))
        parts.append(text(x + 19, frame.top - 9, line.name, FAINT, 11))
        x += 42 + 6.2 * len(line.name)
    if panel.note:
        parts.append(text(frame.left + frame.wide, frame.top - 9, panel.note, FAINT, 11, "end"))
    for line in panel.lines:
        if line.filled:
            parts += curve(frame, scale, times, line.values, line.colour, filled=True)
        parts += curve(frame, scale, times, line.values, line.colour)
    floor = frame.top + frame.high
    parts.append(rule(frame.left, floor, frame.left + frame.wide, floor, FAINT))
    return parts


def _states(
    frame: Frame,
    times: Sequence[float],
    groups: Sequence[Sequence[Step]],
    down: Sequence[str],
    rows: Sequence[str],
) -> list[str]:
    """The band of what held, its legend, and below it where bytes cost money."""
    held = [group[-1].profile for group in groups]
    names = [*rows, *(name for name in dict.fromkeys(held) if name not in rows)]
    colours = {name: ROWS[n % len(ROWS)] for n, name in enumerate(names)} | {"down": NO_LINK}
    words = [gone or name for gone, name in zip(down, held, strict=True)]
    parts = bands(frame, times, words, colours.get)
    cost = ["yes" if any(step.metered for step in group) else "" for group in groups]
    strip = msgspec.structs.replace(frame, top=frame.top + frame.high, high=METERED)
    parts += bands(strip, times, cost, lambda word: METERED_COLOUR if word else None)
    legend = [(name, colours[name]) for name in names if name in words]
    legend += [("no link", NO_LINK)] if "down" in words else []
    legend += [("metered", METERED_COLOUR)] if "yes" in cost else []
    x = frame.left + frame.wide
    for name, colour in reversed(legend):
        x -= 34 + 6.2 * len(name)
        parts.append(box(x, frame.top - 17, 12, 9, colour))
        parts.append(text(x + 17, frame.top - 9, name, FAINT, 11))
    return parts


def _failures(frame: Frame, times: Sequence[float], groups: Sequence[Sequence[Step]]) -> list[str]:
    """A tick for each stretch in which transfers failed."""
    hit = ["yes" if any(step.failed for step in group) else "" for group in groups]
    strip = msgspec.structs.replace(frame, high=5.0)
    return bands(strip, times, hit, lambda word: CRITICAL if word else None)


def _summary(steps: Sequence[Step]) -> str:
    sent_mb = sum(step.sent_bytes for step in steps) / 1e6
    span = clock(round(steps[-1].at_s - steps[0].at_s + STATE_S, -1))
    end = steps[-1]
    left = sum((end.critical_waiting, end.important_waiting, end.normal_waiting))
    return (
        f"{span}; {sent_mb:.3g} MB sent; waiting at the end: rows {left}, "
        f"readings {end.background_waiting}"
    )
