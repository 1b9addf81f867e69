"""Pictures of the two products aside, with their labels and which are near-duplicates.

A part that was photographed twice must not be learnt from and judged by: such pictures form a
group, and a group is on one side of every split (`banksman.vision.near_duplicates`). Above
`Product.alike` two pictures belong together: at 0.9 they are the same picture but for some noise or
a small shift. The tiles were photographed up to six times each under other light; for
`TILE_UNSEEN` a tile is on one side in every light (0.6), which is another and harder question.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from banksman.vision.near_duplicates import detail, grouped, likeness

GOOD = "good"


class Product(msgspec.Struct, frozen=True):
    """Where a product's pictures lie: folders by label; ``alike``: see the top of the file."""

    name: str
    folder: str
    ending: str
    labels: dict[str, str]
    alike: float


CASTING = Product(
    "casting", "casting", "jpeg", {"ok_front": GOOD, "def_front": "defect"}, alike=0.9
)
TILE = Product(
    "tile",
    "magnetic-tile",
    "jpg",
    {"MT_Free": GOOD, **{f"MT_{each}": each.lower()
     for each in ("Blowhole", "Break", "Crack", "Fray", "Uneven")}},
    alike=0.9,
)  # fmt: skip


TILE_UNSEEN = msgspec.structs.replace(TILE, name="tile_unseen", alike=0.6)


class Pictures(msgspec.Struct):
    """``images`` BGR; ``labels``; ``groups``: a number for each group of near-duplicates."""

    files: list[Path]
    images: list[npt.NDArray[np.uint8]]
    labels: npt.NDArray[np.str_]
    groups: npt.NDArray[np.intp]


def load(product: Product, data: Path) -> Pictures | None:
    """None where the data aside is absent."""
    files: list[Path] = []
    labels: list[str] = []
    for folder, label in product.labels.items():
        found = sorted((data / product.folder / folder).glob(f"*.{product.ending}"))
        files += found
        labels += [label] * len(found)
    if not files:
        return None
    images = [np.asarray(cv2.imread(str(file)), np.uint8) for file in files]
    return Pictures(files, images, np.array(labels), groups(images, product.alike))


def groups(images: list[npt.NDArray[np.uint8]], alike: float) -> npt.NDArray[np.intp]:
    """The group of each picture: those that are alike, and those alike to these."""
    return grouped(likeness([detail(image) for image in images]), alike)


def split(pictures: Pictures, good: int, seed: int) -> tuple[npt.NDArray[np.intp], ...]:
    """About ``good`` good parts to learn from, whole groups; and all pictures of other groups."""
    random = np.random.default_rng(seed)
    is_good = pictures.labels == GOOD
    taken: list[int] = []
    for group in random.permutation(np.unique(pictures.groups[is_good])):
        if len(taken) >= good:
            break
        taken += list(np.flatnonzero(is_good & (pictures.groups == group)))
    learn = np.array(sorted(taken))
    other = ~np.isin(pictures.groups, pictures.groups[learn])
    return learn, np.flatnonzero(other)
