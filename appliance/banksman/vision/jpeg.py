"""Pictures as JPEG with a comment in them, by OpenCV; and back.

    FF D8 | FF FE length comment | the rest as the encoder made it

The comment (T.81, B.2.4.5, segment COM) tells of whom and when the picture is, so that it explains
itself wherever it is copied to. OpenCV releases the interpreter lock while it packs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from banksman.vision.inspection import Picture
from banksman_drivers.camera.library import load

COMMENT_BYTES_MAX = 65_533
_BEGIN = b"\xff\xd8"


def to_jpeg(picture: Picture, quality: int, comment: bytes = b"") -> bytes:
    """The picture's bytes. Raises ValueError where it cannot be packed."""
    cv2: Any = load()
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be packed as JPEG")
    jpeg: bytes = data.tobytes()
    if not comment or len(comment) > COMMENT_BYTES_MAX:
        return jpeg
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return _BEGIN + segment + jpeg[len(_BEGIN) :]


def smaller(picture: Picture, side: int) -> Picture:
    """The picture with at most so many pixels on its longer side."""
    cv2: Any = load()
    height, width = picture.shape[:2]
    ratio = side / max(height, width)
    if ratio >= 1.0:
        return picture
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    shrunk: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return shrunk


def from_picture_file(data: bytes) -> Picture:
    """A picture out of the bytes of a JPEG or PNG. Raises ValueError where it is none."""
    cv2: Any = load()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise ValueError("it is no picture")
    found: Picture = picture
    return found


def to_png(picture: Picture) -> bytes:
    """The picture's bytes, without loss."""
    cv2: Any = load()
    done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be packed as PNG")
    return bytes(data.tobytes())
