"""A camera of this box: USB, CSI or a grabber, through the kernel's V4L2.

Rules of this file
- The device is named by what it is, ``/dev/v4l/by-id/…``, so that it is the same one after
  re-plugging. The kernel's messages are answered by what people can do about them.
- What the camera will not do is a remark, not an end: exposure lock where the camera has it.
- The frame's time is the kernel's: OpenCV hands the buffer's stamp on as CAP_PROP_POS_MSEC,
  CLOCK_MONOTONIC in every driver since Linux 3.9 (V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC). The buffer's
  sequence number it does not hand on: missing frames are told from the stamps (clock.py).
- OpenCV's grab may wait for ten seconds, so the wait is its `waitAny` in short turns; what it
  finds is grabbed already.

Units: V4L2_CID_EXPOSURE_ABSOLUTE counts 100 us; V4L2_CID_EXPOSURE_AUTO is 1 for manual.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any

from banksman_drivers.camera import library
from banksman_drivers.camera.source import Image, Pause, Stamps
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings

TURN_NS = 50_000_000
EXPOSURE_MANUAL = 1
US_PER_STEP = 100

WHY = {
    errno.ENOENT: "there is no such device; is it plugged in? ls /dev/v4l/by-id",
    errno.EACCES: "it may not be opened; put the daemon's user into the group video",
    errno.EBUSY: "another program holds it; fuser names it",
    errno.ENODEV: "it was unplugged",
}


class V4l2Source:
    """An open V4L2 camera, streaming from the first `grab` on."""

    stamps: Stamps = "monotonic"

    def __init__(self, settings: CameraSettings) -> None:
        self.stamp_ns: int | None = None
        self.remarks: list[str] = []
        self._path = settings.place
        self._patience_s = settings.lost_after_ms / 1e3
        self._cv2: Any = library.load()
        self._explain(self._path)
        self._capture = self._cv2.VideoCapture(self._path, self._cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise DeviceLost(
                f"{self._path} gives no pictures; it is no camera's video node, or is in use"
            )
        self._ask(settings)

    def grab(self, pause: Pause) -> bool:
        """Wait for the next buffer of the kernel."""
        until_s = time.monotonic() + self._patience_s
        while not pause.stopping:
            try:
                ready, _ = self._cv2.VideoCapture.waitAny([self._capture], TURN_NS)
            except self._cv2.error as error:
                raise DeviceLost(f"{self._path} stopped giving pictures; plug it anew") from error
            if ready:
                stamp_ms = self._capture.get(self._cv2.CAP_PROP_POS_MSEC)
                self.stamp_ns = round(stamp_ms * 1e6) if stamp_ms > 0 else None
                return True
            self._explain(self._path)
            if time.monotonic() > until_s:
                raise DeviceLost(
                    f"{self._path} gave no frame within {self._patience_s:g} s; plug it anew"
                )
        return False

    def picture(self) -> Image | None:
        """The buffer as BGR."""
        return library.unpacked(self._cv2, self._capture)

    def close(self) -> None:
        """Stop streaming and close the device."""
        self._capture.release()

    def _explain(self, path: str) -> None:
        """Raise what the kernel says of the path, which OpenCV does not tell."""
        if os.access(path, os.R_OK | os.W_OK):
            return
        code = errno.EACCES if os.access(path, os.F_OK) else errno.ENOENT
        raise DeviceLost(f"{path}: {WHY[code]}")

    def _ask(self, settings: CameraSettings) -> None:
        """Ask for format, size and pace, then lock what shall be locked."""
        cv2 = self._cv2
        if settings.fourcc is not None:
            code = cv2.VideoWriter.fourcc(*settings.fourcc)
            self._set(cv2.CAP_PROP_FOURCC, code, f"format {settings.fourcc}")
        if settings.width is not None and settings.height is not None:
            # Two calls of one wish: the size is set with the second.
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
            size = (self._get(cv2.CAP_PROP_FRAME_WIDTH), self._get(cv2.CAP_PROP_FRAME_HEIGHT))
            if size != (settings.width, settings.height):
                self.remarks.append(f"it took {size[0]:g} x {size[1]:g} instead")
        if settings.fps is not None:
            self._set(cv2.CAP_PROP_FPS, settings.fps, f"{settings.fps:g} frames per second")
        if settings.exposure_us is not None:
            wish = f"exposure {settings.exposure_us:g} us"
            self._set(cv2.CAP_PROP_AUTO_EXPOSURE, EXPOSURE_MANUAL, "manual exposure")
            self._set(cv2.CAP_PROP_EXPOSURE, round(settings.exposure_us / US_PER_STEP), wish)
        if settings.gain is not None:
            self._set(cv2.CAP_PROP_GAIN, settings.gain, f"gain {settings.gain:g}")
        if settings.white_balance_k is not None:
            wish = f"white balance {settings.white_balance_k} K"
            self._set(cv2.CAP_PROP_AUTO_WB, 0, "manual white balance")
            self._set(cv2.CAP_PROP_WB_TEMPERATURE, settings.white_balance_k, wish)

    def _set(self, option: int, value: float, wish: str) -> None:
        """Set, and read back: a camera may take a value and clamp it."""
        if not self._capture.set(option, value) or self._get(option) != value:
            self.remarks.append(f"it refused {wish}")

    def _get(self, option: int) -> float:
        return float(self._capture.get(option))
