"""Sample times of a sound card: its own crystal against CLOCK_MONOTONIC, from counts. Pure.

Rules of this file
- A card tells "so many frames by now". That is never early, but often late: frames come in packets
  (USB: 1 ms and more), and whoever asks may be held up. So the truth is the lower edge:

    time |            . '                .  late: a busy box
         |       .  .'_--
         |    . _--'.        the line lies under all points; its slope is the true period
         | _--'
         +---------------- frames counted

- Each second keeps only its earliest point. The period is the median slope between all pairs of
  them (Theil-Sen; Sen, JASA 63, 1968): a few bad seconds among 64 do not move it.
- The time of the newest sample is the lower edge over the last seconds, never after it was seen,
  and times strictly increase.
- A whole second that lies late by over 20 ms says that samples are missing of which the card told
  nothing (a damaged USB packet): counted, and the times begin anew.
- Not a chip's FIFO (i2c/fifo_clock.py): no level is known between two times, so there are no
  bounds from both sides, as that clock stands on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec
import numpy as np

BLOCK_NS = 1_000_000_000
EDGES = 64
EDGE_BLOCKS = 8  # the drift of a crystal within these is nothing
SETTLED_BLOCKS = 4
SLIP_NS = 20_000_000
OFF_LIMIT = 0.02  # crystals keep 0.01 %; cards that run free of one keep 1 %
AHEAD_NS = 6_000_000_000  # no ring that a config may ask for holds so much

Point = tuple[int, int]  # samples counted, and the time at which they had been


class Taken(msgspec.Struct, frozen=True):
    """One take. ``lost``: samples missing before it; ``gap``: it does not continue the last one."""

    last_ns: int
    lost: int
    gap: bool


class SampleClock:
    """The sample clock of one card. ``lost`` and ``overruns`` count for its life."""

    def __init__(self, nominal_hz: float) -> None:
        self.lost = 0
        self.overruns = 0
        self._nominal_ns = 1e9 / nominal_hz
        self._period_ns = self._nominal_ns
        self._settled = False
        self._count = 0
        self._began_ns = 0
        self._last_ns: int | None = None
        self._edges: deque[Point] = deque(maxlen=EDGES)
        self._block_ns = 0  # when the block under way began
        self._best: Point | None = None  # its earliest point

    @property
    def rate_hz(self) -> float:
        """The rate as learned so far; it is kept over gaps."""
        return 1e9 / self._period_ns

    @property
    def drift_ppm(self) -> float:
        """How much faster than nominal the card samples."""
        return (self._nominal_ns / self._period_ns - 1) * 1e6

    @property
    def settled(self) -> bool:
        """Whether the rate was measured, not just assumed."""
        return self._settled

    @property
    def off(self) -> bool:
        """Whether the rate is further from nominal than any healthy card's."""
        return self._settled and abs(self.drift_ppm) > OFF_LIMIT * 1e6

    def restart(self) -> None:
        """What comes next continues nothing; the rate is kept, and times go on increasing."""
        self._count = 0
        self._best = None
        self._edges.clear()

    def racing(self, at_ns: int) -> bool:
        """Whether samples outrun time: no card, or one without a clock."""
        passed_ns = at_ns - self._began_ns
        return self._count * self._nominal_ns > 2 * passed_ns + AHEAD_NS

    def take(self, count: int, at_ns: int, overrun: bool = False) -> Taken:
        """``count`` (at least 1) more samples, the last of them taken at ``at_ns`` or before."""
        lost = 0
        gap = overrun
        if overrun:
            self.overruns += 1
            if self._count and self._last_ns is not None:
                lost = max(0, round((at_ns - self._last_ns) / self._period_ns) - count)
            self.restart()
        elif self._best is not None and at_ns - self._block_ns >= BLOCK_NS:
            lost = self._end_block(self._best, at_ns)
            gap = lost > 0
        if not self._count:
            self._began_ns = round(at_ns - count * self._period_ns)
            self._block_ns = at_ns
        self._count += count
        self.lost += lost
        best = self._best
        if best is None or at_ns <= self._edge_ns([best]):
            self._best = (self._count, at_ns)
        return Taken(self._newest_ns(at_ns), lost, gap)

    def _edge_ns(self, edges: Iterable[Point]) -> float:
        """When the newest sample was taken, by the earliest of these."""
        return min(ns + (self._count - count) * self._period_ns for count, ns in edges)

    def _end_block(self, best: Point, at_ns: int) -> int:
        """A second is over: learn from its earliest point. The samples that it lacks."""
        lost = 0
        count, ns = best
        if self._settled and self._edges:
            recent = list(self._edges)[-EDGE_BLOCKS:]
            late_ns = ns - min(at + (count - n) * self._period_ns for n, at in recent)
            if late_ns > SLIP_NS:
                lost = round(late_ns / self._period_ns)
                self._edges.clear()
        self._edges.append(best)
        if len(self._edges) > SETTLED_BLOCKS:
            self._learn()
        self._block_ns, self._best = at_ns, None
        return lost

    def _learn(self) -> None:
        points = np.array(self._edges, dtype=np.float64)
        first, second = np.triu_indices(len(points), 1)
        counts, times = (points[second] - points[first]).T
        self._period_ns = float(np.median(times / counts))
        self._settled = True

    def _newest_ns(self, at_ns: int) -> int:
        known = list(self._edges)[-EDGE_BLOCKS:]
        if self._best is not None:
            known.append(self._best)
        newest_ns = min(at_ns, round(self._edge_ns(known)))
        if self._last_ns is not None:
            newest_ns = max(newest_ns, self._last_ns + 1)
        self._last_ns = newest_ns
        return newest_ns
