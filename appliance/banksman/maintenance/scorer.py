"""One score for each reading of each slow stream: how rare is this, for this very stream?

Rules of this file
- What a reading is, the caller says. In the daemon it is the median of a sensor's window (60 s by
  default), one bank for each machine (judging.py); its greatest score is the machine's ``score``.
- Pure: values and wall times come in, scores 0..1 go out. No labels, no setting for each stream.
- Calibrated: score = 1 - P(a block of BLOCK_READINGS healthy readings holds anything so rare). Of a
  hundred healthy blocks about one reaches 0.99.
- Four looks at a reading (`FEATURES`), each judged by the stream's own past (rarity.py), then
  combined: several small surprises at once are one great one.
- Scaling or shifting a stream changes no score; the order of the streams does not matter.
- A NaN (or an absurd number or time) changes nothing and scores NaN. A young stream scores 0.
- What was scored is learned at once, alarmed or not: a score is about rarity, and what has become
  common is not rare. The memory that must not learn from trouble is the baseline (baseline.py).
- What is known outlives a restart (`saved`, `restore`; scorer_kept.py seals it). The block in the
  making, and the part of the day, begin anew.
- One event is told once: `fresh` is a reading that scores at least EVENT_SCORE, when none did for
  HOLD_READINGS or it is ten times as rare as all that did since.
"""

from __future__ import annotations

import msgspec
import numpy as np

from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.level import (
    RING,
    KeptLevels,
    LevelBank,
    clipped_mean,
    median,
    push,
    slow_weight,
    surprise,
)
from banksman.maintenance.pattern import KeptPatterns, PatternBank
from banksman.maintenance.rarity import (
    BLOCK_READINGS,
    Floats,
    KeptRarity,
    RarityBank,
    Rows,
    combined,
)
from banksman.maintenance.season import DAY_S, KeptSeason, SeasonBank

FEATURES = ("jump", "unrest", "season", "pattern")
JUMP, UNREST, SEASON, PATTERN = range(len(FEATURES))
EVENT_SCORE = 0.8
HOLD_READINGS = 120
FRESH_FACTOR = 0.1
# Streams are worked through so many at a time: the state of a chunk stays in the cache, and other
# threads get the interpreter in between.
CHUNK = 256
VALUE_MAX = 1e150  # beyond it squares and differences are no numbers any more
TIME_MAX_S = 1e11  # three thousand years: no clock of ours


class KeptBank(msgspec.Struct, frozen=True):
    """For the store: what the parts keep; rings off the season (streams, RING); (4, streams) of
    their spread and count, and of the present event and its age.
    """

    levels: KeptLevels
    seasons: KeptSeason
    patterns: KeptPatterns
    rarity: KeptRarity
    season_ring: Packed
    lately: Packed


class StreamBank:
    """The scorer of many streams, one reading of each at a time."""

    def __init__(self, streams: int, day_s: float = DAY_S) -> None:
        self.streams = streams
        self.levels = LevelBank(streams)
        self.seasons = SeasonBank(streams, day_s)
        self.patterns = PatternBank(streams)
        self.rarity = RarityBank(streams, len(FEATURES))
        self.probability = np.ones((streams, len(FEATURES)))  # of each look at the newest reading
        self.fresh = np.zeros(streams, dtype=bool)  # the newest reading begins an event of its own
        self._season_ring = np.zeros((streams, RING))
        self._season_spread = np.zeros(streams)
        self._season_count = np.zeros(streams)
        self._event = np.ones(streams)  # the least probability of the present event, 1: none
        self._event_age = np.zeros(streams, dtype=np.int64)  # readings since it was told

    def update(self, values: Floats, times_s: Floats) -> Floats:
        """Score one reading of each stream, shape (streams,); NaN: this stream has none now.

        ``times_s``: wall time of each reading, seconds since 1970, in the plant's local time if its
        day is to be the local one. Raises ValueError for another shape.
        """
        if values.shape != (self.streams,) or times_s.shape != (self.streams,):
            raise ValueError(f"expected {self.streams} values and times, got {values.shape}")
        scores = np.full(self.streams, np.nan)
        self.fresh[:] = False
        for first in range(0, self.streams, CHUNK):
            rows: Rows = slice(first, min(first + CHUNK, self.streams))
            chunk, times = values[rows], times_s[rows]
            there = (np.abs(chunk) <= VALUE_MAX) & (np.abs(times) <= TIME_MAX_S)
            if not there.all():
                picked = np.flatnonzero(there)
                rows, chunk, times = first + picked, chunk[picked], times[picked]
                if not picked.size:
                    continue
            scores[rows] = self._score(rows, chunk, times)
        return scores

    def reason(self, stream: int) -> str:
        """Which look found the newest reading rarest, a name of FEATURES."""
        return FEATURES[int(self.probability[stream].argmin())]

    def saved(self) -> KeptBank:
        """For the store."""
        levels = self.levels
        age = np.minimum(self._event_age, HOLD_READINGS + 1).astype(np.float64)
        lately = [self._season_spread, self._season_count, self._event, age]
        return KeptBank(
            levels.saved(),
            self.seasons.saved(),
            self.patterns.saved(levels.level, levels.spread),
            self.rarity.saved(),
            packed(self._season_ring),
            packed(np.stack(lately)),
        )

    def restore(self, kept: KeptBank) -> bool:
        """Take what the store kept, into a bank that has seen nothing; False: it is of other
        streams, or damaged, and this bank is of no use.
        """
        levels = self.levels
        ring = unpacked(kept.season_ring, *self._season_ring.shape, finite=True)
        lately = unpacked(kept.lately, 4, self.streams, finite=True)
        if ring is None or lately is None or (lately < 0.0).any() or (lately[2] > 1.0).any():
            return False
        fits = (
            levels.restore(kept.levels)
            and self.seasons.restore(kept.seasons)
            and self.patterns.restore(kept.patterns, levels.level, levels.spread)
            and self.rarity.restore(kept.rarity)
        )
        # The block in the making was not kept: the next one is to be whole.
        whole = levels.count - levels.count % BLOCK_READINGS
        levels.count[:] = np.where(whole > 0, whole, levels.count)
        self._season_ring[:] = ring
        self._season_spread[:], self._season_count[:], self._event[:] = lately[:3]
        self._event_age[:] = lately[3].astype(np.int64)
        return fits

    def _score(self, rows: Rows, values: Floats, times_s: Floats) -> Floats:
        surprises = self._look(rows, values, times_s)
        self.probability[rows] = self.rarity.probability(rows, surprises)
        probability = combined(self.probability[rows])
        self._tell(rows, probability)
        self._learn(rows, values, times_s, surprises)
        return np.asarray(1.0 - probability)

    def _tell(self, rows: Rows, probability: Floats) -> None:
        age = self._event_age[rows] + 1
        event = np.where(age > HOLD_READINGS, 1.0, self._event[rows])
        bound = np.where(event < 1.0, FRESH_FACTOR * event, 1.0 - EVENT_SCORE)
        fresh = probability <= np.minimum(bound, 1.0 - EVENT_SCORE)
        self.fresh[rows] = fresh
        self._event[rows] = np.where(fresh, probability, event)
        self._event_age[rows] = np.where(fresh, 0, age)

    def _look(self, rows: Rows, values: Floats, times_s: Floats) -> Floats:
        """The surprises of one reading of each stream, (rows, features); NaN where not known."""
        levels = self.levels
        level, spread, wobble = levels.level[rows], levels.spread[rows], levels.wobble[rows]
        ring = levels.ring[rows]
        found = np.empty((len(values), len(FEATURES)))
        found[:, JUMP] = surprise(values - median(ring[:, :4]), wobble, level)
        steps = np.abs(np.diff(ring, axis=1)).mean(axis=1)
        unrest, calm = surprise(steps, wobble, level), surprise(wobble, steps, level)
        found[:, UNREST] = np.where(wobble > 0.0, np.maximum(unrest, calm), 0.0)
        found[:, SEASON] = self._off_season(rows, values, times_s, level)
        found[levels.count[rows] < RING] = np.nan
        found[:, PATTERN] = self.patterns.look(rows, ring, spread, level)
        return found

    def _off_season(self, rows: Rows, values: Floats, times_s: Floats, level: Floats) -> Floats:
        residual = values - self.seasons.expected(rows, times_s)
        seasonal = np.isfinite(residual)
        residual = np.where(seasonal, residual, 0.0)
        push(self._season_ring, rows, residual)
        lasting = median(self._season_ring[rows])
        spread, count = self._season_spread[rows], self._season_count[rows]
        weight = slow_weight(count) * seasonal
        spread = clipped_mean(spread, np.abs(residual), weight)
        self._season_spread[rows] = spread
        self._season_count[rows] = count + seasonal
        return np.where(seasonal, surprise(lasting, spread, level), np.nan)

    def _learn(self, rows: Rows, values: Floats, times_s: Floats, surprises: Floats) -> None:
        self.rarity.learn(rows, surprises)
        self.levels.learn(rows, values, times_s)
        self.seasons.learn(rows, values, times_s)
        count = self.levels.count[rows]
        self.patterns.learn(rows, self.levels.ring[rows], count)
        every = np.arange(self.streams)[rows]
        over = every[count % BLOCK_READINGS == 0]
        if over.size:
            self.rarity.close(over)
