"""A network camera: RTSP through FFmpeg, over TCP, every call bounded.

Rules of this file
- FFmpeg ends a call by itself after the time it was given: 4 s for opening, `lost_after_ms` for a
  frame. Nothing releases a capture from another thread: that would free what is in use.
- RTP over UDP loses packets and shows half pictures; OpenCV asks for TCP (interleaved) by default.
- Stamps are the stream's RTP time, made times of the box by clock.py.
"""

from __future__ import annotations

from typing import Any

from banksman_drivers.camera import library
from banksman_drivers.camera.address import shown, with_login
from banksman_drivers.camera.source import Image, Pause, Stamps
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CALL_MAX_MS, CameraSettings


class StreamSource:
    """An open stream."""

    stamps: Stamps = "stream"

    def __init__(self, settings: CameraSettings) -> None:
        self.stamp_ns: int | None = None
        self.remarks: list[str] = []
        self._shown = shown(settings.source)
        self._patience_ms = settings.lost_after_ms
        self._cv2: Any = library.load()
        cv2 = self._cv2
        # One thread: with more, FFmpeg decodes as many frames late as it has threads.
        options = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(CALL_MAX_MS),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(self._patience_ms),
            cv2.CAP_PROP_N_THREADS, 1,
        ]  # fmt: skip
        address = with_login(settings.source, settings.username, settings.password_file)
        self._capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, options)
        if not self._capture.isOpened():
            raise DeviceLost(
                f"{self._shown} gives no stream; check address, path, username and password file,"
                " and that the camera is on"
            )

    def grab(self, pause: Pause) -> bool:
        """Wait for the next frame, for `lost_after_ms` at most."""
        if pause.stopping:
            return False
        if not self._capture.grab():
            raise DeviceLost(
                f"{self._shown} ended, or gave no frame within {self._patience_ms / 1e3:g} s"
            )
        self.stamp_ns = round(self._capture.get(self._cv2.CAP_PROP_POS_MSEC) * 1e6)
        return True

    def picture(self) -> Image | None:
        """The frame as BGR."""
        return library.unpacked(self._cv2, self._capture)

    def close(self) -> None:
        """Say good-bye to the camera and close."""
        self._capture.release()
