"""The slow sensors of one machine as one vector: what does not fit the others, what just changed.

Rules of this file
- Pure. A vector holds one level of each sensor at one moment, in one machine state; each state has
  a normal and a watch of its own. A change of state is no change of the machine.
- Healthy vectors only are learned from: the caller says which are. Learning ends once; a person's
  `renew` begins it anew.
- `beyond` is in the sensor's own unit: how far it is from what the others let expect.
- A change is told with what changed, from where to where, and since when; it holds while the newest
  vectors still differ from those before them. Only the rarest of them rings.

    vector -> residuals.MachineNormal -> beyond what the others let expect -> a row of the baseline
           -> change.ChangeWatch      -> "flow changed from 41.2 to 37.8"
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

import msgspec
import numpy as np

from banksman.maintenance.change import BLOCK_READINGS, SPAN, ChangeWatch, KeptWatch
from banksman.maintenance.rarity import Floats
from banksman.maintenance.residuals import KeptNormal, MachineNormal

# A healthy machine is told to change in this share of blocks of vectors: shown, and rules may ask.
RARE = 0.01
# People are rung for what is so rare: a block is six minutes, and a plant has many machines.
RINGS = 1e-4
LEARN_LEAST = SPAN + 5 * BLOCK_READINGS
HEALTHY_MAX = 3_000  # vectors that are kept to learn from, spread over the time of learning
WINDOW_VECTORS_MAX = 1_000  # of one window; later ones do not count


class Changed(msgspec.Struct, frozen=True):
    """What changed: from ``before`` to ``after``, in the sensor's unit, since ``since_s``.

    ``score``: how rare it is, the most that it was since it is told.
    """

    sensor: str
    state: str
    before: float
    after: float
    since_s: float  # seconds since 1970
    score: float

    @property
    def rings(self) -> bool:
        """Whether it is so rare that people are to be told at once."""
        return self.score >= 1.0 - RINGS


class KeptTogether(msgspec.Struct, frozen=True):
    """What the store keeps, by state."""

    sensors: tuple[str, ...]
    normals: dict[str, KeptNormal]
    watches: dict[str, KeptWatch]


class Together:
    """The vectors of one machine."""

    def __init__(self, sensors: Sequence[str], learn_vectors: int) -> None:
        self.sensors = tuple(sensors)
        self.change: Changed | None = None  # what holds now
        self.score = 0.0  # of the newest vector: how rare such a change is
        self._learn = max(learn_vectors, LEARN_LEAST)
        self._stride = -(-self._learn // HEALTHY_MAX)
        self._normals: dict[str, MachineNormal] = {}
        self._watches: dict[str, ChangeWatch] = {}
        self._healthy: dict[str, list[Floats]] = {}
        self._seen: Counter[str] = Counter()  # healthy vectors, by state
        self._beyond: list[Floats] = []
        self._state = ""
        self._times_s: deque[float] = deque(maxlen=SPAN)  # of the vectors that are watched

    def take(self, state: str, vector: Floats, wall_s: float, *, healthy: bool) -> None:
        """Take one vector, shape (sensors,), NaN where a sensor has nothing."""
        if not self.sensors or not np.isfinite(vector).all():
            return
        if state != self._state:
            self.break_off()
            self._state = state
        self._compare(state, vector, healthy=healthy)
        watch = self._watches.get(state)
        if watch is None:
            watch = self._watches[state] = ChangeWatch(len(self.sensors), self._learn, RARE)
        if watch.learning and not healthy:
            return
        self._times_s.append(wall_s)
        told = watch.update(vector)
        self.score, held = told.score, self.change
        self.change = None
        if told.changing:
            before, after, ago = watch.step(told.sensor)
            name, since_s, score = self.sensors[told.sensor], self._times_s[-ago], told.score
            if held is not None and held.sensor == name and held.score >= score:
                # Where it began is seen best when it stands out most.
                since_s, score = held.since_s, held.score
            self.change = Changed(name, state, before, after, since_s, score)

    def beyond(self) -> Floats:
        """Of the window that ends: medians, (sensors,); NaN while not known. The next begins."""
        if not self._beyond:
            return np.full(len(self.sensors), np.nan)
        taken = np.stack(self._beyond)
        self._beyond.clear()
        return np.asarray(np.median(taken, axis=0))

    def spread(self, state: str) -> Floats:
        """The healthy standard deviation of `beyond`, (sensors,); NaN while not known."""
        normal = self._normals.get(state)
        return np.full(len(self.sensors), np.nan) if normal is None else normal.beyond_spread

    def break_off(self) -> None:
        """What comes does not follow what was: another state, or a pause."""
        self.change, self._state = None, ""
        self.score = 0.0
        self._beyond.clear()
        self._times_s.clear()
        for watch in self._watches.values():
            watch.break_off()

    def renew(self) -> None:
        """Learn anew what is normal."""
        self.break_off()
        self._normals.clear()
        self._watches.clear()
        self._healthy.clear()
        self._seen.clear()

    def saved(self) -> KeptTogether:
        """For the store; what is half learned is left out."""
        watches = {state: watch.saved() for state, watch in self._watches.items()}
        return KeptTogether(
            self.sensors,
            {state: normal.saved() for state, normal in self._normals.items()},
            {state: kept for state, kept in watches.items() if kept is not None},
        )

    def restore(self, kept: KeptTogether) -> bool:
        """Take what the store kept; False: it is of other sensors."""
        if kept.sensors != self.sensors:
            return False
        for state, normal in kept.normals.items():
            known = MachineNormal.restored(normal, len(self.sensors))
            if known is not None:
                self._normals[state] = known
        for state, saved in kept.watches.items():
            watch = ChangeWatch(len(self.sensors), self._learn, RARE)
            if watch.restore(saved):
                self._watches[state] = watch
        return True

    def _compare(self, state: str, vector: Floats, *, healthy: bool) -> None:
        if len(self.sensors) < 2:
            return
        normal = self._normals.get(state)
        if normal is not None:
            if len(self._beyond) < WINDOW_VECTORS_MAX:
                self._beyond.append(normal.beyond(vector))
            return
        if not healthy:
            return
        learned = self._healthy.setdefault(state, [])
        if self._seen[state] % self._stride == 0:
            learned.append(vector)
        self._seen[state] += 1
        if self._seen[state] >= self._learn:
            self._normals[state] = MachineNormal(np.stack(learned))
            learned.clear()
