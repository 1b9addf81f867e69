"""From the region of a camera's picture to the network's input tensor.

    picture ──region──> crop ──scaled, ratio kept──> ┌────────┬───┐
                                                     │ part   │ m │   m: mirrored, so that no hard
                                                     ├────────┘   │      edge appears; never
                                                     looked at └────────────┘

Rules of this file
- The tensor is BGR int8, the pixel less 128: real = (pixel - 127) / 128 for the shipped backbone.
- A picture with one channel is taken as grey, one with four loses its transparency. What is no
  picture at all is refused with the remedy.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from banksman.vision.inspection import Picture, PictureRefused, Region

# Under this many pixels a side nothing of a part can be seen.
SIDE_MIN = 16
RATIO_MAX = 20
# A picture that is so many times larger than the input is halved first, which is the same mean of
# the same pixels in a fifth of the time: 5 million pixels would take 10 ms of every look.
HALVED_FROM = 4


class Prepared(msgspec.Struct, frozen=True):
    """A picture ready for the network.

    ``part`` (rows, columns, 3) uint8 is what of it lies in the input's upper left corner;
    ``tensor`` (1, height, width, 3) int8 the whole input. ``region`` is what of the picture it
    shows.
    """

    part: Picture
    tensor: npt.NDArray[np.int8]
    region: Region


class Preprocessing(msgspec.Struct, frozen=True):
    """How a picture becomes the input of ``height`` x ``width`` pixels; see the top of the file."""

    height: int
    width: int

    def prepare(self, picture: Picture, region: Region | None = None) -> Prepared:
        """Cut, scale and pad. Raises PictureRefused naming what is wrong and the remedy."""
        colours = bgr(picture)
        if region is None:
            region = Region(0, 0, colours.shape[1], colours.shape[0])
        part = self.scaled(region.of(colours))
        return Prepared(part, self.tensor(part), region)

    def scaled(self, cut: Picture) -> Picture:
        """The picture as large as the input allows, ratio kept."""
        height, width = cut.shape[:2]
        if min(height, width) < SIDE_MIN or max(height, width) > RATIO_MAX * min(height, width):
            raise PictureRefused(
                f"a picture of {width}x{height} pixels shows no part; sides are from {SIDE_MIN} "
                f"and at most 1:{RATIO_MAX}: check the region"
            )
        scale = min(self.height / height, self.width / width)
        size = (
            min(self.width, max(1, round(width * scale))),
            min(self.height, max(1, round(height * scale))),
        )
        while scale * HALVED_FROM <= 1:
            cut, scale = _halved(cut), scale * 2
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(cut, size, interpolation=how), dtype=np.uint8)

    def tensor(self, part: Picture) -> npt.NDArray[np.int8]:
        """The input with the part in its upper left corner."""
        rows, columns = part.shape[:2]
        below, beside = self.height - rows, self.width - columns
        # Mirroring reaches no further than the part itself; beyond, its mirror is repeated.
        padded = np.pad(part, ((0, below), (0, beside), (0, 0)), mode="symmetric")
        return (padded ^ 0x80).view(np.int8)[None]


def _halved(picture: Picture) -> Picture:
    """Each two by two pixels as their mean; what is left of an odd size falls away."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    even = picture[: 2 * rows, : 2 * columns]
    half = cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)


def bgr(picture: npt.NDArray[np.uint8]) -> Picture:
    """Any usual picture as (height, width, 3). Raises PictureRefused for what is none."""
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        told = getattr(picture, "dtype", type(picture).__name__)
        raise PictureRefused(f"a picture has 8 bits a channel, this is {told}; convert it first")
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or 0 in picture.shape:
        raise PictureRefused(f"a picture is (height, width, 3), this is {picture.shape}")
    if picture.shape[2] == 1:
        return np.repeat(picture, 3, axis=2)
    return picture[:, :, :3]
