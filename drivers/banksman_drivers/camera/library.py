"""OpenCV, loaded when the first camera opens, and kept from what a daemon cannot have.

Rules of this file
- It is imported on a camera's thread, never at the daemon's start (docs/operate/cameras.md: what
  memory it takes).
- It works on the calling thread alone: pools of its own would fight the control loop for cores.
- It says nothing on stderr: its messages and FFmpeg's may repeat an address with its password.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from types import ModuleType
from typing import Any

from banksman_drivers.camera.source import Image
from banksman_drivers.ports import Unsupported

# AV_LOG_QUIET (libavutil/log.h); OpenCV reads it once, when it opens its first stream.
FFMPEG_QUIET = "-8"
# OpenCV waits for a V4L2 buffer that was said to be there; by its default for ten seconds.
V4L_SELECT_S = "2"

_first = threading.Lock()


def must_be_there(device: str) -> None:
    """Raises Unsupported, naming the device and the remedy, if OpenCV is not installed."""
    if importlib.util.find_spec("cv2") is None:
        raise Unsupported(f"{device}: OpenCV is not installed; pip install 'banksman[camera]'")


def load() -> ModuleType:
    """The module cv2, one thread wide and silent. The camera's thread only."""
    with _first:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", FFMPEG_QUIET)
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", V4L_SELECT_S)
        import cv2

        cv2.setNumThreads(1)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def unpacked(cv2: Any, capture: Any) -> Image | None:
    """The grabbed frame in an array of its own, BGR; None if it is broken or no picture."""
    try:
        taken, image = capture.retrieve()
    except cv2.error:  # what a damaged JPEG makes of its decoder
        return None
    if not taken or image is None or image.dtype != "uint8" or image.shape[2:] != (3,):
        return None
    found: Image = image
    return found
