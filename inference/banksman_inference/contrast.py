"""A small network on all stages of a patch: the logit that it shows a defect. Made by
`contrast_fit`.

It was taught to tell patches of good parts from the same patches with a made defect, so it knows
which directions of the features light and place move, and which a spot or a scratch.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference.feature_maps import Maps, patches, to_grid, top_mean

Floats = npt.NDArray[np.float32]

SPOT_SHARES = (0.0025, 0.01)  # of the patches: a defect is small
VALUES = len(SPOT_SHARES)
SHALLOW = slice(0, 5)  # all stages; the head after them is the trained head's


class Contrast(msgspec.Struct, frozen=True):
    """relu((x - mean) inward + inner) outward + outer, the logit of a defect.

    ``mean`` (features,), ``inward`` (features, hidden), ``inner`` (hidden,), ``outward`` (hidden,),
    ``outer`` (1,).
    """

    mean: Floats
    inward: Floats
    inner: Floats
    outward: Floats
    outer: Floats

    def logits(self, maps: Maps, grid: tuple[int, int]) -> Floats:
        """For each patch of the grid: (rows, columns).

        Each stage is multiplied on its own grid, and the sum is repeated from the coarsest to the
        finest, which is a fifth of the work of multiplying the joined patches and gives the same.
        """
        hidden: Floats = (self.inner - self.mean @ self.inward)[None, None]
        last = len(self.inward)
        for each in reversed(maps[SHALLOW]):
            part = each if each.shape[0] <= grid[0] else to_grid(each, *grid)
            weights = self.inward[last - each.shape[2] : last]
            if hidden.shape[0] > 1:
                hidden = to_grid(hidden, *part.shape[:2])
            hidden = hidden + part @ weights
            last -= each.shape[2]
        hidden = to_grid(hidden, *grid)
        np.maximum(hidden, 0.0, out=hidden)
        return np.asarray(hidden @ self.outward + self.outer, np.float32)

    def spots(self, maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Floats:
        """The logits (rows, columns) of the covered grid over their median.

        Light and an unseen view move all patches alike, a defect one: hence the median.
        """
        logits = self.logits(maps, grid)[: valid[0], : valid[1]]
        return np.asarray(logits - np.median(logits), np.float32)


def joined(contrasts: Sequence[Contrast]) -> Contrast:
    """One whose logit is the mean of theirs: their hidden units side by side."""
    mean = contrasts[0].mean
    return Contrast(
        mean,
        np.concatenate([each.inward for each in contrasts], axis=1),
        np.concatenate([each.inner + (mean - each.mean) @ each.inward for each in contrasts]),
        np.asarray(
            np.concatenate([each.outward for each in contrasts]) / len(contrasts), np.float32
        ),
        np.stack([each.outer for each in contrasts]).mean(axis=0),
    )


def hottest(spots: Floats) -> tuple[float, ...]:
    """The scores of a picture's spots: the mean of the hottest, for each of `SPOT_SHARES`."""
    return tuple(top_mean(spots, share) for share in SPOT_SHARES)


def covered(maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Floats:
    """The patches of all stages that the picture covers: (rows, columns, features)."""
    return patches(maps[SHALLOW], *grid)[: valid[0], : valid[1]]
