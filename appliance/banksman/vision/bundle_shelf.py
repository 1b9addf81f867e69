"""The bundles of one station on the disk: the one in use, the one before it, and a candidate.

    FOLDER/caps-3.bundle   FOLDER/in_use  "caps-3"   FOLDER/before  "caps-2"

A name is put in use by replacing one small file whole, so that a crash leaves the old one or the
new. It blocks: from a work thread only.
"""

from __future__ import annotations

import re
from pathlib import Path

from banksman.vision.cabinet_write import write_whole

ENDING = ".bundle"
KEPT_MOST = 4
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}")


class BundleShelf:
    """See the top of the file. ``station`` begins every name."""

    def __init__(self, folder: Path, station: str) -> None:
        self._folder = folder
        self._station = station

    @property
    def in_use(self) -> str:
        """The name of the bundle in use; empty: none."""
        return self._told("in_use")

    @property
    def before(self) -> str:
        """The one that was in use before it; empty: none."""
        return self._told("before")

    def path(self, name: str) -> Path:
        """Where a bundle lies. Raises ValueError for what is no name."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a bundle")
        return self._folder / f"{name}{ENDING}"

    def next_name(self) -> str:
        """A name that was not used: the station's and the next number."""
        names = [path.stem for path in self._folder.glob(f"*{ENDING}")]
        endings = [name.rpartition("-")[2] for name in (*names, self.in_use, self.before)]
        numbers = [int(each) for each in endings if each.isdecimal()]
        return f"{self._station}-{max(numbers, default=0) + 1}"

    def add(self, name: str, data: bytes) -> Path:
        """Keep a bundle; old ones that nobody names make room. Raises OSError."""
        path = self.path(name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, data)
        named = (name, self.in_use, self.before)
        found = sorted(self._folder.glob(f"*{ENDING}"), key=lambda each: each.stat().st_mtime)
        spare = [each for each in found if each.stem not in named]
        for each in spare[: max(0, len(spare) + 3 - KEPT_MOST)]:
            each.unlink(missing_ok=True)
        return path

    def use(self, name: str) -> None:
        """Put a bundle in use, durably; the one of now becomes the one before. Raises OSError."""
        if not self.path(name).is_file():
            raise FileNotFoundError(f"there is no bundle {name}")
        now = self.in_use
        if now and now != name:
            write_whole(self._folder / "before", now.encode())
        write_whole(self._folder / "in_use", name.encode())

    def _told(self, which: str) -> str:
        try:
            name = (self._folder / which).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return name if _NAME.fullmatch(name) and self.path(name).is_file() else ""
