"""Which pictures show the same part again, so that a part is never judged by its own twin.

    two pictures ── light and large shapes taken away ── correlation at the best shift ── likeness

A part that was photographed twice and lies on both sides of a split is judged as if it had been
learnt: its held-out score is too low, and a threshold chosen by such scores stops too many new
parts. Pictures that are alike therefore form a group, and groups are held out whole.

Rules of this file
- Pure, numpy and OpenCV; the same pictures give the same groups.
- A likeness over `ALIKE` is the same picture but for some noise or a small shift. Where all parts
  of a product are nearly that alike (prints, boards in a fixture), a twin has to be closer than
  parts usually are: `CLOSER` of the usual gap.
- Work grows with the square of the pictures: 0.2 s for 100 on a desk. It is done in slices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from banksman.vision.inspection import Picture

Floats = npt.NDArray[np.float32]

SIDE = 64
SHIFT = 3  # of SIDE, each way
RATIO_MAX = 0.15  # of the logarithm of height / width: other shapes are other parts
ALIKE = 0.9
CLOSER = 0.25
GROUPS_MIN = 8  # fewer cannot be held out in turn
ROWS_AT_ONCE = 32


class Detail(msgspec.Struct, frozen=True):
    """What of a picture is compared: ``fine`` (SIDE, SIDE), of mean 0 and norm 1; ``ratio`` is the
    logarithm of height / width."""

    fine: Floats
    ratio: float


def detail(picture: Picture) -> Detail:
    """Of a BGR picture: fine structure, each place by its surroundings' contrast."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    small = cv2.resize(np.log(grey + 8), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = small - cv2.GaussianBlur(small, (0, 0), SIDE / 24)
    small = small / (np.sqrt(cv2.GaussianBlur(small * small, (0, 0), SIDE / 12)) + 0.01)
    small = small - small.mean()
    fine = small / max(float(np.linalg.norm(small)), 1e-12)
    return Detail(np.asarray(fine, np.float32), float(np.log(picture.shape[0] / picture.shape[1])))


def likeness(details: Sequence[Detail], step: Callable[[], None] = lambda: None) -> Floats:
    """Of each picture with each, -1 … 1: (n, n). ``step`` is called `slices` times."""
    fine = np.stack([each.fine for each in details])
    ratios = np.array([each.ratio for each in details])
    flat = fine.reshape(len(fine), -1)
    found = np.full((len(fine), len(fine)), -1, np.float32)
    for start in range(0, len(fine), ROWS_AT_ONCE):
        rows = found[start : start + ROWS_AT_ONCE]
        for down in range(-SHIFT, SHIFT + 1):
            for across in range(-SHIFT, SHIFT + 1):
                moved = np.roll(fine[start : start + ROWS_AT_ONCE], (down, across), (1, 2))
                np.maximum(rows, moved.reshape(len(rows), -1) @ flat.T, out=rows)
        gaps = np.abs(ratios[start : start + ROWS_AT_ONCE, None] - ratios)
        rows[gaps > RATIO_MAX] = -1
        step()
    return found


def slices(pictures: int) -> int:
    """How often `likeness` of so many pictures calls ``step``."""
    return -(-pictures // ROWS_AT_ONCE)


def grouped(alikeness: Floats, alike: float) -> npt.NDArray[np.intp]:
    """The group of each picture: those over ``alike``, and those alike to these."""
    group = np.arange(len(alikeness))
    near = (alikeness > alike) | np.eye(len(alikeness), dtype=bool)
    for one, row in enumerate(near):
        joined = np.unique(group[row])
        if len(joined) > 1:
            group[np.isin(group, joined)] = group[one]
    return group


def near_duplicates(alikeness: Floats) -> npt.NDArray[np.intp]:
    """The group of each picture, by what is usual among these; see the top of the file.

    Where fewer than `GROUPS_MIN` groups would remain, or one with over half of the pictures,
    nothing can be told apart, and each picture is a group of its own.
    """
    count = len(alikeness)
    if count < 2:
        return np.arange(count)
    usual = float(np.median(alikeness[~np.eye(count, dtype=bool)]))
    group = grouped(alikeness, max(ALIKE, 1 - CLOSER * (1 - usual)))
    sizes = np.bincount(group)
    told_apart = (sizes > 0).sum() >= GROUPS_MIN and sizes.max() <= count / 2
    return group if told_apart else np.arange(count)
