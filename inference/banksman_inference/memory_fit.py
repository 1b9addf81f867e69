"""Makes a `PatchMemory` of patches that were gathered from good parts and made defects.

    for each of FOLDS: train a contrast on the others, score the fold's good parts ─┐
    recall all parts, each compared with the others ────────────────────────────────┴─ held out
    train one on all, and join it with those of the folds                     -> the memory

Rules of this file
- numpy only; the same gathered parts and seed give the same memory.
- Every score that a threshold is chosen by comes from parts other than its own: the contrast never
  saw the part, and recall leaves it out (only the whitening, of thousands of patches, had some of
  it). Near-duplicates should share a group: they are held out together.
- All contrasts are kept, and the mean of what they say counts: it is steadier than one's.
- Bounded: `quota` says how many patches of each part are kept, the fewer the more parts there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_inference.contrast import VALUES as SPOTS
from banksman_inference.contrast import Contrast, hottest, joined
from banksman_inference.contrast_fit import PASSES, fit_contrast, whitening
from banksman_inference.feature_maps import Maps
from banksman_inference.patch_memory import PatchMemory
from banksman_inference.recall import DIMENSIONS, PARTS_MAX, VALUES, Kept, Recall, stored
from banksman_inference.usual import Usual

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
MapsOf = Callable[[int], tuple[Maps, tuple[int, int]]]

FOLDS = 4
GOOD_PATCHES_MAX = 32_000
DEFECT_PATCHES_MAX = 12_000
DEEP_PATCHES_MAX = 24_000
HEAD_PATCHES_MAX = 8_000
PART_MOST = 400
STEPS_OF_FIT = PASSES * (FOLDS + 1)


class Quota(msgspec.Struct, frozen=True):
    """How many patches to keep of each part."""

    good: int
    defective: int
    deep: int
    head: int


def quota(parts: int) -> Quota:
    """For so many good parts."""
    most = (GOOD_PATCHES_MAX, DEFECT_PATCHES_MAX, DEEP_PATCHES_MAX, HEAD_PATCHES_MAX)
    return Quota(*(min(PART_MOST, max(4, -(-each // parts))) for each in most))


class GatheredPart(msgspec.Struct, frozen=True):
    """What is kept of one good part: patches (n, features), all of them halves.

    ``good``: its own, and some beside made defects. ``defective``: for each made defect the
    patches that show it. ``deep``: some neighbourhoods of the deeper stages. ``head``: some of the
    head's.
    """

    good: Halves
    defective: tuple[Halves, ...]
    deep: Halves
    head: Halves


def fit_memory(
    parts: Sequence[GatheredPart],
    maps_of: MapsOf,
    grid: tuple[int, int],
    random: np.random.Generator,
    step: Callable[[], None],
    groups: npt.NDArray[np.intp] | None = None,
) -> tuple[PatchMemory, Floats]:
    """The memory, and the rarity of each part when it was held out: (parts,).

    ``maps_of(number)`` gives a part's maps again, and what of the grid it covers. ``step`` is
    called `STEPS_OF_FIT` times, and at most twice for each part. ``groups`` (parts,):
    near-duplicates share a number; there are at least `FOLDS` of them.
    """
    groups = np.arange(len(parts)) if groups is None else groups
    fold = _folds(groups, random)
    good = np.zeros((len(parts), SPOTS + VALUES), np.float32)
    peaks = np.zeros(len(parts), np.float32)
    space = _space(parts)
    kept: dict[int, Kept] = {}
    contrasts: list[Contrast] = []
    for number in range(FOLDS):
        contrast = _train(
            [part for part, at in zip(parts, fold, strict=True) if at != number], random, step
        )
        contrasts.append(contrast)
        for place in np.flatnonzero(fold == number):
            maps, valid = maps_of(int(place))
            good[place, :SPOTS] = hottest(contrast.spots(maps, grid, valid))
            kept[int(place)] = space.kept(maps, grid, valid)
            step()
    chosen = np.sort(random.permutation(len(parts))[:PARTS_MAX])
    remembered = [kept[int(place)] for place in chosen]
    recall = _filled(space, remembered)
    usual = Usual(recall, remembered, groups[chosen], step)
    for each, group in enumerate(groups):
        told = recall.compare(kept[each], groups[chosen] == group, usual.without(int(group)))
        good[each, SPOTS:], peaks[each] = told.values, told.distances.max()
    recall = msgspec.structs.replace(recall, usual=usual.of_all())
    contrast = joined([*contrasts, _train(parts, random, step)])
    memory = PatchMemory(contrast, recall, good, peaks, grid)
    return memory, memory.rarity(good)


def _train(
    parts: Sequence[GatheredPart], random: np.random.Generator, step: Callable[[], None]
) -> Contrast:
    good = _joined([part.good for part in parts])
    shown = [each for part in parts for each in part.defective]
    # Each defect weighs alike, however large it is.
    weights = np.concatenate([np.full(len(each), 1 / len(each), np.float32) for each in shown])
    return fit_contrast(good, _joined(shown), weights / weights.sum(), random, step)


def _space(parts: Sequence[GatheredPart]) -> Recall:
    """A recall of no parts yet: where patches and wholes lie, their strongest axes kept."""
    centre, project = _strongest(_joined([part.deep for part in parts]))
    whole_centre, whole_project = _strongest(_joined([part.head for part in parts]))
    size = project.shape[1]
    return Recall(centre, project, whole_centre, whole_project, np.zeros((0, size), np.float32),
                  np.zeros((0, size), np.int8), np.zeros(0, np.int32),
                  np.zeros(0, np.float32))  # fmt: skip


def _strongest(samples: Halves) -> tuple[Floats, Floats]:
    mean, whiten = whitening(samples)
    return mean, np.ascontiguousarray(whiten[:, -DIMENSIONS:])


def _filled(space: Recall, kept: Sequence[Kept]) -> Recall:
    patches = [stored(each.patches) for each in kept]
    return msgspec.structs.replace(
        space,
        wholes=np.stack([each.whole for each in kept]),
        patches=np.concatenate(patches),
        ends=np.cumsum([len(each) for each in patches]).astype(np.int32),
    )


def _joined(arrays: Sequence[Halves]) -> Halves:
    return np.concatenate(arrays)


def _folds(groups: npt.NDArray[np.intp], random: np.random.Generator) -> npt.NDArray[np.intp]:
    """A fold for each part, whole groups together, none of the folds empty."""
    names, members = np.unique(groups, return_inverse=True)
    return (random.permutation(len(names)) % FOLDS)[members]
