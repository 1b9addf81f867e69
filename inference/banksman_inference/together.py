"""Several scores of a part as one rarity among good parts that were held out.

    Summed    each score in spreads of good parts, added up by weight; the sum's rarity
    Rarest    each score's own rarity; the rarest has the last word, behind its guard

A sum finds what several scores doubt a little, and one that is loud alone still carries it. It
found more than the rarest on every kind of product tried (docs/adr/0011). `Rarest` serves memories
that were made with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from banksman_inference.rarity import Rarity

Floats = npt.NDArray[np.float32]

SPREAD_MIN = 1e-6


class Summed:
    """``good`` (parts, scores): those of good parts; ``weights`` (scores,)."""

    def __init__(self, good: Floats, weights: Sequence[float]) -> None:
        self._mean = good.mean(axis=0)
        self._slopes = np.array(weights, np.float32) / np.maximum(good.std(axis=0), SPREAD_MIN)
        self._rarity = Rarity(self._sum(good))

    def of(self, scores: Floats) -> Floats:
        """The rarity of each row of (n, scores)."""
        return self._rarity.of(self._sum(scores))

    def _sum(self, scores: Floats) -> Floats:
        return np.asarray((scores - self._mean) @ self._slopes, np.float32)


class Rarest:
    """``good`` as for `Summed`; ``guards``: what is taken from each score's rarity first."""

    def __init__(self, good: Floats, guards: Sequence[float]) -> None:
        self._rarities = [Rarity(each) for each in good.T]
        self._guards = guards

    def of(self, scores: Floats) -> Floats:
        """The rarity of each row of (n, scores)."""
        columns = zip(self._rarities, scores.T, self._guards, strict=True)
        found = [rarity.of(each) - np.float32(guard) for rarity, each, guard in columns]
        return np.asarray(np.maximum(np.max(found, axis=0), 0), np.float32)
