"""What memories had beside the contrast before `recall`: few patches of the deeper stages.

Only read: bundles that were commissioned with it go on judging as they did. (Roth et al.,
PatchCore, 2022.)
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference.feature_maps import Maps, to_grid
from banksman_inference.recall import Recalled

Floats = npt.NDArray[np.float32]

DEEP = (2, 4)  # stage4 and stage6
ARRAYS = ("centre", "project", "coreset")


class Coreset(msgspec.Struct, frozen=True):
    """``coreset`` (m, dimensions) in the space of (x - centre) project."""

    centre: Floats
    project: Floats
    coreset: Floats

    def listen(self, maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Recalled:
        """Distances to the nearest good patch (rows, columns), and their mean."""
        half = (grid[0] // 2, grid[1] // 2)
        joined = np.concatenate([to_grid(maps[each], *half) for each in DEEP], axis=2)
        rows, columns = max(1, valid[0] // 2), max(1, valid[1] // 2)
        at = (joined[:rows, :columns] - self.centre) @ self.project
        sizes = (self.coreset * self.coreset).sum(axis=1)
        nearest = (sizes - 2 * (at @ self.coreset.T)).min(axis=-1)
        far = np.sqrt(np.maximum(nearest + (at * at).sum(axis=-1), 0.0)).astype(np.float32)
        return Recalled(far, np.array([far.mean()], np.float32))

    def arrays(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """As a bundle keeps it."""
        return {"centre": self.centre, "project": self.project,
                "coreset": self.coreset.astype(np.float16)}  # fmt: skip
