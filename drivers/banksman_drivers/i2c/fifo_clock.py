"""Sample times from FIFO counts: when was each sample taken, and how fast is the chip really? Pure.

Rules of this file
- The chip samples by a clock of its own, some per cent off and drifting. All we learn is how many
  samples lay in its FIFO at a moment that we know only as "between two times".
- That count is a hard bound on the newest sample's time, and the estimate never leaves it:

    chip     |    |    |    |    |    |    |          samples, one period apart
    us             [..]                  [..]         each bracket: the level was read in it
    bound        (-----]              (-----]         before - period < newest sample <= after

- Within a take the samples are equally spaced; times strictly increase and never lie in the future.
- The period is what a long span of counts says: span / samples. An error of one period in the span
  is all that can be, so the rate is known to 1/samples. Until then it is the nominal one.
- A bracket wider than a period (the box was busy between its two ends) teaches nothing of the rate.
- A gap breaks the count: the span begins anew after it, the rate that was learned is kept.
- Samples are missing when the chip says so (overrun), or when the time that passed holds at least
  one more than were counted and the rate is known well enough to say so.
"""

from __future__ import annotations

from collections import deque

import msgspec

SETTLED_SAMPLES = 400
RATE_DOUBT = 0.005  # how well the rate is known by then: a period at each end of the span
MARK_SAMPLES = 400  # the span moves on in steps of this many
MARKS = 64  # 25 600 samples: the drift is known to 40 ppm
OFF_LIMIT = 0.15  # makers promise 10 % at worst (LIS3DH, table 4)


class Taken(msgspec.Struct, frozen=True):
    """One take. Sample i of n was taken at ``last_ns - (n - 1 - i) * period_ns``.

    ``lost``: samples missing before the first of these, as far as time tells. ``gap``: they do not
    continue the last take.
    """

    last_ns: int
    period_ns: float
    lost: int
    gap: bool


class FifoClock:
    """The sample clock of one FIFO. ``lost`` and ``overruns`` count for its life."""

    def __init__(self, nominal_hz: float) -> None:
        self.lost = 0
        self.overruns = 0
        self._nominal_ns = 1e9 / nominal_hz
        self._period_ns = self._nominal_ns
        self._settled = False
        self._last_ns: float | None = None
        self._bracket_ns = 0  # how wide the last one was
        self._count = 0
        self._marks: deque[tuple[int, float]] = deque(maxlen=MARKS)

    @property
    def rate_hz(self) -> float:
        """The rate as learned so far."""
        return 1e9 / self._period_ns

    @property
    def drift_ppm(self) -> float:
        """How much faster than nominal the chip samples, in parts per million."""
        return (self._nominal_ns / self._period_ns - 1) * 1e6

    @property
    def off(self) -> bool:
        """Whether the rate is further from nominal than any healthy chip's."""
        return self._settled and abs(self.drift_ppm) > OFF_LIMIT * 1e6

    @property
    def settled(self) -> bool:
        """Whether the rate was measured, not just assumed."""
        return self._settled

    def restart(self) -> None:
        """The chip was started anew: what comes next continues nothing. The rate is kept."""
        self._last_ns = None
        self._marks.clear()

    def take(self, count: int, before_ns: int, after_ns: int, overrun: bool = False) -> Taken:
        """``count`` (at least 1) samples were in the FIFO between the two times."""
        self.overruns += overrun
        if self._last_ns is None:
            lost, gap = 0, overrun
            newest_ns = float(before_ns)
            period_ns = self._period_ns
        else:
            lost = self._missing(count, before_ns, overrun)
            gap = overrun or lost > 0
            newest_ns = self._last_ns + (count + lost) * self._period_ns
            newest_ns = min(float(after_ns), max(before_ns - self._period_ns, newest_ns))
            # More than the time can hold (a wrong rate, a late look): they share what there is.
            room_ns = max(1.0, (newest_ns - self._last_ns) / (count + lost))
            newest_ns = max(newest_ns, self._last_ns + count + lost)
            period_ns = min(self._period_ns, room_ns)
        if gap:
            self._marks.clear()
        self.lost += lost
        self._last_ns = newest_ns
        self._bracket_ns = after_ns - before_ns
        self._count += count
        if self._bracket_ns <= self._nominal_ns:
            self._learn((before_ns + after_ns) / 2)
        return Taken(int(newest_ns), period_ns, lost, gap)

    def _missing(self, count: int, before_ns: int, overrun: bool) -> int:
        """How many samples the time holds beyond those counted.

        The newest sample is up to a period old, and so was the last one when it was taken: without
        a loss ``passed`` is under 2 periods and the last bracket's width, and 0.5 on average.
        """
        if self._last_ns is None:
            return 0
        passed = (before_ns - self._last_ns) / self._period_ns - count
        if overrun:
            return max(0, round(passed - 0.5))
        certain = 2 + self._bracket_ns / self._period_ns + RATE_DOUBT * count
        return max(1, round(passed - 0.5)) if self._settled and passed >= certain else 0

    def _learn(self, at_ns: float) -> None:
        marks = self._marks
        if not marks:
            marks.append((self._count, at_ns))
            return
        samples = self._count - marks[0][0]
        if samples >= SETTLED_SAMPLES:
            self._period_ns = (at_ns - marks[0][1]) / samples
            self._settled = True
        if self._count - marks[-1][0] >= MARK_SAMPLES:
            marks.append((self._count, at_ns))
