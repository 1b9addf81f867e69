"""One slow sensor's readings of one window: its level, and whether it may be believed. Pure.

Rules of this file
- Noting costs a microsecond: it happens on the control loop. `take` judges, once a window.
- What a flaw forbids is not concluded: the window has no level, and the reason goes with it.
- An UNCERTAIN reading counts in the level, because what is out of a sensor's plausible range may be
  what matters; a window of which half or more is UNCERTAIN is judged, and never learned from.

    | flaw  | how it shows |
    |---|---|
    | stuck | far more equal readings in a row than ever ended by themselves |
    | clock | a reading older than the one before it, or younger than now |

Rest is no flaw: what stays at the end of all that it ever showed (a pump that stands, an empty
tank) may do so.
"""

from __future__ import annotations

import math

import msgspec

from banksman.maintenance.gathering import Gathering
from banksman.maintenance.integrity import Flaw
from banksman_drivers.ports import Quality

# So many changes must have been seen before a sensor's rests are known.
CHANGES_LEAST = 50
RUN_LEAST, RUN_TIMES = 60, 4
AHEAD_NS = 1_000_000_000  # of the box's own time: what is later was told by no clock of ours


class SlowWindow(msgspec.Struct, frozen=True):
    """``level`` is NaN without a reading, or where a flaw forbids it; ``sure``: learn from it."""

    level: float
    sure: bool
    flaws: tuple[Flaw, ...] = ()


class SlowSense:
    """Takes readings; gives a window's level and flaws."""

    def __init__(self) -> None:
        self._gathering = Gathering()
        self._readings = self._uncertain = 0  # of this window
        self._back_ns = 0  # by how much a reading of this window was older than one before it
        self._newest_ns = 0
        self._last = math.nan
        self._low, self._high = math.inf, -math.inf
        self._run = self._longest = self._changes = 0

    def note(self, value: float, mono_ns: int, *, uncertain: bool) -> None:
        """Take one reading; NaN is none."""
        if value != value:
            return
        if mono_ns < self._newest_ns:
            self._back_ns = max(self._back_ns, self._newest_ns - mono_ns)
        elif mono_ns == self._newest_ns and value == self._last:
            return  # told twice
        self._newest_ns = mono_ns
        self._gathering.add(value)
        self._readings += 1
        self._uncertain += uncertain
        if value == self._last:
            self._run += 1
            return
        self._changes += 1
        self._longest = max(self._longest, self._run)
        self._run, self._last = 1, value
        self._low, self._high = min(self._low, value), max(self._high, value)

    def take(self, now_ns: int) -> SlowWindow:
        """The window is over; the next begins."""
        flaws = [flaw for flaw in (self._stuck(), self._clock(now_ns)) if flaw is not None]
        level = self._gathering.take()
        sure = 2 * self._uncertain < self._readings
        self._readings = self._uncertain = self._back_ns = 0
        return SlowWindow(math.nan if flaws else level, sure and not flaws, tuple(flaws))

    def _stuck(self) -> Flaw | None:
        known = self._changes > CHANGES_LEAST
        if not known or self._run < max(RUN_LEAST, RUN_TIMES * self._longest):
            return None
        if self._last in (self._low, self._high):
            return None
        told = (
            f"{self._run} readings in a row are {self._last:g}, and no more than {self._longest}"
            " ever were: the sensor is stuck"
        )
        return Flaw("stuck", Quality.UNCERTAIN, ("level",), told)

    def _clock(self, now_ns: int) -> Flaw | None:
        ahead_ns = self._newest_ns - now_ns
        if ahead_ns > AHEAD_NS:
            self._newest_ns = 0  # what comes is not behind it
            told = f"a reading is {ahead_ns / 1e9:.1f} s ahead of the box's time"
        elif self._back_ns:
            told = f"a reading is {self._back_ns / 1e9:.3f} s older than one before it"
        else:
            return None
        return Flaw("clock", Quality.UNCERTAIN, ("level",), f"{told}: its clock jumped")
