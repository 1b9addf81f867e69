"""A folder of pictures: played in the order of their names, or watched for new ones.

Rules of this file
- At its end it begins again (`loop`), or waits for a later name: a camera that stores its pictures
  there is watched so. Names must therefore grow: a number or a time in them.
- A picture is read when its size has stopped changing between two looks, so half a file is none;
  no later one is read before it.
- The folder is listed when it has changed, not at every look.
- A picture that goes between listing and reading is passed over and counted: whoever tidies up the
  folder takes no camera away.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

from banksman_drivers.camera import library
from banksman_drivers.camera.due import Due
from banksman_drivers.camera.source import Image, Pause, Stamps
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"))
FPS = 10.0
LOOK_S = 0.1


class FolderSource:
    """A folder of pictures. Raises DeviceLost if it is not there, or empty with ``loop``."""

    stamps: Stamps = "monotonic"

    def __init__(self, settings: CameraSettings) -> None:
        self.stamp_ns: int | None = None
        self._folder = Path(settings.place)
        self._loop = settings.loop
        self._period_ns = round(1e9 / (settings.fps or FPS))
        self._cv2: Any = library.load()
        self._names: deque[str] = deque()
        self._sizes: dict[str, int] = {}
        self._listed_ns: int | None = None
        self._settled = True
        self._last = ""
        self._due = Due()
        self._number = 0
        self._broken = 0
        self._gone = 0
        self._list()

    @property
    def remarks(self) -> list[str]:
        """How many pictures could not be read, and how many went before they were."""
        told = ((self._broken, "could not be read"), (self._gone, "went before they were read"))
        return [f"{number} pictures {what}" for number, what in told if number]

    def grab(self, pause: Pause) -> bool:
        """Wait for the next picture, and for its turn."""
        while not self._names:
            if pause.stopping or pause.wait(LOOK_S):
                return False
            self._list()
        self._last = self._names.popleft()
        if not self._names and self._loop:
            self._listed_ns = None
            self._list()
        self.stamp_ns = self._due.wait(self._number * self._period_ns, pause)
        self._number += 1
        return self.stamp_ns is not None

    def picture(self) -> Image | None:
        """The picture as BGR; None, and counted, if the file is none."""
        path = self._folder / self._last
        if not path.exists():
            self._gone += 1
            return None
        try:
            image: Image | None = self._cv2.imread(str(path), self._cv2.IMREAD_COLOR)
        except self._cv2.error:  # a header that claims more pixels than there may be
            image = None
        if image is None:
            gone = not path.exists()
            self._gone += gone
            self._broken += not gone
        return image

    def close(self) -> None:
        """Nothing is held open."""

    def _size_of(self, entry: os.DirEntry[str]) -> tuple[str, int] | None:
        """A picture's name and size; None where it is none, or has just gone."""
        if Path(entry.name).suffix.lower() not in PICTURES:
            return None
        try:
            return entry.name, entry.stat().st_size
        except FileNotFoundError:
            self._gone += 1
            return None

    def _list(self) -> None:
        """Take the names whose turn comes, up to the first one that still grows."""
        try:
            changed_ns = self._folder.stat().st_mtime_ns
            if changed_ns == self._listed_ns and self._settled:
                return
            with os.scandir(self._folder) as entries:
                sizes = dict(each for entry in entries if (each := self._size_of(entry)))
        except OSError as error:
            raise DeviceLost(f"the folder {self._folder}: {error.strerror}") from error
        if self._loop and not sizes:
            raise DeviceLost(f"the folder {self._folder} holds no picture")
        after = "" if self._loop else self._last
        self._settled = True
        for name in sorted(name for name in sizes if name > after):
            if not sizes[name] or self._sizes.get(name) != sizes[name]:
                self._settled = False
                break
            self._names.append(name)
        self._sizes, self._listed_ns = sizes, changed_ns
