"""Bursts of one sensor joined to windows long enough to name a fault in. Pure.

Rules of this file
- A window never spans a gap: bursts are joined where the newer one's samples fill the time between
  them; otherwise what was held is dropped, and counted.
- Bounded: one window and one burst are held.
- The time of a window is that of its last sample; its quality the worst of its bursts, and every
  flaw of any of them is its own: what one part forbids is not concluded from the whole.

    bursts    |----|----|----|      |----|----|----|----|----|
    windows    dropped, a gap       [     one      ][ held
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.integrity import Flaw, FlawKind, check_clock, quality_of
from banksman_drivers.ports import Burst, Quality

RATE_SLACK = 1e-3  # a learned rate creeps by parts per million; another rate is another recording


class Joined(msgspec.Struct, frozen=True):
    """One gapless window, shape (n,), float32, in ``unit``; ``flaws`` of any burst in it."""

    sensor: str
    samples: npt.NDArray[np.float32]
    rate_hz: float
    unit: str
    quality: Quality
    mono_ns: int
    flaws: tuple[Flaw, ...] = ()


class Joining:
    """Joins the bursts of one sensor. ``dropped`` counts samples that a gap left in too short a
    piece.

    ``gapless``: the sensor's bursts follow without pause, so that a pause is a flaw.
    """

    def __init__(self, window_s: float, *, gapless: bool) -> None:
        self.dropped = 0
        self._window_s = window_s
        self._gapless = gapless
        self._held: list[npt.NDArray[np.float32]] = []
        self._count = 0
        self._last: Burst | None = None
        self._quality = Quality.GOOD
        self._flaws: dict[FlawKind, Flaw] = {}  # of what is held, one of each kind

    @property
    def held_samples(self) -> int:
        """What waits for the rest of its window."""
        return self._count

    def take(self, burst: Burst, of_burst: Sequence[Flaw] = ()) -> tuple[list[Joined], list[Flaw]]:
        """The windows that this burst completes, oldest first, and what its time says is wrong.

        ``of_burst``: what else is wrong with it; every window that holds a part of it has that.
        """
        flaws = self._join_or_drop(burst)
        self._last = burst
        if burst.quality is Quality.BAD:
            self._drop()
            return [], flaws
        self._held.append(burst.samples)
        self._count += len(burst.samples)
        present = {flaw.kind: flaw for flaw in (*flaws, *of_burst)}
        self._flaws = {**present, **self._flaws}
        self._quality = min(self._quality, burst.quality, quality_of(of_burst))
        size = max(1, round(self._window_s * burst.rate_hz))
        if self._count < size:
            return [], flaws
        together = np.concatenate(self._held)
        done = []
        for end in range(size, len(together) + 1, size):
            later_ns = round((len(together) - end) * 1e9 / burst.rate_hz)
            done.append(
                Joined(
                    burst.sensor,
                    together[end - size : end],
                    burst.rate_hz,
                    burst.unit,
                    self._quality,
                    burst.mono_ns - later_ns,
                    tuple(self._flaws.values()),
                )
            )
        rest = together[len(together) // size * size :]
        self._held, self._count = [rest], len(rest)
        self._quality, self._flaws = Quality.GOOD, {}
        if len(rest):
            self._quality, self._flaws = min(burst.quality, quality_of(of_burst)), present
        return done, flaws

    def _join_or_drop(self, burst: Burst) -> list[Flaw]:
        last = self._last
        if last is None:
            return []
        count, rate_hz = len(burst.samples), burst.rate_hz
        flaws = check_clock(last.mono_ns, burst.mono_ns, count, rate_hz, self._gapless)
        alike = abs(rate_hz / last.rate_hz - 1) <= RATE_SLACK and burst.unit == last.unit
        joined = not check_clock(last.mono_ns, burst.mono_ns, count, rate_hz, gapless=True)
        if not (alike and joined):
            self._drop()
        return flaws

    def _drop(self) -> None:
        self.dropped += self._count
        self._held, self._count = [], 0
        self._quality, self._flaws = Quality.GOOD, {}
