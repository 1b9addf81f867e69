"""One figure: what was measured, against whom, and whether it is good enough.

Rules of this file
- Pure: numbers in, a Figure out. `met` and the target's words are computed, never typed.
- ``value`` and ``peer_value`` are medians of the runs, or the worst run where a promise is
  kept always or not at all; ``ratio`` is value / peer_value, so under 1 is better where lower is
  better.
- Where the machine's CPU pressure was over 20 % nothing is claimed: ``met`` is None. So it is
  where there is no target or nothing could be measured (``note`` then says why).
- ``pressure_pct`` is the very number that ``met`` was judged by. For a figure that loads the
  machine on purpose that is the pressure of quiet seconds before each run, because under its own
  load it could never be judged; its note says so and what it was under load (pressure.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from benchmarks.stats import median, spread

PRESSURE_MAX_PCT = 20.0

Direction = Literal["lower", "higher"]


class Target(msgspec.Struct, frozen=True):
    """What is to be reached: ``limit`` bounds the value, its ratio to the peer, or its excess.

    The excess is value - peer_value. Whether the limit is a floor or a ceiling follows from the
    figure's direction.
    """

    of: Literal["value", "ratio", "excess"]
    limit: float

    def words(self, direction: Direction, unit: str, peer: str | None) -> str:
        """The target as the table shows it: "<= 1.4 x pyloop", "<= pyloop + 1 ms"."""
        sign = "<=" if direction == "lower" else ">="
        if self.of == "ratio":
            return f"{sign} {self.limit:g} x {peer}"
        if self.of == "excess":
            return f"{sign} {peer} + {self.limit:g} {unit}".rstrip()
        return f"{sign} {self.limit:g} {unit}".rstrip()


class Figure(msgspec.Struct, frozen=True):
    """One line of the table. ``n`` counts the samples of all runs together.

    ``spread`` is (largest - smallest run) / median; ``pressure_pct`` the share of the time in which
    some runnable task of the machine waited for a CPU: of the measured time, or of quiet seconds
    before it where the note says so.
    """

    name: str
    value: float | None
    unit: str
    target: str
    met: bool | None
    peer: str | None
    peer_value: float | None
    ratio: float | None
    direction: Direction
    n: int
    runs: int
    spread: float | None
    pressure_pct: float | None
    note: str = ""


def judge(
    target: Target | None,
    direction: Direction,
    value: float | None,
    peer_value: float | None,
    pressure_pct: float | None,
) -> bool | None:
    """Whether the target is met; None where nothing may be claimed."""
    if target is None or value is None or pressure_pct is None or pressure_pct > PRESSURE_MAX_PCT:
        return None
    reached = _measure(target, value, peer_value)
    if reached is None:
        return None
    # numpy's own bool, from a figure that numpy computed, would not go into the results' JSON.
    return bool(reached <= target.limit if direction == "lower" else reached >= target.limit)


def figure(
    name: str,
    unit: str,
    values: Sequence[float],
    *,
    direction: Direction,
    n: int,
    pressure_pct: float | None,
    target: Target | None = None,
    peer: str | None = None,
    peer_values: Sequence[float] = (),
    note: str = "",
    worst: bool = False,
) -> Figure:
    """Make a figure of one value for each run, and of the peer's from the same session.

    ``worst``: the worst run counts instead of the median, as for losses.
    Raises ValueError if the target compares and no peer is named.
    """
    if target is not None and target.of != "value" and peer is None:
        raise ValueError(f"{name}: a target on the {target.of} needs a peer")
    value = _worst(values, direction) if worst else median(values)
    peer_value = median(peer_values)
    ratio = value / peer_value if value is not None and peer_value else None
    # Rounded first: what is judged by and what is written down must not differ at the limit.
    pressure_pct = None if pressure_pct is None else round(pressure_pct, 1)
    return Figure(
        name=name,
        value=_rounded(value),
        unit=unit,
        target=target.words(direction, unit, peer) if target else "",
        met=judge(target, direction, value, peer_value, pressure_pct),
        peer=peer,
        peer_value=_rounded(peer_value),
        ratio=_rounded(ratio),
        direction=direction,
        n=n,
        runs=len(values),
        spread=_rounded(spread(values)),
        pressure_pct=pressure_pct,
        note=note,
    )


def _measure(target: Target, value: float, peer_value: float | None) -> float | None:
    if target.of == "value":
        return value
    if peer_value is None:
        return None
    if target.of == "excess":
        return value - peer_value
    return value / peer_value if peer_value else None


def _worst(values: Sequence[float], direction: Direction) -> float | None:
    return (max if direction == "lower" else min)(values, default=None)


def _rounded(value: float | None) -> float | None:
    """Four significant digits: more would claim what was not measured."""
    return None if value is None else float(f"{value:.4g}")
