"""One machine's life so far: hours run, how far it has decayed, how it looked at each moment. Pure.

Rules of this file
- Hours count while it runs, since it was new: since a person last said "it failed" or "replaced".
- How it looks: the kurtosis of each vibration sensor, median of LOOK_WINDOWS, and the growth that
  most bands share (degradation.py), never falling. Both are logarithms of ratios, so machines of
  one kind compare.
- Each state of the machine has an indicator of its own; the greatest growth counts.
- Its moments are bounded: when MOMENTS_MAX are kept, every second one goes.
- "It failed" is a person's word. It ends the life: what was seen becomes a known run to failure,
  from which lives of the same kind are told (life.py).

    window -> hours + window -> growth, look -> moment ... "it failed" -> Run -> LifeBook
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from banksman.maintenance.degradation import DegradationIndicator
from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.levels import BAND_LEVELS, KURTOSIS
from banksman.maintenance.life import Run
from banksman.maintenance.rarity import Floats

LOOK_WINDOWS = 30
MOMENTS_MAX = 500
MOMENTS_LEAST = 10  # fewer say nothing about a life


class KeptLife(msgspec.Struct, frozen=True):
    """A life for the store: ``moments`` (n, 1 + looks), hours first; the newest looks' kurtosis."""

    hours: float
    growth: float
    stride: int
    moments: Packed
    lately: Packed


class KeptRun(msgspec.Struct, frozen=True):
    """A known run to failure for the store; ``moments`` as in `KeptLife`."""

    name: str
    life_hours: float
    moments: Packed


class Wearing:
    """The present life of one machine with ``sensors`` vibration sensors."""

    def __init__(self, sensors: int, states: Sequence[str]) -> None:
        self.sensors = sensors
        self._states = tuple(states)
        self._begin()

    def _begin(self) -> None:
        self.hours = 0.0  # run since new
        self._indicators = {state: DegradationIndicator() for state in self._states}
        self._lately: deque[Floats] = deque(maxlen=LOOK_WINDOWS)
        self._moments: list[Floats] = []
        self._stride, self._since = 1, 0

    @property
    def growth(self) -> float:
        """How far it has decayed: the logarithm of the ratio to normal, never falling."""
        return max(each.growth for each in self._indicators.values())

    @property
    def failing(self) -> bool:
        """Most bands have grown by half for good."""
        return any(each.failing for each in self._indicators.values())

    @property
    def looks(self) -> Floats:
        """How it looks now, shape (sensors + 1,); NaN before the first window."""
        if not self._lately:
            return np.full(self.sensors + 1, np.nan)
        return np.append(np.median(np.stack(self._lately), axis=0), self.growth)

    def take(self, state: str, levels: Floats, centre: Floats) -> None:
        """Take one running window; levels and their normal, both (sensors, LEVELS), NaN for none.

        Of a machine without a vibration sensor only the hours count; the caller adds them.
        """
        if not self.sensors or np.isnan(levels).any():
            return  # a sensor that said nothing: this moment is not known
        bands, normal = levels[:, BAND_LEVELS].ravel(), centre[:, BAND_LEVELS].ravel()
        self._indicators[state].update(bands, normal)
        self._lately.append(levels[:, KURTOSIS])
        self._since += 1
        if self._since >= self._stride:
            self._since = 0
            self._moments.append(np.concatenate(([self.hours], self.looks)))
            if len(self._moments) >= MOMENTS_MAX:
                del self._moments[::2]
                self._stride *= 2

    def failed(self, name: str) -> Run | None:
        """It failed: its life as a known run, None where too little of it was seen. It is new."""
        moments, hours = self._moments, self.hours
        self._begin()
        if len(moments) < MOMENTS_LEAST:
            return None
        table = np.stack(moments)
        return Run(name, table[:, 0], table[:, 1:], hours)

    def replaced(self) -> None:
        """It did not fail and it is new: what was seen says nothing of lives."""
        self._begin()

    def renew(self) -> None:
        """What is normal changed, not its age: decay is measured against the new normal."""
        hours, moments = self.hours, self._moments
        stride, since, lately = self._stride, self._since, self._lately
        self._begin()
        self.hours, self._moments, self._lately = hours, moments, lately
        self._stride, self._since = stride, since

    def saved(self) -> KeptLife:
        """For the store."""
        width = self.sensors + 2
        moments = np.stack(self._moments) if self._moments else np.zeros((0, width))
        lately = np.stack(self._lately) if self._lately else np.zeros((0, self.sensors))
        return KeptLife(self.hours, self.growth, self._stride, packed(moments), packed(lately))

    def restore(self, kept: KeptLife) -> bool:
        """Take what the store kept; False: it is of other sensors, or damaged."""
        moments = unpacked(kept.moments, None, self.sensors + 2, finite=True)
        lately = unpacked(kept.lately, None, self.sensors, finite=True)
        sane = np.isfinite([kept.hours, kept.growth]).all() and kept.stride >= 1
        if moments is None or lately is None or not sane or kept.hours < 0.0:
            return False
        self._begin()
        self.hours, self._stride = kept.hours, kept.stride
        self._moments = list(moments[-MOMENTS_MAX:])
        self._lately.extend(lately)
        for indicator in self._indicators.values():
            indicator.growth = max(0.0, kept.growth)
        return True


def kept_run(run: Run) -> KeptRun:
    """A known run for the store."""
    table = np.concatenate([run.hours[:, None], run.looks], axis=1)
    return KeptRun(run.name, run.life_hours, packed(table))


def known_run(kept: KeptRun) -> Run | None:
    """A known run from the store; None: it is damaged."""
    table = unpacked(kept.moments, None, None, finite=True)
    if table is None or len(table) < MOMENTS_LEAST or table.shape[1] < 2:
        return None
    if not kept.life_hours >= float(table[-1, 0]):
        return None
    return Run(kept.name, table[:, 0], table[:, 1:], kept.life_hours)
