"""What a person who teaches a station is shown: its camera's picture now, and its parts' oddities.

Rules of this file
- It changes nothing. `live` and `remarks` block: from a work thread. Whoever asks while another
  does is told what was last: many who look cost no more than one.
- A part is read once, and a bounded number in one go: the rest has its turn when asked again.
"""

from __future__ import annotations

import threading

from banksman.vision.inspection import Region
from banksman.vision.jpeg import smaller, to_jpeg
from banksman.vision.part_looks import PartLook, look_at, remarks, unusual
from banksman.vision.parts_folder import PartsFolder
from banksman_drivers.ports import Camera

PATIENCE_S = 1.0
LIVE_QUALITY = 80
READ_MOST = 20
THUMBNAIL_SIDE = 240


class NoPicture(OSError):
    """There is none now; the message says why."""


class Showing:
    """One station's. ``region``: what of the picture is looked at; None: all."""

    def __init__(self, camera: Camera, parts: PartsFolder, region: Region | None) -> None:
        self._camera = camera
        self.parts = parts
        self._region = region
        self._looks: dict[str, PartLook] = {}
        self._remarks: tuple[str, ...] = ()
        self._newest = b""
        self._reading, self._filming = threading.Lock(), threading.Lock()

    def no_picture(self) -> str:
        """Why no picture comes; empty: they do. Any thread."""
        health = self._camera.health()
        if health.state == "connected" and not health.fault:
            return ""
        return f"no picture comes: {health.fault or health.message}"

    def live(self) -> bytes:
        """The newest picture's region as a JPEG. Raises NoPicture."""
        why = self.no_picture()
        if why:
            raise NoPicture(why)
        if self._filming.acquire(blocking=False):
            try:
                self._newest = self._film()
            finally:
                self._filming.release()
        if not self._newest:
            raise NoPicture("no picture came in time")
        return self._newest

    def _film(self) -> bytes:
        frame = self._camera.newest(0, PATIENCE_S)
        if frame is None:
            return b""
        try:
            part = frame.image if self._region is None else self._region.of(frame.image)
            return to_jpeg(part, LIVE_QUALITY)
        except ValueError as error:
            raise NoPicture(str(error)) from None

    def remarks(self) -> tuple[str, ...]:
        """What is odd about the good parts, as far as they have been read."""
        if self._reading.acquire(blocking=False):
            try:
                self._remarks = self._read()
            finally:
                self._reading.release()
        return self._remarks

    def unusual(self) -> dict[str, float]:
        """How far each good part that was read is from the others, by its id. Any thread."""
        return {f"good-{name}": far for name, far in unusual(dict(self._looks)).items()}

    def thumbnail(self, part: str) -> bytes:
        """A part as a small JPEG. Raises KeyError where there is none, ValueError, OSError."""
        return to_jpeg(smaller(self.parts.picture(part), THUMBNAIL_SIDE), LIVE_QUALITY)

    def _read(self) -> tuple[str, ...]:
        files = self.parts.files("good")
        names = [path.stem for path in files.paths]
        there = set(names)
        looks = {name: look for name, look in self._looks.items() if name in there}
        unread = [place for place, name in enumerate(names) if name not in looks]
        if not unread and len(looks) == len(self._looks):
            return self._remarks
        self._looks = looks
        for place in unread[:READ_MOST]:
            try:
                looks[names[place]] = look_at(files[place])
            except FileNotFoundError:
                continue  # forgotten meanwhile
            except (OSError, ValueError) as error:
                return (f"part {names[place]} cannot be read: {error}",)
        return remarks(looks)
