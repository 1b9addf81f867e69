"""A machine's tacho: pulses in samples that were taken beside its vibration. Pure.

Rules of this file
- One device samples both, so sample k of one is sample k of the other; nothing is lined up by
  clocks. A block of the tacho that is missing or bad is a block without pulses, never a shift.
- A pulse begins where the signal rises through the upper third of its range; it must fall under
  the lower third before the next, so that an edge that trembles is one pulse. The place between
  two samples is read from the line through them.
- Turns that are half as long again as most are pulses that were missed; twice as many are pulses
  that were made up: such a window is not read by angle, and the reason is told.

    range  ‾‾‾|‾‾‾‾|___________|‾‾‾‾‾|____   2/3  a pulse begins
           ___|    |___________|     |____   1/3  it may begin again
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from banksman.maintenance.orders import ByAngle, by_angle
from banksman_drivers.ports import Burst, Quality

Floats = npt.NDArray[np.float64]

UPPER, LOWER = 2 / 3, 1 / 3  # of the range
UNEVEN_MAX = 1.5  # of one turn to most turns: no shaft with a rotor does that within a second
WAITING_MAX = 64  # bursts of a machine that wait for their tacho


def pulses_of(samples: npt.NDArray[np.floating], rate_hz: float) -> Floats:
    """When each pulse begins, s after the first sample; empty for a signal that does not move."""
    level = np.asarray(samples, dtype=np.float64)
    if len(level) < 2 or not bool(np.isfinite(level).all()):
        return np.empty(0)
    low, high = float(level.min()), float(level.max())
    upper, lower = low + UPPER * (high - low), low + LOWER * (high - low)
    if not upper > lower:
        return np.empty(0)
    # What is between the thirds is what it was before: 1 over, -1 under, 0 between.
    where = (level >= upper).astype(np.int8) - (level <= lower).astype(np.int8)
    sure = np.flatnonzero(where)
    rises = np.flatnonzero((where[sure][1:] > 0) & (where[sure][:-1] < 0)) + 1
    at = sure[rises]
    before, after = level[at - 1], level[at]
    part = (upper - before) / (after - before)
    times: Floats = (at - 1 + part) / rate_hz
    return times


def turned_by(
    samples: npt.NDArray[np.floating],
    tacho: npt.NDArray[np.floating],
    rate_hz: float,
    pulses_per_turn: int,
) -> ByAngle:
    """``samples`` by the angle that ``tacho``, sampled beside them, tells.

    Raises ValueError, with the reason, where its pulses tell no angle.
    """
    pulses = pulses_of(tacho, rate_hz)
    turned = by_angle(samples, rate_hz, pulses, pulses_per_turn)
    turns_s = np.diff(pulses)
    usual_s = float(np.median(turns_s))
    if turns_s.max() > UNEVEN_MAX * usual_s or turns_s.min() * UNEVEN_MAX < usual_s:
        raise ValueError(
            f"its pulses are {turns_s.min():.3g} to {turns_s.max():.3g} s apart: some were missed"
            " or made up; see to its gap and its mark"
        )
    return turned


class Pairing:
    """Each burst of a machine with the tacho's burst of the same block.

    ``unpaired`` counts bursts that went on without: the tacho gave none for that block.
    """

    def __init__(self, tacho: str) -> None:
        """``tacho``: the sensor."""
        self.unpaired = 0
        self._tacho = tacho
        self._newest: Burst | None = None
        self._waiting: deque[Burst] = deque()

    def take(self, burst: Burst) -> list[tuple[Burst, Burst]]:
        """Bursts that need to wait no longer, each with its tacho, oldest first.

        A sensor's burst waits for its tacho until the sensor's next one, at most.
        """
        if burst.sensor == self._tacho:
            self._newest = burst
            done = [each for each in self._waiting if each.mono_ns <= burst.mono_ns]
            for each in done:
                self._waiting.remove(each)
            return [self._pair(each) for each in done]
        if self._newest is not None and self._newest.mono_ns >= burst.mono_ns:
            return [self._pair(burst)]
        late = [each for each in self._waiting if each.sensor == burst.sensor]
        if not late and len(self._waiting) == WAITING_MAX:
            late = [self._waiting[0]]
        for each in late:
            self._waiting.remove(each)
        self._waiting.append(burst)
        return [self._pair(each) for each in late]

    def _pair(self, burst: Burst) -> tuple[Burst, Burst]:
        tacho = self._newest
        if tacho is not None and tacho.quality is not Quality.BAD and _beside(tacho, burst):
            samples = tacho.samples
        else:
            self.unpaired += 1
            samples = np.full(len(burst.samples), np.nan, dtype=np.float32)
        # Always alike but for the samples, so that joining cuts both at the same places.
        beside = Burst(self._tacho, samples, burst.rate_hz, "", Quality.GOOD, burst.mono_ns)
        return burst, beside


def _beside(tacho: Burst, burst: Burst) -> bool:
    alike = len(tacho.samples) == len(burst.samples) and tacho.rate_hz == burst.rate_hz
    return alike and tacho.mono_ns == burst.mono_ns
