"""Did the machine just change? Change points of its sensors, learned from its own beginning.

Rules of this file
- Pure; one vector of readings at a time, all sensors of one machine at one moment.
- The mean of the newest RECENT readings stands against the mean of the PAST before them, so slow
  drift and the level itself do not count, only what changed just now.
- The first ``learn_readings`` are the machine's normal: what such differences usually are, sensor
  by sensor, and how great the greatest one of a block gets.
- A change is where the sensor that differs most does so as one healthy block in 1 / RARE shows.
- What goes on changing is told again after HOLD_READINGS, not at each reading.
- Where the step is: where the sums of the newest readings to both sides of it differ most (the
  greatest excursion of their cumulative sum, Page 1954).

            PAST                RECENT
    ....................... | ::::::::     difference of the means, in its healthy spread
"""

from __future__ import annotations

from collections import deque

import msgspec
import numpy as np

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import Floats, KeptRarity, RarityBank

RECENT_READINGS = 10
PAST_READINGS = 40
SPAN = RECENT_READINGS + PAST_READINGS
LEARN_READINGS = 400
BLOCK_READINGS = 60
BLOCKS_MAX = 2_000  # that are kept while learning; the oldest go
HOLD_READINGS = 30
RARE = 0.01


class Change(msgspec.Struct, frozen=True):
    """What one vector says. ``sensor`` is the index of the one that changed most."""

    score: float  # 1 - P(a healthy block shows this); 0 while learning
    changing: bool
    told: bool  # a change begins here, or goes on since the last one told
    sensor: int


class KeptWatch(msgspec.Struct, frozen=True):
    """What a watch has learned, for the store: each sensor's spread, and the greatest blocks."""

    spread: Packed
    rarity: KeptRarity


QUIET = Change(0.0, False, False, -1)


class ChangeWatch:
    """Change points of one machine."""

    def __init__(
        self, sensors: int, learn_readings: int = LEARN_READINGS, rare: float = RARE
    ) -> None:
        """``rare``: the share of healthy blocks in which a change is told all the same.

        Raises ValueError for less to learn from than five blocks and one span.
        """
        least = SPAN + 5 * BLOCK_READINGS
        if learn_readings < least:
            raise ValueError(f"at least {least} readings are needed to learn from")
        self._newest = np.zeros((SPAN, sensors))
        self._count = 0
        self._filled = 0  # of the newest, since it was broken off
        self._squares = np.zeros(sensors)  # of the healthy differences so far, their sum
        self._differences = 0
        self._block = np.zeros(sensors)  # greatest difference of the block that is learned from
        self._blocks: deque[Floats] = deque(maxlen=BLOCKS_MAX)
        self._learn = learn_readings
        self._spread: Floats | None = None  # of healthy differences, each sensor's own
        self._rarity = RarityBank(1, 1)
        self._since_told = HOLD_READINGS
        self._rare = rare

    @property
    def learning(self) -> bool:
        """Whether it is learning still."""
        return self._spread is None

    def break_off(self) -> None:
        """What comes does not follow what was: another state of the machine, or a pause."""
        self._filled = 0
        self._since_told = HOLD_READINGS

    def step(self, sensor: int) -> tuple[float, float, int]:
        """Where a sensor's newest readings split best: mean before, mean after, readings ago."""
        newest = self._newest[:, sensor]
        sums = np.cumsum(newest - newest.mean())[:-1]
        at = int(np.abs(sums).argmax()) + 1
        return float(newest[:at].mean()), float(newest[at:].mean()), SPAN - at

    def saved(self) -> KeptWatch | None:
        """For the store; None while it learns."""
        if self._spread is None:
            return None
        return KeptWatch(packed(self._spread), self._rarity.saved())

    def restore(self, kept: KeptWatch) -> bool:
        """Take what the store kept; False: it is not of so many sensors, or damaged."""
        spread = unpacked(kept.spread, self._newest.shape[1])
        if spread is None or not (spread > 0.0).all() or not self._rarity.restore(kept.rarity):
            return False
        self._spread = spread
        return True

    def update(self, vector: Floats) -> Change:
        """Take one vector, shape (sensors,); one that is not finite is left out."""
        if not np.isfinite(vector).all():
            return QUIET
        self._newest[:-1] = self._newest[1:]
        self._newest[-1] = vector
        self._count += 1
        self._filled = min(self._filled + 1, SPAN)
        if self._filled < SPAN:
            return QUIET
        recent, past = self._newest[-RECENT_READINGS:], self._newest[:PAST_READINGS]
        difference = recent.mean(axis=0) - past.mean(axis=0)
        if self._spread is None:
            self._learn_from(np.abs(difference))
            if self._count >= self._learn:
                self._settle()
            return QUIET
        return self._judge(np.abs(difference) / self._spread)

    def _learn_from(self, size: Floats) -> None:
        self._squares += size * size
        self._differences += 1
        self._block = np.maximum(self._block, size)
        if self._differences % BLOCK_READINGS == 0:
            self._blocks.append(self._block)
            self._block = np.zeros_like(size)

    def _settle(self) -> None:
        spread = np.sqrt(self._squares / self._differences)
        # A sensor that never moved is given no say.
        self._spread = np.where(spread > 0.0, spread, np.inf)
        for block in self._blocks:
            self._rarity.learn(slice(None), np.array([[(block / self._spread).max()]]))
            self._rarity.close(slice(None))
        self._blocks.clear()

    def _judge(self, surprises: Floats) -> Change:
        greatest = int(surprises.argmax())
        surprise = surprises[greatest].reshape(1, 1)
        probability = float(self._rarity.probability(slice(None), surprise)[0, 0])
        changing = probability < self._rare
        self._since_told += 1
        told = changing and self._since_told >= HOLD_READINGS
        if told:
            self._since_told = 0
        return Change(1.0 - probability, changing, told, greatest)
