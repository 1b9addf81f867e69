"""Which lines each damaged part of a bearing puts into the spectrum of the envelope. Pure.

Rules of this file
- Orders are multiples of the shaft's speed; what is likely is argued, not learned from records.

    outer race   h BPFO               the spot stands still in the load: every ball strikes it alike
                 h BPFO +- shaft      weaker: an unbalanced shaft moves the load about
    inner race   h BPFI               the spot turns with the shaft through the load:
                 h BPFI +- 1,2 shaft  so every train of strikes swells and fades once a turn
    ball         h 2BSF               its spot meets both races once a turn of the ball
                 h 2BSF +- 1,2 FTF    and is carried through the load by the cage
    cage         h FTF
    balls unlike k FTF, k not a multiple of their number: all balls alike show only k = n, which is
    BPFO

- Fault lines are read where no shaft harmonic stands: a shaft has lines of its own in any machine.

Source: R. B. Randall and J. Antoni, MSSP 25 (2011) 485-520, section 2 and table 1; W. A. Smith and
R. B. Randall, MSSP 64-65 (2015) 100-131.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from banksman.maintenance.bearings import FaultOrders
from banksman.maintenance.evidence import Comb, Line

HARMONICS = 3
MAIN, SIDE = 0.8, 0.3
RACE_SLIP = 0.02
# The ball's spin follows the races less than the cage does, but 2BSF has neighbours 2 % away.
BALL_SLIP = 0.015
CAGE_SLIP = 0.02
# The cage's speed once a race is found: BPFO = n FTF and BPFI = n (1 - FTF), whatever slips.
KNOWN_CAGE_SLIP = 0.003
SHAFT_MARGIN = 0.045  # orders: nearer to a whole one a line is the shaft's
SHAFT_HARMONICS = 24
RACE_HARMONICS = 6  # of a race's comb, with their sidebands, are taken out before balls are sought
# A race's own sidebands carry less power the farther they lie. The load that a spot on the inner
# race turns through is a zone of 120 to 180 degrees: at least 3 dB a sideband. A spot on the outer
# race stands still in it, and only imbalance moves the load: at least 6 dB.
INNER_FALL, OUTER_FALL = 0.5, 0.25
FAR_SIDES = 8
LINE_HALF_LINES = 2.5  # half a line's width in lines of a spectrum padded twice (sine taper)


def inner_race(orders: FaultOrders) -> Comb:
    """BPFI with sidebands at the shaft's speed."""
    return Comb(_harmonics(orders.bpfi, "BPFI", 1.0, "shaft", (-2, -1, 1, 2)), RACE_SLIP)


def outer_race(orders: FaultOrders) -> Comb:
    """BPFO with weak sidebands at the shaft's speed."""
    return Comb(_harmonics(orders.bpfo, "BPFO", 1.0, "shaft", (-1, 1)), RACE_SLIP)


def ball(orders: FaultOrders) -> Comb:
    """Twice the ball's spin with sidebands at the cage's speed; the axis of its spin wanders.

    Where the spin's own lines cannot be told from the shaft's, the sidebands stand for them.
    """
    lines = _off_shaft(_harmonics(2 * orders.bsf, "2xBSF", orders.ftf, "FTF", (-2, -1, 1, 2)))
    return Comb(tuple(lines), BALL_SLIP, broad=True)


def cage(orders: FaultOrders) -> Comb:
    """The cage's speed and its first harmonics."""
    lines = (Line(k * orders.ftf, f"{k} x FTF", MAIN) for k in range(1, 5))
    return Comb(tuple(_off_shaft(lines)), CAGE_SLIP)


def unlike_balls(ftf: float, balls: int) -> Comb:
    """Multiples of the cage's speed that balls alike do not show, up to the third of BPFO.

    ``ftf``: the cage's order as a race's comb gave it away; so this comb hardly slips.
    """
    lines = (
        Line(k * ftf, f"{k} x FTF", SIDE) for k in range(1, HARMONICS * balls + 1) if k % balls
    )
    return Comb(tuple(_off_shaft(lines)), KNOWN_CAGE_SLIP, placed=True)


def unexplained(
    lines: int, step_hz: float, shaft_hz: float, races: Iterable[tuple[float, tuple[int, ...]]]
) -> npt.NDArray[np.bool_]:
    """Which lines of a spectrum neither the shaft nor a race explains. Shape (lines,).

    ``races``: the order that was found for each race, and the sidebands that count as its own.
    """
    known = [float(k) for k in range(1, SHAFT_HARMONICS + 1)]
    for order, sides in races:
        known += [h * order + k for h in range(1, RACE_HARMONICS + 1) for k in sides]
    bins = np.arange(lines)
    left = np.ones(lines, dtype=np.bool_)
    for order in known:
        left &= np.abs(bins - order * shaft_hz / step_hz) > LINE_HALF_LINES
    return left


def explained(
    over_floor: npt.NDArray[np.float64],
    step_hz: float,
    shaft_hz: float,
    races: Iterable[tuple[float, float]],
) -> npt.NDArray[np.float64]:
    """What the far sidebands of races may carry at most, with the noise. (bands, lines), 1 or more.

    ``races``: the order of each and by what factor the power of its sidebands falls from one to the
    next. In a deep comb they bury everything; those of a faint one lie under the noise themselves.
    """
    lines = over_floor.shape[1]
    most = np.ones_like(over_floor)
    wide = math.ceil(LINE_HALF_LINES) - 1
    for order, fall in races:
        for harmonic in range(1, RACE_HARMONICS + 1):
            at = round(harmonic * order * shaft_hz / step_hz)
            if at >= lines:
                break
            power = np.maximum(over_floor[:, max(0, at - 1) : at + 2].max(axis=1) - 1.0, 0.0)
            for side in range(-FAR_SIDES, FAR_SIDES + 1):
                middle = round((harmonic * order + side) * shaft_hz / step_hz)
                if wide <= middle < lines:
                    near = most[:, middle - wide : middle + wide + 1]
                    np.maximum(near, 1.0 + power[:, None] * fall ** abs(side), out=near)
    return most


def _harmonics(
    order: float, name: str, spacing: float, spacing_name: str, sides: tuple[int, ...]
) -> tuple[Line, ...]:
    lines = [Line(h * order, f"{h} x {name}", MAIN) for h in range(1, HARMONICS + 1)]
    for h in (1, 2):
        for k in sides:
            label = f"{h} x {name} {'+' if k > 0 else '-'} {abs(k)} x {spacing_name}"
            lines.append(Line(h * order + k * spacing, label, SIDE, pair=10 * h + abs(k)))
    return tuple(line for line in lines if line.order > 0)


def _off_shaft(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if abs(line.order - round(line.order)) > SHAFT_MARGIN]
