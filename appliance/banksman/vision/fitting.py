"""Commissioning's arithmetic: from pictures of good parts (and perhaps defects) to memory and head.

    fitted = fit(network, preprocessing, good, defects, labels, progress=tell)
    fitted.memory, fitted.head            # what an Inspector takes and a bundle keeps
    fitted.good_scores                    # held out, in Inspection.score's unit: histogram,
    threshold

    good parts ──┬── maps ── patches ─────────┐
                 └── + made defects ── patches ┴── memory     (DEFECTS_MADE for each good part)
    all parts ─── maps ── embeddings ─────────────── head     (from DEFECTS_MIN real defects)

Rules of this file
- Good parts alone are enough; 100 of them. Every score told of a part comes from a memory and a
  head that saw neither that part nor its near-duplicates (cross-fitting, by groups).
- ``good`` and ``defects`` are sequences that are read more than once, one picture at a time: files
  need not all be in memory.
- The same pictures and seed give the same result.
- ``progress(done, total, what)`` is called between chunks and may raise to stop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from banksman.vision.backbone_maps import BackboneMaps, Network, Seen
from banksman.vision.inspection import Picture, PictureRefused, Region
from banksman.vision.made_defects import made_defect
from banksman.vision.near_duplicates import detail, likeness, near_duplicates, slices
from banksman.vision.preprocessing import Prepared, Preprocessing
from banksman_inference.class_head import ClassHead, doubt, embedding
from banksman_inference.contrast import covered
from banksman_inference.head_fit import EXAMPLES_MIN, fit_head
from banksman_inference.head_fit import steps as steps_of_head
from banksman_inference.memory_fit import STEPS_OF_FIT, GatheredPart, Quota, fit_memory, quota
from banksman_inference.one_thread import one_blas_thread
from banksman_inference.patch_memory import PatchMemory
from banksman_inference.rarity import Rarity
from banksman_inference.recall import head, neighbourhoods

Progress = Callable[[int, int, str], None]
Floats = npt.NDArray[np.float32]

GOOD_MIN = 20
DEFECTS_MIN = 10
DEFECTS_MADE = 5
GOOD = "good"
MIRRORED = (1, 0)  # left for right, and top for bottom
SHOWN_SHARE = 0.08  # of a patch's pixels: from there on it shows the defect


class Fitted(msgspec.Struct, frozen=True):
    """What commissioning found. Scores are of parts held out, in the unit of Inspection.score.

    ``good_scores`` has shape (good parts,), ``defect_scores`` (defects,), both float32.
    ``head`` is None where fewer than `DEFECTS_MIN` defects were given. ``chances`` (all parts,
    classes) are the head's held-out probabilities, good parts first; empty without a head.
    ``groups`` (all parts that were learnt from,): near-duplicates share a number, and were held
    out together.
    """

    memory: PatchMemory
    head: ClassHead | None
    good_scores: Floats
    defect_scores: Floats
    chances: Floats
    groups: npt.NDArray[np.intp]


def fit(
    network: Network,
    preprocessing: Preprocessing,
    good: Sequence[Picture],
    defects: Sequence[Picture] = (),
    labels: Sequence[str] = (),
    *,
    region: Region | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Fitted:
    """Learn what good looks like, and the classes of the defects where there are any.

    ``labels`` names each defect's class; one of a single example counts for the commonest. Raises
    PictureRefused naming the picture by its place, or ValueError where there are fewer than
    `GOOD_MIN` good parts.
    """
    if len(good) < GOOD_MIN:
        raise ValueError(f"{len(good)} good parts are too few; at least {GOOD_MIN}, better 100")
    if len(labels) != len(defects):
        raise ValueError(f"{len(defects)} defects have {len(labels)} labels; each has one")
    with one_blas_thread():
        return _fit(network, preprocessing, good, defects, labels, region, progress, seed)


def _fit(network: Network, preprocessing: Preprocessing, good: Sequence[Picture],
         defects: Sequence[Picture], labels: Sequence[str], region: Region | None,
         progress: Progress | None, seed: int) -> Fitted:  # fmt: skip
    work = _Work(network, preprocessing, region, progress, good, defects)
    random = np.random.default_rng(seed)
    groups = work.groups()
    limits = quota(len(good))
    parts = [work.gather(number, limits, random) for number in range(len(good))]
    memory, held_out = fit_memory(
        parts,
        work.maps_of,
        work.backbone.grid,
        random,
        lambda: work.tell("learning"),
        groups[: len(good)],
    )
    looks = [work.look(memory, number) for number in range(len(defects))]
    found = np.array(looks, np.float32)
    head, chances = None, np.zeros((0, 0), np.float32)
    if len(defects) >= DEFECTS_MIN:
        views = [work.embeddings(good, "good part", flip) + work.embeddings(defects, "defect", flip)
                 for flip in (None, *MIRRORED)]  # fmt: skip
        names = [GOOD] * len(good) + _known(labels)
        first, *mirrored = (np.stack(each) for each in views)
        head, chances = fit_head(
            first, names, GOOD, seed, groups, mirrored, lambda: work.tell("learning classes")
        )
        doubts = doubt(chances)
        rarity = Rarity(doubts[: len(good)]).of(doubts)
        held_out = np.maximum(held_out, rarity[: len(good)])
        found = np.maximum(found, rarity[len(good) :])
    return Fitted(memory, head, held_out, found, chances, groups)


def _known(labels: Sequence[str]) -> list[str]:
    """The labels, with classes of too few examples joined to the commonest."""
    counts = Counter(labels)
    (common, _), *_ = counts.most_common(1)
    return [label if counts[label] >= EXAMPLES_MIN else common for label in labels]


class _Work:
    """One commissioning: pictures in, patches out, and how far it is."""

    def __init__(self, network: Network, preprocessing: Preprocessing, region: Region | None,
                 progress: Progress | None, good: Sequence[Picture],
                 defects: Sequence[Picture]) -> None:  # fmt: skip
        self.backbone = BackboneMaps(network, preprocessing.height, preprocessing.width)
        self._preprocessing = preprocessing
        self._region = region
        self._progress = progress
        self._good = good
        self._defects = defects
        self._done = 0
        self._total = len(good) * (DEFECTS_MADE + 3) + STEPS_OF_FIT + len(defects)
        self._compared: list[tuple[Sequence[Picture], str]] = [(good, "good part")]
        if len(defects) >= DEFECTS_MIN:
            self._compared.append((defects, "defect"))
            self._total += (1 + len(MIRRORED)) * (len(good) + len(defects)) + steps_of_head(True)
        compared = sum(len(each) for each, _ in self._compared)
        self._total += compared + slices(compared)

    def tell(self, what: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total, what)

    def groups(self) -> npt.NDArray[np.intp]:
        """A number for each part that is learnt from, good ones first: near-duplicates share it."""
        details = []
        for pictures, what in self._compared:
            for number in range(len(pictures)):
                details.append(detail(self._prepared(pictures, number, what).part))
                self.tell("comparing parts")
        return near_duplicates(likeness(details, lambda: self.tell("comparing parts")))

    def maps_of(self, number: int) -> tuple[tuple[npt.NDArray[np.float32], ...], tuple[int, int]]:
        """A good part's maps, and what of the grid it covers."""
        seen = self._see(self._prepared(self._good, number, "good part"))
        return seen.maps, seen.valid

    def gather(self, number: int, limits: Quota, random: np.random.Generator) -> GatheredPart:
        """The patches of one good part and of the defects made on it."""
        prepared = self._prepared(self._good, number, "good part")
        seen = self._see(prepared)
        self.tell("looking at good parts")
        deep, whole = (
            each(seen.maps, self.backbone.grid, seen.valid) for each in (neighbourhoods, head)
        )
        own = self._patches(seen)
        good = [_some(own, limits.good // 3, random)]
        defective = []
        rows, columns = prepared.part.shape[:2]
        for _ in range(DEFECTS_MADE):
            place = int(random.integers(len(self._good)))
            other = self._prepared(self._good, place, "good part").part
            sized = cv2.resize(other, (columns, rows), interpolation=cv2.INTER_AREA)
            made, shown = made_defect(prepared.part, np.asarray(sized, np.uint8), random)
            tensor = self._preprocessing.tensor(made)
            changed = self._see(Prepared(made, tensor, prepared.region))
            patches, shares = self._patches(changed), _shares(shown, changed.valid)
            showing = patches[shares.ravel() > SHOWN_SHARE]
            if len(showing):
                defective.append(_some(showing, limits.defective // DEFECTS_MADE, random))
            clear = cv2.dilate(shares, np.ones((3, 3), np.uint8)).ravel() == 0
            good.append(_some(patches[clear], 2 * limits.good // (3 * DEFECTS_MADE), random))
            self.tell("making defects")
        return GatheredPart(
            np.concatenate(good),
            tuple(defective),
            _some(deep.reshape(-1, deep.shape[2]), limits.deep, random),
            _some(whole.reshape(-1, whole.shape[2]), limits.head, random),
        )

    def look(self, memory: PatchMemory, number: int) -> float:
        """What the memory says of a defect."""
        seen = self._see(self._prepared(self._defects, number, "defect"))
        self.tell("looking at defects")
        return memory.look(seen.maps, seen.valid).anomaly

    def embeddings(self, pictures: Sequence[Picture], what: str, flip: int | None) -> list[Floats]:
        """Of all pictures, mirrored as OpenCV's ``flip`` names it."""
        found = []
        for number in range(len(pictures)):
            prepared = self._prepared(pictures, number, what)
            if flip is not None:
                part = np.asarray(cv2.flip(prepared.part, flip), np.uint8)
                prepared = Prepared(part, self._preprocessing.tensor(part), prepared.region)
            found.append(embedding(self._see(prepared).covered()))
            self.tell("looking for classes")
        return found

    def _see(self, prepared: Prepared) -> Seen:
        return self.backbone.see(prepared)

    def _patches(self, seen: Seen) -> Floats:
        found = covered(seen.maps, self.backbone.grid, seen.valid)
        return found.reshape(-1, found.shape[2])

    def _prepared(self, pictures: Sequence[Picture], number: int, what: str) -> Prepared:
        try:
            return self._preprocessing.prepare(pictures[number], self._region)
        except PictureRefused as error:
            raise PictureRefused(f"{what} number {number + 1}: {error}") from error


def _some(patches: Floats, count: int, random: np.random.Generator) -> npt.NDArray[np.float16]:
    chosen = random.permutation(len(patches))[: max(1, count)]
    return patches[chosen].astype(np.float16)


def _shares(shown: npt.NDArray[np.bool_], valid: tuple[int, int]) -> Floats:
    """Which share of each patch shows the defect: (rows, columns)."""
    rows, columns = valid
    side = min(shown.shape[0] // rows, shown.shape[1] // columns)
    cells = shown[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.asarray(cells.mean(axis=(1, 3)), dtype=np.float32)
