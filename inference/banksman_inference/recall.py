"""Good parts remembered whole, patch by patch: how far is a picture from the parts most like it?

    picture ── average of the head ──> the NEAR good parts that are most like it
            └─ patches ─────────────── each to the nearest patch of those parts ──> distances,
                                       in that patch's usual distance from other good parts

    what is told   the hottest twentieth and the hottest fifth of the distances, their mean, and how
                   far the average itself is from the nearest part's

Patches that no part like it has are what a defect changes, and a mean over all of them shows what
changes a whole picture a little: uneven grinding, a wrong or a turned part. (The ideas: Cohen and
Hoshen, "Sub-image anomaly detection with deep pyramid correspondences", SPADE, 2020; Roth et al.,
"Towards total recall in industrial anomaly detection", PatchCore, 2022. A coreset of few thousand
patches forgets what makes parts alike; all patches of the parts most alike are as few and do not.
A distance counts by how far good parts themselves are from there: what is always alike may differ
little, rough grain much. Breunig et al., "LOF", 2000; the ratio here is of nearest distances.)

Rules of this file
- numpy only; whitened features, so that a direction counts by how unusual it is for good parts.
- Patches are kept in steps of `STEP`, a byte a number: far finer than good parts differ.
- A memory made before there were usual distances has none, and is asked for plain ones.
- Bounded: `PARTS_MAX` parts, and a look compares with the patches of `NEAR` parts only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
USUAL_FLOOR = np.float32(1e-3)  # squared, of whitened features: twins are not infinitely far
USUAL = "usual"
ARRAYS = ("centre", "project", "whole_centre", "whole_project", "wholes", "patches", "ends", USUAL)
UsualOf = Callable[[int], Floats]


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
    before which patch each part ends. ``usual`` (all patches,): how far each is from the nearest
    patch of other parts; of none in memories made before.
    """

    centre: Floats
    project: Floats
    whole_centre: Floats
    whole_project: Floats
    wholes: Floats
    patches: Bytes
    ends: npt.NDArray[np.int32]
    usual: Floats

    def listen(self, maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Recalled:
        """What the good parts say of a picture."""
        return self.compare(self.kept(maps, grid, valid))

    def kept(self, maps: Maps, grid: tuple[int, int], valid: tuple[int, int]) -> Kept:
        """A picture in the space of the memory."""
        at = (neighbourhoods(maps, grid, valid) - self.centre) @ self.project
        whole = (head(maps, grid, valid).mean(axis=(0, 1)) - self.whole_centre) @ self.whole_project
        return Kept(np.asarray(at, np.float32), np.asarray(whole, np.float32))

    def compare(
        self,
        part: Kept,
        without: npt.NDArray[np.bool_] | None = None,
        usual: UsualOf | None = None,
    ) -> Recalled:
        """``without`` (parts,): those that are not asked, the part itself and its near-duplicates;
        at least one remains. ``usual`` gives the usual distances of a part's patches, where they
        are not to be the memory's own.
        """
        near, far = self._nearest(part.whole, without)
        inverse = None
        if usual is not None or len(self.usual):
            known = np.concatenate([(usual or self._usual)(int(each)) for each in near])
            inverse = 1 / (known * known + USUAL_FLOOR)
        good, sizes = self._real(near)
        flat = part.patches.reshape(-1, part.patches.shape[2])
        least = np.empty(len(flat), np.float32)
        for start in range(0, len(flat), ROWS_AT_ONCE):
            squares = _squares(flat[start : start + ROWS_AT_ONCE], good, sizes)
            if inverse is not None:
                squares *= inverse
            least[start : start + len(squares)] = squares.min(axis=1)
        distances = np.sqrt(least).reshape(part.patches.shape[:2])
        tops = [top_mean(distances, share) for share in SHARES]
        return Recalled(distances, np.array([*tops, float(distances.mean()), far], np.float32))

    def apart(
        self, part: Kept, without: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.intp], Floats]:
        """The parts that are asked, and how far each patch is from each of them: (patches, near).

        ``without`` as for `compare`.
        """
        near, _ = self._nearest(part.whole, without)
        good, sizes = self._real(near)
        starts = np.cumsum([0, *(len(self._part(int(each))) for each in near[:-1])])
        flat = part.patches.reshape(-1, part.patches.shape[2])
        found = np.empty((len(flat), len(near)), np.float32)
        for start in range(0, len(flat), ROWS_AT_ONCE):
            squares = _squares(flat[start : start + ROWS_AT_ONCE], good, sizes)
            found[start : start + len(squares)] = np.minimum.reduceat(squares, starts, axis=1)
        return near, np.sqrt(found)

    def arrays(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """As a bundle keeps it."""
        return {name: getattr(self, name) for name in ARRAYS}

    def _nearest(
        self, whole: Floats, without: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[np.intp], float]:
        """The parts most like this, and how far the first of them is."""
        gaps = ((self.wholes - whole) ** 2).sum(axis=1)
        order = np.argsort(gaps, kind="stable")
        if without is not None:
            order = order[~without[order]]
        return order[:NEAR], float(np.sqrt(gaps[order[0]]))

    def _real(self, parts: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """The patches of these parts, and their squared lengths."""
        good = np.concatenate([self._part(int(each)) for each in parts]).astype(np.float32) * STEP
        return good, (good * good).sum(axis=1)

    def _part(self, number: int) -> Bytes:
        return self.patches[self._first(number) : int(self.ends[number])]

    def _usual(self, number: int) -> Floats:
        return self.usual[self._first(number) : int(self.ends[number])]

    def _first(self, number: int) -> int:
        return int(self.ends[number - 1]) if number else 0


def _squares(some: Floats, good: Floats, sizes: Floats) -> Floats:
    """Squared distances of each of some patches from each good one."""
    found = some @ good.T
    found *= -2
    found += sizes
    found += (some * some).sum(axis=1)[:, None]
    np.maximum(found, 0, out=found)
    return np.asarray(found, np.float32)


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
