"""What is watched of a vibration sensor: a few levels of each burst, as logarithms. Pure.

Rules of this file
- A level is the logarithm of a ratio's size: a quarter louder is +0.22, on a whisper as on a roar.
- What a flaw forbids has no level: lost samples make strikes of their own, a clipped input hides
  how loud it is.
- What many bands share is told from what one shows: bands are judged together (degradation.py);
  one of them alone is worth a look and no more: a resonance, the load, lubrication.

    | level     | of                                                  | alone it is |
    |---|---|---|
    | rms       | all of it                                           | an alarm    |
    | crest     | peak over rms: single strikes                       | an alarm    |
    | kurtosis  | how spiky: many strikes (3 for noise)               | an alarm    |
    | low       | the three lowest octaves: shaft, looseness          | an alarm    |
    | octave n  | each octave band, the lowest first                  | a warning   |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from banksman.maintenance.integrity import Flaw, forbidden
from banksman.maintenance.rarity import Floats
from banksman.maintenance.window import OCTAVES, Features

LOUD = ("rms", "low")
SHAPES = ("crest", "kurtosis")
ALONE = ("rms", "crest", "kurtosis", "low")
BANDS = tuple(f"octave {number}" for number in range(1, OCTAVES + 1))
LEVEL_NAMES = (*ALONE, *BANDS)
LEVELS = len(LEVEL_NAMES)
KURTOSIS = LEVEL_NAMES.index("kurtosis")
BAND_LEVELS = slice(len(ALONE), LEVELS)
LOW_OCTAVES = 3
TINY = 1e-30  # where nothing moves at all


def levels_of(features: Features) -> Floats:
    """The levels of n windows, shape (n, LEVELS), in the order of LEVEL_NAMES; always finite."""
    power = features.octave_power
    columns = [
        np.square(features.rms),
        np.square(_known(features.crest)),
        np.square(_known(features.kurtosis)),
        power[:, :LOW_OCTAVES].sum(axis=1),
    ]
    powers = np.concatenate([np.stack(columns, axis=1), power], axis=1)
    return np.asarray(0.5 * np.log(np.maximum(powers, TINY)))


def believed(level: Floats, flaws: Sequence[Flaw]) -> Floats:
    """The levels of one burst, (LEVELS,), NaN where a flaw of its samples forbids one."""
    level = level.copy()
    if forbidden(flaws, "impacts") is not None:
        level[[LEVEL_NAMES.index(shape) for shape in SHAPES]] = np.nan
    if forbidden(flaws, "level") is not None:
        level[:] = np.nan
    return level


def _known(shape: Floats) -> Floats:
    """1 where nothing moves: neither spiky nor flat."""
    return np.where(np.isfinite(shape), shape, 1.0)
