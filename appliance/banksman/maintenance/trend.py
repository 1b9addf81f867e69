"""The newest windows of one machine, and when what has a limit will reach it. Pure.

Rules of this file
- Bounded: WINDOWS_MAX windows, the oldest goes first.
- A trend is one state's alone: a machine that idles half the day has not cooled down.
- Hours left are until the first limit, upper or lower, is reached, if the trend of the newest
  windows goes on.
- It outlives a restart: the store keeps it, with half the digits.

    level |                       . ´ soonest
    limit |- - - - - - - - - - .-´- -.- ´ - - latest
          |  .  . ..  . .. . ´  . ´
          |____________________|__________ hours
                              now
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.degradation import WINDOWS_MAX, Crossing, crossing
from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import Floats
from banksman.maintenance.rows import RowTable

HOURS_PER_S = 1.0 / 3600.0


class Limit(msgspec.Struct, frozen=True):
    """What a sensor, of row ``row``, must not reach: from below where it is ``upper``.

    ``logarithms``: the row holds those of what ``value`` is, and is taken to grow by shares.
    """

    row: int
    sensor: str
    value: float
    upper: bool = True
    logarithms: bool = False


class KeptTrend(msgspec.Struct, frozen=True):
    """The newest windows for the store, oldest first: ``levels`` has shape (windows, rows)."""

    rows: tuple[str, ...]
    wall_s: list[float]
    states: list[str]
    levels: Packed


class Forecast(msgspec.Struct, frozen=True):
    """When one sensor reaches its limit; ``told.hours`` None: unknown."""

    sensor: str
    limit: float
    told: Crossing
    upper: bool = True

    @property
    def words(self) -> str:
        """For people; also where it is unknown."""
        told = self.told
        if told.hours is None:
            return f"{self.sensor}: {told.reason}"
        does = "reaches" if self.upper else "falls to"
        return (
            f"{self.sensor} {does} {self.limit:g} in {duration(told.hours)}"
            f" (80 %: {duration(told.low_hours)} to {duration(told.high_hours)}), {told.reason}"
        )


class Trend:
    """The newest windows: when, in which state, at which levels."""

    def __init__(self) -> None:
        self._windows: deque[tuple[float, str, Floats]] = deque(maxlen=WINDOWS_MAX)

    def add(self, wall_s: float, state: str, levels: Floats) -> None:
        """Take one window; levels have shape (rows,), NaN for none."""
        self._windows.append((wall_s * HOURS_PER_S, state, levels))

    def saved(self, rows: Sequence[str]) -> KeptTrend:
        """For the store; ``rows`` are the names of the columns."""
        levels = [levels for _, _, levels in self._windows]
        table = np.stack(levels) if levels else np.zeros((0, len(rows)))
        return KeptTrend(
            tuple(rows),
            [hours / HOURS_PER_S for hours, _, _ in self._windows],
            [state for _, state, _ in self._windows],
            packed(table, fine=False),
        )

    def restore(self, kept: KeptTrend, rows: Sequence[str]) -> bool:
        """Take what the store kept; False: it is of other rows, or damaged."""
        windows = len(kept.wall_s)
        levels = unpacked(kept.levels, windows, len(rows))
        if kept.rows != tuple(rows) or len(kept.states) != windows or levels is None:
            return False
        if not np.isfinite(kept.wall_s).all():
            return False
        for wall_s, state, level in zip(kept.wall_s, kept.states, levels, strict=True):
            self.add(wall_s, state, level)
        return True

    def clear(self) -> None:
        """What was is another machine's."""
        self._windows.clear()

    def of(self, state: str) -> tuple[Floats, Floats]:
        """(hours since 1970, shape (n,); levels, shape (n, rows)) of one state, oldest first.

        A clock that was set back leaves out what now lies ahead.
        """
        kept = [(hours, levels) for hours, at, levels in self._windows if at == state]
        if not kept:
            return np.zeros(0), np.zeros((0, 0))
        hours = np.array([each for each, _ in kept])
        past = hours <= hours[-1]
        return hours[past], np.stack([levels for _, levels in kept])[past]


def limits_of(machine: MachineSettings, table: RowTable) -> list[Limit]:
    """What is configured, of slow sensors and of how loud vibration may become."""
    limits = [
        Limit(row, each.sensor, limit, upper)
        for row, each in enumerate(machine.slow)
        for limit, upper in ((each.limit, True), (each.limit_low, False))
        if limit is not None
    ]
    for heard in machine.vibration:
        if heard.limit_rms is not None:
            name = f"{heard.sensor} rms"
            limits.append(Limit(table.names.index(name), name, heard.limit_rms, logarithms=True))
    return limits


def forecasts(trend: Trend, state: str, limits: Sequence[Limit]) -> tuple[Forecast, ...]:
    """One for each limit; the soonest first, unknown ones last."""
    if not limits:
        return ()
    hours, levels = trend.of(state)
    found = []
    for each in limits:
        column = levels[:, each.row] if len(levels) else np.zeros(0)
        usable = np.isfinite(column)
        value = math.log(each.value) if each.logarithms else each.value
        told = crossing(hours[usable], column[usable], value, rising=each.upper)
        found.append(Forecast(each.sensor, each.value, told, each.upper))
    return tuple(sorted(found, key=_soonest))


def _soonest(forecast: Forecast) -> float:
    return math.inf if forecast.told.hours is None else forecast.told.hours


def duration(hours: float) -> str:
    """In words; infinity is never."""
    if math.isinf(hours):
        return "never"
    return f"{hours:.1f} h" if hours >= 1.0 else f"{60.0 * hours:.0f} min"
