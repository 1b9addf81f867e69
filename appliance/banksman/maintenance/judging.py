"""One machine, window by window: its state, how far from its normal, how long it will do. Pure.

Rules of this file
- Each state has a normal of its own; a stopped machine is not judged, and what is not judged keeps
  its verdict.
- Who starts is cold: after a start of the machine (as many windows as it stood, ``settle_windows``
  at most) and of the box nothing is learned and nothing new is said. What was warned of or alarmed
  before stands on meanwhile, over a restart of the box as well.
- Nothing is learned while the machine is in alarm, while a fault of it has a name, while it just
  changed, or in zone D; no day and no vector while it is warned of. What may not be believed is not
  judged (slow.py, levels.py), and what is uncertain is judged and not learned.
- The machine's verdict is that of its worst row. Unknown rows say nothing as long as any row is
  known. Most bands grown by half for good is an alarm as well, also while a normal is learned.

    slow readings -> median of the window   \\
                  -> ... for the time of day \\
    vectors       -> given the others         } rows -> baseline -> deviation -> verdict
    bursts        -> levels                  /
                  \\-> growth, looks, hours -> known runs -> hours left <- limits <- trend
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.life import LifeBook
from banksman.maintenance.loading import JUDGED, State
from banksman.maintenance.normal import KeptNormal, Normal, Worst
from banksman.maintenance.prognosis import NOTHING, prognosis
from banksman.maintenance.rarity import Floats
from banksman.maintenance.rows import LOUDER_FLOOR, RowTable
from banksman.maintenance.scorer import StreamBank
from banksman.maintenance.season import KeptSeason, SeasonBank
from banksman.maintenance.standing import Judgement, RowsNow
from banksman.maintenance.together import KeptTogether, Together
from banksman.maintenance.trend import Forecast, KeptTrend, Trend, duration, forecasts, limits_of
from banksman.maintenance.wearing import KeptLife, Wearing

WINDOW_VECTORS = 10  # vectors of all slow sensors in a window
VECTOR_LEAST_S = 0.1  # between two of them

Bools = npt.NDArray[np.bool_]
HOURS_PER_S = 1.0 / 3600.0


class KeptJudge(msgspec.Struct, frozen=True):
    """What the store keeps of a machine's normal and life."""

    normal: KeptNormal
    seasons: KeptSeason
    together: KeptTogether
    trend: KeptTrend
    life: KeptLife


class PastNormal(msgspec.Struct, frozen=True):
    """A normal alone, without the life and the trends of the machine that it is of."""

    baselines: KeptNormal
    seasons: KeptSeason
    together: KeptTogether


class Judge:
    """The memory of one machine. ``levels`` of its vibration come from `Hearing.level`."""

    def __init__(self, machine: MachineSettings) -> None:
        self.machine = machine
        self.table = table = RowTable(machine)
        states: tuple[State, ...] = ("loaded",)
        if machine.load is not None:
            # Which states there are is not known before they are learned.
            more = machine.load.loaded_above is not None or machine.load.idle_above is None
            states = ("idle", "loaded") if more else ("loaded",)
        self._settle = min(machine.settle_windows, machine.learn_windows - 1)
        self._windows = machine.learn_windows - self._settle  # that a normal is learned from
        self.normal = Normal(table, states, self._windows)
        vectors = min(WINDOW_VECTORS, max(1, round(machine.window_s / VECTOR_LEAST_S)))
        self.together = Together(table.slow, vectors * machine.learn_windows)
        self.wearing = Wearing(len(table.heard), states)
        self.scorer = StreamBank(max(1, len(table.slow)))  # of the windows' medians
        self._seasons = SeasonBank(len(table.slow) * len(states))
        self._trend = Trend()
        self._limits = limits_of(machine, table)
        self._judged: State = states[-1]  # the newest state that was judged
        self._forecasts: tuple[Forecast, ...] = ()
        self._prognosis = NOTHING
        self._warming = self._settle
        self._verdict = Verdict.UNKNOWN
        self._unwell = ""

    def vector(self, state: str, vector: Floats, wall_s: float) -> None:
        """Take one vector of all slow sensors, NaN for none; some of them make a window."""
        if state not in JUDGED or self._warming:
            self.together.break_off()
        else:
            healthy = self._verdict < Verdict.WARNING and not self._unwell
            self.together.take(state, vector, wall_s, healthy=healthy)

    def judge(
        self,
        state: State,
        slow: Mapping[str, float],
        heard: Sequence[Floats],
        wall_s: float,
        *,
        book: LifeBook | None = None,
        local_s: float | None = None,
        unsure: Collection[str] = (),
        unwell: str = "",
    ) -> Judgement:
        """Take one window. ``slow``: level by sensor, NaN for none; ``heard``: as configured.

        ``book``: known lives of its kind. ``local_s``: wall time of the plant's own zone, which
        says what time of day it is; None: UTC. ``unsure``: sensors that are judged and not
        learned from in this window. ``unwell``: what is wrong with the machine besides its levels
        (a named fault, its zone), in words: nothing is learned while it is.
        """
        self._unwell = unwell
        day_s = wall_s if local_s is None else local_s
        values = np.array([slow.get(name, math.nan) for name in self.table.slow])
        score, scored = self._score(values, day_s)
        if state == "stopped":
            self._warming = min(self._warming + 1, self._settle)
        elif state in JUDGED:
            self._judged = state
            sure = np.array([row.sensor not in unsure for row in self.table.rows], dtype=np.bool_)
            self._run(state, self._levels(state, values, heard, day_s), sure, wall_s, day_s)
            life = None
            if book is not None and self.table.heard:
                life = book.remaining(self.wearing.hours, self.wearing.looks)
            self._prognosis = prognosis(self._forecasts, life)
        worst = self.worst()
        self._verdict = worst.verdict
        return Judgement(
            state=state,
            verdict=worst.verdict,
            sigmas=worst.sigmas,
            what=worst.what,
            since_s=worst.since_s,
            score=score,
            scored=scored,
            warming=self._warming,
            prognosis=self._prognosis,
            change=self.together.change,
            change_score=self.together.score,
            growth=math.expm1(self.wearing.growth),
            hours_run=self.wearing.hours,
            runs=0 if book is None else book.runs,
        )

    def renew(self) -> None:
        """The present is the new normal (a person says so): learn it anew."""
        self.normal.renew()
        for row in range(len(self.table.slow) * len(self.normal.states)):
            self._seasons.renew(row)
        self.together.renew()
        self.wearing.renew()
        self._trend.clear()
        self._forecasts, self._prognosis = (), NOTHING

    def normal_now(self) -> PastNormal:
        """The present normal, to go back to it one day."""
        baselines = msgspec.structs.replace(self.normal.saved(), standing=None)
        return PastNormal(baselines, self._seasons.saved(), self.together.saved())

    def fits(self, past: PastNormal) -> bool:
        """Whether it is whole, and of the sensors and states that are configured now."""
        trial = Judge(self.machine)
        every = len(past.baselines.baselines)
        whole = every == trial.normal.count and trial.normal.restore(past.baselines) == every
        return (
            whole and trial._seasons.restore(past.seasons) and trial.together.restore(past.together)
        )

    def go_back(self, past: PastNormal) -> None:
        """Let a past normal be that of now, as the next version; ask `fits` first."""
        version = self.normal.version
        self.renew()
        self.normal.restore(past.baselines)
        self._seasons.restore(past.seasons)
        self.together.restore(past.together)
        self.normal.version = version + 1

    def rows(self) -> RowsNow:
        """How every row of the newest state that was judged stands."""
        hours, levels = self._trend.of(self._judged)
        return self.normal.rows(self._judged, hours, levels, self._forecasts)

    def saved(self) -> KeptJudge:
        """For the store."""
        return KeptJudge(
            self.normal.saved(),
            self._seasons.saved(),
            self.together.saved(),
            self._trend.saved(self.table.names),
            self.wearing.saved(),
        )

    def restore(self, kept: KeptJudge) -> int:
        """Take what the store kept; how many baselines fit what is configured now."""
        fit = self.normal.restore(kept.normal)
        self._seasons.restore(kept.seasons)
        self.together.restore(kept.together)
        self._trend.restore(kept.trend, self.table.names)
        self.wearing.restore(kept.life)
        self._verdict = self.worst().verdict
        return fit

    def _levels(
        self, state: State, values: Floats, heard: Sequence[Floats], day_s: float
    ) -> Floats:
        """The window's level of every row, (rows,)."""
        table = self.table
        level = np.full(len(table), np.nan)
        level[table.level] = values
        times_s = np.full(len(values), day_s)
        level[table.daily] = values - self._seasons.shape(self._days(state), times_s)
        if table.beyond.stop > table.beyond.start:
            level[table.beyond] = self.together.beyond()
            spread = self.together.spread(state)
            if np.isfinite(spread).all():
                # What others let expect is never known better than while it was learned.
                self.normal.floor(state, table.beyond, spread)
        if heard:
            level[table.vibration] = np.concatenate(heard)
        return level

    def _run(self, state: State, level: Floats, sure: Bools, wall_s: float, day_s: float) -> None:
        """A window of a running machine; without any reading nobody knows that it ran."""
        if not np.isfinite(level).any():
            return
        self._trend.add(wall_s, state, level)
        self._forecasts = forecasts(self._trend, state, self._limits)
        self.wearing.hours += self.machine.window_s * HOURS_PER_S
        if self._warming:
            self._warming -= 1
            return
        table = self.table
        well = not self._unwell and self.together.change is None
        learn = sure & (well and self._verdict != Verdict.ALARM)
        centre = self.normal.update(state, level, wall_s, learn=learn)
        self.wearing.take(state, table.levels_heard(level), table.levels_heard(centre))
        verdict = self.normal.verdicts(state)
        usual = np.maximum(verdict[table.level], verdict[table.daily]) < Verdict.WARNING
        usual &= np.isfinite(level[table.level]) & learn[table.level]
        days = self._days(state)[usual]
        if days.size:
            self._seasons.learn(days, level[table.level][usual], np.full(len(days), day_s))

    def _days(self, state: State) -> np.ndarray:
        first = self.normal.states.index(state) * len(self.table.slow)
        return np.arange(first, first + len(self.table.slow))

    def worst(self) -> Worst:
        """What stands: the row that is furthest out, or the wear of all."""
        worst = self.normal.worst()
        if self.wearing.failing and worst.verdict < Verdict.ALARM:
            more = math.expm1(self.wearing.growth)
            what = f"most bands of its vibration have grown by {more:.0%} for good"
            sigmas = self.wearing.growth / LOUDER_FLOOR
            return Worst(Verdict.ALARM, sigmas, what, math.nan)
        learned = self.normal.learned()
        if worst.verdict == Verdict.UNKNOWN and learned < 1.0:
            to_go = (1.0 - learned) * self._windows * self.machine.window_s * HOURS_PER_S
            worst = msgspec.structs.replace(
                worst, what=f"{worst.what}, {duration(to_go)} of running to go"
            )
        if worst.verdict == Verdict.UNKNOWN and self._warming and learned > 0.0:
            what = f"it warms up: judged after {self._warming} more windows"
            return Worst(worst.verdict, math.nan, what, math.nan)
        return worst

    def _score(self, values: Floats, day_s: float) -> tuple[float, str]:
        if not len(values):
            return math.nan, ""
        scores = self.scorer.update(values, np.full(len(values), day_s))
        if not np.isfinite(scores).any():
            return math.nan, ""
        most = int(np.nanargmax(scores))
        return float(scores[most]), f"{self.table.slow[most]}: {self.scorer.reason(most)}"
