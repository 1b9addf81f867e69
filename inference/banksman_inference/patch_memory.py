"""What good parts look like, patch by patch: an anomaly score and a heat map for a picture.

Two detectors look at the backbone's maps, because defects are odd in two ways:

    contrast   knows what a defect drawn on good parts does to a patch (8 x 8 pixels)
    recall     knows the good parts themselves, and tells what none of those most alike shows

Rules of this file
- numpy only; a few matrix products for each detector, and no work in Python for a patch.
- Scores become one rarity among good parts that were held out (`together`).
- A memory made before there was `recall` has a coreset in its place and judges as it did; so does
  one made before distances were told by what is usual.
- Bounded, and read as if an attacker had made it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference import coreset as early
from banksman_inference import recall as late
from banksman_inference.arrays import read_arrays, write_arrays
from banksman_inference.contrast import VALUES as SPOTS
from banksman_inference.contrast import Contrast, hottest
from banksman_inference.coreset import Coreset
from banksman_inference.feature_maps import Maps
from banksman_inference.ports import ModelRefused
from banksman_inference.rarity import GOOD_MIN
from banksman_inference.recall import VALUES, Recall, Recalled
from banksman_inference.together import Rarest, Summed

Floats = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[np.generic]]

BYTES_MAX = 32_000_000
# Of the contrast's spots and of recall's values; chosen by eleven products (docs/adr/0011)
WEIGHTS = (2.0, 1.0, 2.0, 1.0, 1.0, 2.0)
WEIGHTS_PLAIN = (2.0, 1.0, 1.0, 1.0, 2.0, 1.0)  # where no distance is known to be usual
GUARDS = (0.0, 1.0)  # a coreset answers to light and place as well
HOT_SHARE = 0.9
_CONTRAST = ("mean", "inward", "inner", "outward", "outer")


class Look(msgspec.Struct, frozen=True):
    """``anomaly``: rarity among good parts. ``heat`` (rows, columns): 1 is as hot as the hottest
    spot of nine good parts in ten.
    """

    anomaly: float
    heat: Floats


class PatchMemory:
    """See the top of the file; `memory_fit` makes one."""

    def __init__(self, contrast: Contrast, recall: Recall | Coreset, good: Floats, peaks: Floats,
                 grid: tuple[int, int]) -> None:  # fmt: skip
        """Of good parts held out: ``good`` (parts, scores), ``peaks`` (parts,) the
        largest distance. ``grid``: rows, columns.
        """
        self.contrast = contrast
        self.recall = recall
        self.good = good
        self.grid = grid
        self._peaks = peaks
        self._together: Summed | Rarest
        if isinstance(recall, Recall):
            self._together = Summed(good, WEIGHTS if len(recall.usual) else WEIGHTS_PLAIN)
        else:
            self._together = Rarest(good, GUARDS)
        self._spot = _Warmth(good[:, 0])
        self._far = _Warmth(peaks) if len(peaks) else None

    def look(self, maps: Maps, valid: tuple[int, int]) -> Look:
        """Score a picture. ``valid``: rows and columns of the grid that it covers."""
        spots = self.contrast.spots(maps, self.grid, valid)
        told = self.recall.listen(maps, self.grid, valid)
        hot = hottest(spots) if isinstance(self._together, Summed) else hottest(spots)[:1]
        scores = np.array([*hot, *told.values], np.float32)
        return Look(float(self.rarity(scores[None])[0]), self._heat(spots, told))

    def rarity(self, scores: Floats) -> Floats:
        """All scores' word together, for each row of (n, scores)."""
        return self._together.of(scores)

    def _heat(self, spots: Floats, told: Recalled) -> Floats:
        heat = self._spot.of(spots)
        if self._far is None:
            return heat
        coarse = self._far.of(told.distances)
        rows = np.minimum(np.arange(heat.shape[0]) // 2, coarse.shape[0] - 1)
        columns = np.minimum(np.arange(heat.shape[1]) // 2, coarse.shape[1] - 1)
        return np.asarray(np.maximum(heat, coarse[rows[:, None], columns]), np.float32)

    def to_bytes(self) -> bytes:
        """As a bundle keeps it: about 30 kB for each good part, under `BYTES_MAX`."""
        return write_arrays({
            **{name: getattr(self.contrast, name) for name in _CONTRAST}, **self.recall.arrays(),
            "good": self.good, "peaks": self._peaks, "grid": np.array(self.grid, np.int32),
        })  # fmt: skip

    @classmethod
    def from_bytes(cls, data: bytes) -> PatchMemory:
        """From a bundle. Raises ModelRefused saying what is wrong."""
        try:
            found: Arrays = dict(read_arrays(data, BYTES_MAX))
        except ValueError as error:
            raise ModelRefused(f"the memory cannot be read ({error}); commission again") from error
        if "good_spot" in found and "good_far" in found:
            found = _of_before(found)
        second = early.ARRAYS if "coreset" in found else late.ARRAYS
        if "coreset" not in found:
            found.setdefault(late.USUAL, np.zeros(0, np.float32))
        if set(found) != {*_CONTRAST, *second, "good", "peaks", "grid"}:
            raise ModelRefused(f"the memory holds {sorted(found)}; commission again")
        _check(found)
        contrast = Contrast(*(_floats(found[name]) for name in _CONTRAST))
        recall: Recall | Coreset
        if "coreset" in found:
            recall = Coreset(*(_floats(found[name]) for name in early.ARRAYS))
        else:
            centre, project, whole_centre, whole_project, wholes = (
                _floats(found[name]) for name in late.ARRAYS[:5]
            )
            recall = Recall(
                centre, project, whole_centre, whole_project, wholes,
                found["patches"].astype(np.int8), found["ends"].astype(np.int32),
                _floats(found[late.USUAL]),
            )  # fmt: skip
        rows, columns = (int(each) for each in found["grid"].tolist())
        good, peaks = _floats(found["good"]), _floats(found["peaks"])
        return cls(contrast, recall, good, peaks, (rows, columns))


class _Warmth:
    """How hot a patch is: 1 as the hottest of nine good parts in ten."""

    def __init__(self, good: Floats) -> None:
        self._hot = float(np.quantile(good, HOT_SHARE))
        self._cool = min(float(good.min()), self._hot - 1.0) - 4.0

    def of(self, values: Floats) -> Floats:
        heat = np.maximum((values - self._cool) / (self._hot - self._cool), 0.0)
        return np.asarray(heat, dtype=np.float32)


def _of_before(found: Arrays) -> Arrays:
    """A memory's arrays as they were named before there was recall, by today's names."""
    spot, far = found.pop("good_spot"), found.pop("good_far")
    if spot.shape != far.shape or spot.ndim != 1:
        raise ModelRefused(f"the memory's good_far is {far.shape}; commission again")
    return {**found, "good": np.stack([spot, far], axis=1), "peaks": np.zeros(0, np.float32)}


def _floats(array: npt.NDArray[np.generic]) -> Floats:
    return array.astype(np.float32)


def _check(found: Mapping[str, npt.NDArray[np.generic]]) -> None:
    def size(name: str, axis: int) -> int:
        return found[name].shape[axis] if axis < found[name].ndim else 0

    features, hidden = size("inward", 0), size("inward", 1)
    deep, dimensions, parts = size("project", 0), size("project", 1), size("good", 0)
    wanted: dict[str, tuple[int, ...]] = {
        "mean": (features,), "inward": (features, hidden), "inner": (hidden,),
        "outward": (hidden,), "outer": (1,), "centre": (deep,), "project": (deep, dimensions),
        "grid": (2,),
    }  # fmt: skip
    if "coreset" in found:
        wanted |= {"coreset": (size("coreset", 0), dimensions), "good": (parts, len(GUARDS)),
                   "peaks": (0,)}  # fmt: skip
    else:
        whole, kept = size("whole_project", 0), size("ends", 0)
        wanted |= {
            "whole_centre": (whole,), "whole_project": (whole, dimensions), "ends": (kept,),
            "wholes": (kept, dimensions), "patches": (size("patches", 0), dimensions),
            "good": (parts, SPOTS + VALUES), "peaks": (parts,),
            late.USUAL: (size("patches", 0) if size(late.USUAL, 0) else 0,),
        }  # fmt: skip
    for name, array in found.items():
        kind = "i" if name in ("grid", "patches", "ends") else "f"
        empty = array.size == 0 and name not in ("peaks", late.USUAL)
        if array.shape != wanted[name] or empty or array.dtype.kind != kind:
            raise ModelRefused(f"the memory's {name} is {array.shape}; commission again")
        if not np.isfinite(array.astype(np.float64)).all():
            raise ModelRefused(f"the memory's {name} is not finite; commission again")
    if "ends" in found:
        ends = np.concatenate([np.zeros(1, np.int64), found["ends"].astype(np.int64)])
        if (np.diff(ends) < 1).any() or ends[-1] != len(found["patches"]):
            raise ModelRefused("the memory's ends leave a part without patches; commission again")
        if (_floats(found[late.USUAL]) < 0).any():
            raise ModelRefused("the memory's usual distances are under 0; commission again")
        if found["patches"].dtype != np.int8:
            raise ModelRefused("the memory's patches are no bytes; commission again")
    sizes = [int(each) for each in found["grid"].tolist()]
    if parts < GOOD_MIN or not 2 <= min(sizes) <= max(sizes) <= 512:
        raise ModelRefused("the memory's grid or its good parts are too few; commission again")
