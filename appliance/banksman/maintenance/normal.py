"""The normal of one machine, row by row and state by state, and how far it is from it. Pure.

Rules of this file
- A row of each state has a baseline of its own. What is not judged now keeps its verdict.
- It says of the worst row which it is, how far out, and since when it has been away.
- Rows that wait for their day or for vectors (rows.py) do not hold up the learning of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.baseline import Baseline, BaselineBank
from banksman.maintenance.deviation import OVER_SIGMAS, DeviationBank, Standing, Verdict
from banksman.maintenance.loading import State
from banksman.maintenance.rarity import Floats
from banksman.maintenance.rows import RowTable
from banksman.maintenance.standing import RowsNow, words_of
from banksman.maintenance.trend import Forecast

Places = npt.NDArray[np.intp]


class KeptNormal(msgspec.Struct, frozen=True):
    """What the store keeps: the baselines, and the verdicts that stood."""

    baselines: list[Baseline]
    standing: Standing | None = None


class Worst(msgspec.Struct, frozen=True):
    """The row that is furthest out; ``sigmas`` and ``since_s`` NaN while nothing is known."""

    verdict: Verdict
    sigmas: float
    what: str
    since_s: float


class Normal:
    """The baselines of a machine's rows in each of ``states``."""

    def __init__(self, table: RowTable, states: Sequence[State], learn_windows: int) -> None:
        self.table = table
        self.states = tuple(states)
        self._learn = learn_windows
        keys = [(name, state) for state in states for name in table.names]
        early = np.tile(table.early, len(self.states))
        self.baselines = BaselineBank(keys, learn_windows, 0, early)
        self._deviation = DeviationBank(self.baselines, np.tile(table.floors, len(self.states)))
        self._deviation.ceilings = np.tile(table.ceilings, len(self.states))
        self._newest = np.full(len(keys), np.nan)  # level of each row's newest window
        self._since_s = np.full(len(keys), np.nan)  # when each row left its normal

    @property
    def count(self) -> int:
        """How many baselines there are."""
        return len(self.baselines.keys)

    @property
    def version(self) -> int:
        """Which normal of the machine this is; it grows with each `renew`."""
        return int(self.baselines.version.max(initial=1))

    @version.setter
    def version(self, number: int) -> None:
        self.baselines.version[:] = number

    def update(
        self, state: State, level: Floats, wall_s: float, *, learn: npt.NDArray[np.bool_]
    ) -> Floats:
        """Take one window of one state, (rows,), NaN for none; what was normal before, (rows,).

        ``learn``, (rows,): which of them may be learned from.
        """
        every = self.places(state)
        learns = np.zeros(len(self.baselines.keys), dtype=np.bool_)
        learns[every] = learn
        levels = np.full(len(self.baselines.keys), np.nan)
        levels[every] = level
        centre = self.baselines.band(every).centre
        self._deviation.update(levels, learn=learns)
        there = every[np.isfinite(level)]
        self._newest[there] = levels[there]
        away = np.abs(self._deviation.now[there]) >= OVER_SIGMAS
        away |= self._deviation.verdict[there] >= Verdict.WARNING
        began = np.where(np.isnan(self._since_s[there]), wall_s, self._since_s[there])
        self._since_s[there] = np.where(away, began, np.nan)
        return centre

    def verdicts(self, state: State) -> npt.NDArray[np.int8]:
        """Of every row, (rows,)."""
        return self._deviation.verdict[self.places(state)]

    def floor(self, state: State, part: slice, least: Floats) -> None:
        """Let the rows of one part of the table have no smaller sigmas than these."""
        rows = self.places(state)[part]
        self._deviation.floors[rows] = np.maximum(self.table.floors[part], least)

    def worst(self) -> Worst:
        """What is to be said of the machine."""
        verdicts, sigmas = self._deviation.verdict, self._deviation.sigmas
        worst = Verdict(int(verdicts.max(initial=Verdict.UNKNOWN)))
        if worst == Verdict.UNKNOWN:
            return Worst(worst, math.nan, f"normal is {self.learned():.0%} learned", math.nan)
        size = np.where(verdicts == worst, np.abs(sigmas), -1.0)
        row = int(size.argmax())
        since_s = float(self._since_s[row])
        what = words_of(
            self.table.rows[row % len(self.table)],
            self.baselines.keys[row][1],
            float(sigmas[row]),
            float(self._newest[row]),
            float(self._deviation.limits(np.array([row]))[1][0]),
            since_s,
        )
        if self.baselines.provisional[row]:
            what += f"; its normal is provisional, {self.learned():.0%} learned"
        return Worst(worst, float(sigmas[row]), what, since_s)

    def rows(
        self, state: State, hours: Floats, levels: Floats, told: tuple[Forecast, ...]
    ) -> RowsNow:
        """How every row of one state stands, beside its newest windows."""
        every = self.places(state)
        low, centre, high = self._deviation.limits(every)
        return RowsNow(
            state=state,
            rows=self.table.rows,
            verdict=self._deviation.verdict[every],
            sigmas=self._deviation.sigmas[every],
            version=self.baselines.version[every],
            low=low,
            centre=centre,
            high=high,
            hours=hours,
            levels=levels,
            forecasts=told,
        )

    def renew(self) -> None:
        """The present is the new normal (a person says so): learn it anew."""
        for row in range(len(self.baselines.keys)):
            self._deviation.renew(row)
        self._since_s[:] = np.nan

    def saved(self) -> KeptNormal:
        """For the store."""
        baselines = [self.baselines.saved(row) for row in range(len(self.baselines.keys))]
        return KeptNormal(baselines, self._deviation.saved())

    def restore(self, kept: KeptNormal) -> int:
        """Take what the store kept; how many baselines fit what is configured now."""
        fit = sum(self.baselines.restore(each) for each in kept.baselines)
        if kept.standing is not None:
            self._deviation.restore(kept.standing)
        return fit

    def learned(self) -> float:
        """How much of its normal is known, 0..1, of the state that is known best."""
        shares = self._shares()
        return float(shares.min(axis=1).max()) if shares.size else 0.0

    def tenths(self) -> int:
        """How far every row has come, in tenths of what it learns: grows until all are known."""
        return int(np.floor(10.0 * self._shares()).sum())

    def places(self, state: State) -> Places:
        """Where the rows of one state are."""
        first = self.states.index(state) * len(self.table)
        return np.arange(first, first + len(self.table))

    def _shares(self) -> Floats:
        windows = self.baselines.windows.reshape(len(self.states), len(self.table))
        return np.asarray(np.minimum(windows[:, self.table.basic] / self._learn, 1.0))
