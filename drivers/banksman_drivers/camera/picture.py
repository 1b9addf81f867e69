"""A picture as it is used: turned, cropped, read-only. Pure; a turn copies, nothing else.

turned clockwise            then cropped
┌───┐      ┌─────┐          ┌─────┐
│A  │      │    A│          │ ┌─┐ │
│   │  ->  │     │   ->     │ └─┘ │
└───┘      └─────┘          └─────┘
"""

from __future__ import annotations

import numpy as np

from banksman_drivers.camera.source import Image
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings


def framed(image: Image, settings: CameraSettings) -> Image:
    """The picture as configured. Raises DeviceLost when the crop does not lie within it."""
    if settings.rotate_deg:
        # rot90 turns the other way; the copy gives rows that lie in order, as libraries want them.
        image = np.ascontiguousarray(np.rot90(image, -settings.rotate_deg // 90))
    crop = settings.crop
    if crop is not None:
        height, width = image.shape[:2]
        if crop.left + crop.width > width or crop.top + crop.height > height:
            raise DeviceLost(
                f"the crop ends beyond the picture of {width} x {height}; correct crop, or width"
                " and height"
            )
        image = image[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    image.flags.writeable = False
    return image
