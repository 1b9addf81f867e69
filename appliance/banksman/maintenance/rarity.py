"""How rare is this? A stream's surprises against the greatest ones of its own past blocks.

Rules of this file
- Pure: surprises >= 0 come in (0: nothing unusual, without a unit), probabilities go out.
- Nothing is assumed of the noise. The past is cut into blocks of BLOCK_READINGS; what counts is how
  far the *greatest* surprise of a block went. Within a block readings may depend on each other
  as they like, so Gaussian, heavy-tailed, seasonal and slow streams are judged by one rule.
- The logarithm of a block's greatest surprise is taken to follow Gumbel's law (Gumbel 1958: the
  maxima of blocks tend to it, for power-law tails in the logarithm). Its mean and spread are the
  stream's own; a prior of PRIOR_BLOCKS blocks keeps a young stream from being sure of itself.
- One block far out moves the mean only as far as a block at the edge of the usual would.

    surprise   .  . :  .   |  .: .  .  |  .  . . :  |      |
               block: max  |  max      |  max       |  here: P(a block's greatest >= this)
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.keeping import Packed, packed, unpacked

Floats = npt.NDArray[np.float64]
Rows = slice | npt.NDArray[np.intp]

BLOCK_READINGS = 120
# Blocks before a stream knows itself well enough to call anything rare.
BLOCKS_LEAST = 2
# What the mean and spread remember; older blocks fade.
BLOCKS_MEMORY = 100
# A stream's greatest surprises vary by a third from block to block, until it is known better,
# and by a tenth at the least.
PRIOR_SPREAD = 0.3
PRIOR_BLOCKS = 4.0
SPREAD_LEAST = 0.1
CLIP_SPREADS = 4.0
SURPRISE_LEAST, SURPRISE_MAX = 2.0**-4, 2.0**12
PROBABILITY_LEAST = 1e-12

_EULER = 0.5772156649015329
_GUMBEL = np.sqrt(6.0) / np.pi


class KeptRarity(msgspec.Struct, frozen=True):
    """Past blocks for the store: (3, streams, features) of count, mean and variance."""

    past: Packed


class RarityBank:
    """The greatest surprises of past blocks, shape (streams, features)."""

    def __init__(self, streams: int, features: int) -> None:
        self.blocks = np.zeros((streams, features))
        self._mean = np.zeros((streams, features))
        self._variance = np.zeros((streams, features))
        self._greatest = np.full((streams, features), -np.inf)

    def saved(self) -> KeptRarity:
        """For the store; the block in the making is left out."""
        return KeptRarity(packed(np.stack([self.blocks, self._mean, self._variance])))

    def restore(self, kept: KeptRarity) -> bool:
        """Take what the store kept; False: it is of other streams, or damaged."""
        past = unpacked(kept.past, 3, *self.blocks.shape, finite=True)
        if past is None or (past[0] < 0.0).any() or (past[2] < 0.0).any():
            return False
        self.blocks, self._mean, self._variance = past
        return True

    def probability(self, rows: Rows, surprise: Floats) -> Floats:
        """P(a healthy block holds anything so surprising), shape of ``surprise``; NaN gives 1.

        1 as well while fewer than BLOCKS_LEAST blocks are known. Call it before `learn`.
        """
        blocks = self.blocks[rows]
        scale = _GUMBEL * self._spread(rows) * np.sqrt(1.0 + 1.0 / np.maximum(blocks, 1.0))
        place = (_log(surprise) - self._mean[rows]) / scale + _EULER
        found = -np.expm1(-np.exp(-np.clip(place, -5.0, 50.0)))
        known = (blocks >= BLOCKS_LEAST) & (surprise > SURPRISE_LEAST)  # a NaN is not greater
        found = np.where(known, found, 1.0)
        return np.maximum(found, PROBABILITY_LEAST)

    def learn(self, rows: Rows, surprise: Floats) -> None:
        """Let these surprises belong to the present block; NaN: this feature has none."""
        self._greatest[rows] = np.fmax(self._greatest[rows], _log(surprise))

    def close(self, rows: Rows) -> None:
        """The block of these streams is over: its greatest surprises are the past now."""
        greatest, blocks = self._greatest[rows], self.blocks[rows]
        mean, variance = self._mean[rows], self._variance[rows]
        there = greatest > -np.inf
        weight = np.where(there, 1.0 / np.minimum(blocks + 1.0, BLOCKS_MEMORY), 0.0)
        moved = np.where(there, greatest - mean, 0.0)
        bound = CLIP_SPREADS * self._spread(rows)
        moved = np.where(blocks >= BLOCKS_LEAST, np.clip(moved, -bound, bound), moved)
        self._mean[rows] = mean + weight * moved
        self._variance[rows] = (1.0 - weight) * (variance + weight * moved * moved)
        self.blocks[rows] = blocks + there
        self._greatest[rows] = -np.inf

    def _spread(self, rows: Rows) -> Floats:
        blocks = self.blocks[rows]
        squares = self._variance[rows] * blocks + PRIOR_BLOCKS * PRIOR_SPREAD**2
        return np.sqrt(np.maximum(squares / (blocks + PRIOR_BLOCKS), SPREAD_LEAST**2))


def combined(probability: Floats) -> Floats:
    """One probability from several looks at the same reading, along the last axis.

    Fisher's method (1925): the product of n independent probabilities is e^-x, x ~ Gamma(n).
    """
    looks = probability.shape[-1]
    total = -np.log(probability).sum(axis=-1)
    term = np.ones_like(total)
    series = np.ones_like(total)
    for number in range(1, looks):
        term = term * total / number
        series += term
    return np.asarray(np.minimum(np.exp(-total) * series, 1.0))


def _log(surprise: Floats) -> Floats:
    return np.asarray(np.log(np.clip(surprise, SURPRISE_LEAST, SURPRISE_MAX)))
