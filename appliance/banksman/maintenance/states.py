"""What is the machine doing: stopped, idle or loaded, told by one load signal.

Rules of this file
- Pure. The load is any signal that says how hard it works: current, speed, pressure.
- They are given by a person or learned from the load itself: its values fall into one, two or three
  heaps. A heap counts where the gap to the next is wide against the heaps themselves.
- Stopped is what draws next to nothing: the lowest heap is called so only where it lies within
  ZERO_SHARE of the highest one's load from zero. A pump that runs at half and at full load never
  stops, and both are judged.
- A state changes when the load is clearly on the other side (a tenth of the gap) and stays there
  for SETTLE_READINGS. In between, and while nothing is known, the state is "" and no window counts:
  a machine that speeds up is no healthy example of anything.
- Learning ends once: what a machine can do is a fact about it. `MachineStates` is a value that the
  store keeps.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from banksman.maintenance.rarity import Floats

# A transmitter's offset, a drive's own draw; an idling motor takes a tenth and more.
ZERO_SHARE = 0.05
HEAPS_MAX = 3
LEARN_READINGS = 5_000
SETTLE_READINGS = 5
# Two heaps are two when their middles are so many spreads apart,
APART_SPREADS = 6.0
# and when the smaller one holds at least this share of all readings.
SHARE_LEAST = 0.02
HYSTERESIS_SHARE = 0.1
ROUNDS = 30


class MachineStates(msgspec.Struct, frozen=True):
    """Names of the states by rising load, and the middles of their heaps of load values."""

    names: tuple[str, ...]
    middles: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.middles, self.middles[1:], strict=False))
        if (
            not 1 <= len(self.names) <= HEAPS_MAX
            or len(self.names) != len(self.middles)
            or not rising
        ):
            raise ValueError("every state needs a name and a typical load, by rising load")


def learned(loads: Floats) -> MachineStates:
    """The states that these load values show, shape (n,), n > 0 and finite."""
    for heaps in (3, 2):
        middles = _heaps(loads, heaps)
        if middles is not None:
            return named(middles.tolist())
    return named([float(np.median(loads))])


def named(middles: Sequence[float]) -> MachineStates:
    """The states whose typical loads these are, one to three of them, rising."""
    return MachineStates(_names(middles), tuple(middles))


def _names(middles: Sequence[float]) -> tuple[str, ...]:
    if len(middles) == 1:
        return ("loaded",)
    stands = abs(middles[0]) <= ZERO_SHARE * max(abs(each) for each in middles)
    if len(middles) == 2:
        return ("stopped" if stands else "idle", "loaded")
    if stands:
        return ("stopped", "idle", "loaded")
    # Three ways to run: what lies closer together is one.
    low, middle, high = middles
    return ("idle", "idle" if middle - low < high - middle else "loaded", "loaded")


class StateWatch:
    """The state of one machine, reading by reading."""

    def __init__(
        self, states: MachineStates | None = None, learn_readings: int = LEARN_READINGS
    ) -> None:
        """Without ``states`` they are learned from the first ``learn_readings``."""
        self.states = states
        self.state = ""  # "" while moving between states or not known
        self._learning: list[float] = []
        self._learn = learn_readings
        self._index = -1
        self._candidate = -1
        self._agreed = 0

    def update(self, load: float) -> str:
        """Take one reading of the load; a NaN makes the state unknown."""
        if not np.isfinite(load):
            self._index = self._candidate = -1
            self.state = ""
            return self.state
        if self.states is None:
            self._learning.append(load)
            if len(self._learning) >= self._learn:
                self.states = learned(np.array(self._learning))
                self._learning.clear()
            return self.state
        found = self._nearest(load, self.states.middles)
        self._agreed = self._agreed + 1 if found == self._candidate else 1
        self._candidate = found
        settled = self._agreed >= SETTLE_READINGS
        if settled:
            self._index = found
        steady = settled or found == self._index
        self.state = self.states.names[self._index] if steady and self._index >= 0 else ""
        return self.state

    def at(self, load: float) -> str:
        """The state of a load, leaning to the present one; "" while none is known."""
        if self.states is None:
            return ""
        return self.states.names[self._nearest(load, self.states.middles)]

    def _nearest(self, load: float, middles: Sequence[float]) -> int:
        if self._index >= 0:
            lower, upper = self._bounds(middles)
            if lower <= load <= upper:
                return self._index
        return int(np.abs(np.array(middles) - load).argmin())

    def _bounds(self, middles: Sequence[float]) -> tuple[float, float]:
        """Within these the present state holds: a little past the halves of the gaps."""
        reach = 0.5 + HYSTERESIS_SHARE
        here = middles[self._index]
        lower = -np.inf
        if self._index:
            lower = here - reach * (here - middles[self._index - 1])
        upper = np.inf
        if self._index + 1 < len(middles):
            upper = here + reach * (middles[self._index + 1] - here)
        return lower, upper


def _heaps(loads: Floats, heaps: int) -> Floats | None:
    """The middles of so many clear heaps (Lloyd's k-means on a line), None where there are none."""
    low, high = float(loads.min()), float(loads.max())
    middles = low + (high - low) * np.arange(heaps) / (heaps - 1)
    for _ in range(ROUNDS):
        which = np.abs(loads[:, None] - middles).argmin(axis=1)
        if len(np.unique(which)) < heaps:
            return None
        moved = np.array([np.median(loads[which == heap]) for heap in range(heaps)])
        if np.array_equal(moved, middles):
            break
        middles = moved
    which = np.abs(loads[:, None] - middles).argmin(axis=1)
    shares = np.bincount(which, minlength=heaps) / len(loads)
    if shares.min() < SHARE_LEAST:
        return None
    spreads = [
        1.4826 * np.median(np.abs(loads[which == heap] - middles[heap])) for heap in range(heaps)
    ]
    gaps = np.diff(middles)
    widths = np.array(spreads[:-1]) + np.array(spreads[1:])
    return (
        middles if bool((gaps > 0.5 * APART_SPREADS * widths).all() and (gaps > 0).all()) else None
    )
