"""Good parts remembered whole, patch by patch: how far is a picture from the parts most like it?

    picture ── average of the head ──> the NEAR good parts that are most like it
            └─ patches ─────────────── each to the nearest patch of those parts ──> distances

    what is told   the hottest twentieth and the hottest fifth of the distances, their mean, and how
                   far the average itself is from the nearest part's

Patches that no part like it has are what a defect changes, and a mean over all of them shows what
changes a whole picture a little: uneven grinding, a wrong or a turned part. (The ideas: Cohen and
Hoshen, "Sub-image anomaly detection with deep pyramid correspondences", SPADE, 2020; Roth et al.,
"Towards total recall in industrial anomaly detection", PatchCore, 2022. A coreset of few thousand
patches forgets what makes parts alike; all patches of the parts most alike are as few and do not.)

Rules of this file
- numpy only; whitened features, so that a direction counts by how unusual it is for good parts.
- Patches are kept in steps of `STEP`, a byte a number: far finer than good parts differ.
- Bounded: `PARTS_MAX` parts, and a look compares with the patches of `NEAR` parts only.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference.feature_maps import Maps, to_grid, top_mean

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]

STAGES = (2, 3, 4)  # stage4 to stage6: what a patch is, at half the contrast's rows and columns
HEAD = 5
DIMENSIONS = 64
NEAR = 24
PARTS_MAX = 400
STEP = np.float32(1 / 16)
ROWS_AT_ONCE = 64
SHARES = (0.05, 0.2)
VALUES = 4
ARRAYS = ("centre", "project", "whole_centre", "whole_project", "wholes", "patches", "ends")


class Kept(msgspec.Struct, frozen=True):
    """A part as it is remembered: ``patches`` (rows, columns, d) and ``whole`` (d,)."""

    patches: Floats
    whole: Floats


class Recalled(msgspec.Struct, frozen=True):
    """``distances`` (rows, columns); ``values`` (VALUES,), see the top of the file."""

    distances: Floats
    values: Floats


class Recall(msgspec.Struct, frozen=True):
    """``centre`` (features,) and ``project`` (features, d) whiten patches, ``whole_…`` the head's.

    ``wholes`` (parts, d); ``patches`` (all patches, d) in steps of `STEP`; ``ends`` (parts,) int32:
    before which patch each part ends.
    """

    centre: Floats
    project: Floats
    whole_centre: Floats
    whole_project: Floats
    wholes: Floats
    patches: Bytes
    ends: npt.NDArray[np.int32]

    def listen(self, maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Recalled:
        """What the good parts say of a picture."""
        return self.compare(self.kept(maps, grid, valid))

    def kept(self, maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Kept:
        """A picture in the space of the memory."""
        at = (neighbourhoods(maps, grid, valid) - self.centre) @ self.project
        whole = (head(maps, grid, valid).mean(axis=(0, 1)) - self.whole_centre) @ self.whole_project
        return Kept(np.asarray(at, np.float32), np.asarray(whole, np.float32))

    def compare(self, part: Kept, without: npt.NDArray[np.bool_] | None = None) -> Recalled:
        """``without`` (parts,): those that are not asked, the part itself and its near-duplicates;
        at least one remains.
        """
        gaps = ((self.wholes - part.whole) ** 2).sum(axis=1)
        order = np.argsort(gaps, kind="stable")
        if without is not None:
            order = order[~without[order]]
        near = order[:NEAR]
        good = np.concatenate([self._part(int(each)) for each in near]).astype(np.float32) * STEP
        sizes = (good * good).sum(axis=1)
        flat = part.patches.reshape(-1, part.patches.shape[2])
        least = np.empty(len(flat), np.float32)
        for start in range(0, len(flat), ROWS_AT_ONCE):
            some = flat[start : start + ROWS_AT_ONCE]
            least[start : start + len(some)] = (sizes - 2 * (some @ good.T)).min(axis=1)
        squares = np.maximum(least + (flat * flat).sum(axis=1), 0)
        distances = np.sqrt(squares).reshape(part.patches.shape[:2])
        tops = [top_mean(distances, share) for share in SHARES]
        values = [*tops, float(distances.mean()), float(np.sqrt(gaps[near[0]]))]
        return Recalled(distances, np.array(values, np.float32))

    def arrays(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """As a bundle keeps it."""
        return {name: getattr(self, name) for name in ARRAYS}

    def _part(self, number: int) -> Bytes:
        first = int(self.ends[number - 1]) if number else 0
        return self.patches[first : int(self.ends[number])]


def stored(patches: Floats) -> Bytes:
    """Patches (rows, columns, d) as they are kept: (rows * columns, d)."""
    steps = np.clip(np.round(patches / STEP), -127, 127)
    return steps.reshape(-1, patches.shape[2]).astype(np.int8)


def neighbourhoods(maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Floats:
    """The deeper stages on a grid of half as many rows and columns: (rows, columns, features).

    Each is the mean of the three by three around it, so that a shift by half a patch hardly counts.
    """
    half = (grid[0] // 2, grid[1] // 2)
    joined = np.concatenate([to_grid(maps[each], *half) for each in STAGES], axis=2)
    rows, columns = max(1, valid[0] // 2), max(1, valid[1] // 2)
    around = np.pad(joined[:rows, :columns], ((1, 1), (1, 1), (0, 0)), mode="symmetric")
    lines = around[:-2] + around[1:-1] + around[2:]
    around = lines[:, :-2] + lines[:, 1:-1] + lines[:, 2:]
    return np.asarray(around / np.float32(9), np.float32)


def head(maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Floats:
    """The head's map, cut to what the picture covers."""
    whole = maps[HEAD]
    rows = max(1, valid[0] * whole.shape[0] // grid[0])
    columns = max(1, valid[1] * whole.shape[1] // grid[1])
    return whole[:rows, :columns]
