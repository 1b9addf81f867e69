"""What a person should know of the parts that were taken, before anything is learnt. Pure.

    brightness    ▂▃▅█▅▃   ▂    far from the others: the light was off, a hand was in between
    sharpness   ▂    ▃▅█▅▃      far under the others: moved, knocked out of focus

Rules of this file
- It only remarks: whether a part is good is a person's to say, and a station learns without it.
- Parts are judged beside each other, since products differ in how bright and how rich in edges
  they are. What is absolute is light: in a black or a white picture there is nothing to see.
- Far off is told by the median and the median absolute deviation (Iglewicz and Hoaglin, How to
  Detect and Handle Outliers, ASQC 1993), and by a share of the median: parts all alike have none.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.vision.inspection import Picture
from banksman.vision.taking import shrink
from banksman_drivers.camera.judge import sharpness

Small = npt.NDArray[np.float16]
COMPARED_MIN = 8  # fewer parts say nothing of what is usual
DEVIATIONS = 6.0
SHARE = 0.3  # of the median, at least
DARK_PCT = 8.0
WHITE_SHARE = 0.25
WHITE = 253
NAMED_MOST = 4


class PartLook(msgspec.Struct, frozen=True):
    """One part's figures: mean brightness in percent, share of white pixels (0..1), sharpness."""

    brightness_pct: float
    white: float
    sharpness: float
    width: int
    height: int
    fingerprint: int
    small: Small  # (32, 32) or less, grey levels


def look_at(picture: Picture) -> PartLook:
    """Measure a picture, of every fourth row and column but for the sharpness."""
    few = picture[::4, ::4, 1]
    return PartLook(
        brightness_pct=float(few.mean()) / 2.55,
        white=float((few >= WHITE).mean()),
        sharpness=sharpness(picture),
        width=int(picture.shape[1]),
        height=int(picture.shape[0]),
        fingerprint=zlib.crc32(np.ascontiguousarray(picture).data),
        small=shrink(picture).astype(np.float16),
    )


def unusual(looks: Mapping[str, PartLook]) -> dict[str, float]:
    """How far each of these parts is from what most of them look like; 1: as far as is usual.

    Of small grey pictures, beside the median of all: a hint before anything is learnt.
    """
    sizes = Counter(each.small.shape for each in looks.values())
    if not sizes:
        return {}
    (common, _), *_ = sizes.most_common(1)
    alike = [each.small for each in looks.values() if each.small.shape == common]
    middle = np.median(np.stack(alike).astype(np.float32), axis=0)
    far = {
        name: float(np.abs(each.small - middle).mean()) if each.small.shape == common else math.inf
        for name, each in looks.items()
    }
    usual = float(np.median([each for each in far.values() if math.isfinite(each)]))
    return {name: each / max(usual, 1e-6) for name, each in far.items()}


def remarks(looks: Mapping[str, PartLook]) -> tuple[str, ...]:
    """What is odd about the good parts of these names; none: nothing."""
    if not looks:
        return ()
    names = list(looks)
    light = np.array([each.brightness_pct for each in looks.values()])
    found: list[str] = []
    sizes = Counter((each.width, each.height) for each in looks.values())
    if len(sizes) > 1:
        told = ", ".join(
            f"{number} of {w} x {h}" for (w, h), number in sizes.most_common(NAMED_MOST)
        )
        found.append(f"parts are of different sizes ({told}): take all with this camera")
    if float(np.median(light)) < DARK_PCT:
        found.append("the pictures are nearly black: more light, or a longer exposure")
    if float(np.median([each.white for each in looks.values()])) > WHITE_SHARE:
        found.append("much of the pictures is white: less light, or a shorter exposure")
    found += _twice(names, list(looks.values()))
    if len(names) >= COMPARED_MIN:
        sharp = np.array([each.sharpness for each in looks.values()])
        for values, below, above in (
            (light, "much darker", "much brighter"),
            (sharp, "much less sharp", ""),
        ):
            middle, reach = _usual(values)
            low = [name for name, each in zip(names, values, strict=True) if each < middle - reach]
            high = [name for name, each in zip(names, values, strict=True) if each > middle + reach]
            found += [
                f"{_named(those)} {'is' if len(those) == 1 else 'are'} {word} than the others"
                for those, word in ((low, below), (high, above))
                if those and word
            ]
    return tuple(found)


def _usual(values: np.ndarray) -> tuple[float, float]:
    """The median, and how far from it is still usual."""
    middle = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - middle)))
    return middle, max(DEVIATIONS * deviation, SHARE * abs(middle))


def _twice(names: Sequence[str], looks: Sequence[PartLook]) -> list[str]:
    times = Counter(each.fingerprint for each in looks)
    again = sum(number - 1 for number in times.values())
    return [f"{again} of {len(names)} pictures are there more than once"] if again else []


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    return f"part{'s' if len(names) > 1 else ''} {', '.join(names[:NAMED_MOST])}{more}"
