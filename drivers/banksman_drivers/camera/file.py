"""A video file, at its true pace.

Rules of this file
- The pace is kept on the box's clock; a frame's time is the time at which it was due.
- The file is opened anew for each round of a loop, so it may be replaced by another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from banksman_drivers.camera import library
from banksman_drivers.camera.due import Due
from banksman_drivers.camera.source import Finished, Image, Pause, Stamps
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CALL_MAX_MS, CameraSettings


class FileSource:
    """An open video file. Raises DeviceLost if it cannot be played."""

    stamps: Stamps = "monotonic"

    def __init__(self, settings: CameraSettings) -> None:
        self.stamp_ns: int | None = None
        self.remarks: list[str] = []
        self._path = Path(settings.place)
        self._loop = settings.loop
        self._cv2: Any = library.load()
        self._capture = self._opened()
        self._due = Due()
        self._taken = 0

    def grab(self, pause: Pause) -> bool:
        """Wait for the next frame's due time."""
        if not self._capture.grab():
            self._again()
        at_ms = self._capture.get(self._cv2.CAP_PROP_POS_MSEC)
        self._taken += 1
        self.stamp_ns = self._due.wait(round(at_ms * 1e6), pause)
        return self.stamp_ns is not None

    def picture(self) -> Image | None:
        """The frame as BGR."""
        return library.unpacked(self._cv2, self._capture)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _again(self) -> None:
        """Begin again, if that is wanted and there is anything."""
        if not self._taken:
            raise DeviceLost(f"{self._path} holds no picture that can be read")
        if not self._loop:
            raise Finished(f"the recording {self._path.name} is finished")
        self._capture.release()
        self._capture = self._opened()
        self._due = Due()
        self._taken = 0
        if not self._capture.grab():
            raise DeviceLost(f"{self._path} holds no picture that can be read")

    def _opened(self) -> Any:
        if not self._path.is_file():
            raise DeviceLost(f"{self._path} is not there")
        options = [
            self._cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(CALL_MAX_MS),
            self._cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(CALL_MAX_MS),
            self._cv2.CAP_PROP_N_THREADS, 1,
        ]  # fmt: skip
        capture = self._cv2.VideoCapture(str(self._path), self._cv2.CAP_FFMPEG, options)
        if not capture.isOpened():
            raise DeviceLost(f"{self._path} is no video that can be read")
        return capture
