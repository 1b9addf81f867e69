"""Reads a file tree that may lie: /proc and /sys of this box, or a folder that looks like them.

Rules of this file
- Nothing here raises. What is missing, unreadable, too large, a pipe or a device is None or empty:
  a sensor of the kernel may answer EAGAIN, EINVAL or EIO at any time.
- A read is bounded in bytes, a listing in names, and no open ever waits (``O_NONBLOCK``).
- Under any other root than ``/`` a link that leads out of it is not followed, so that a foreign
  capture shows nothing of this box.
- What goes to people is one printable line: a terminal obeys control characters.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

TEXT_BYTES = 256 * 1024
LINE_LETTERS = 120
NAMES = 8192

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_ENDS = "\0 \t\r\n"  # device-tree strings end with a NUL


def printable(text: str) -> str:
    """``text`` as one short printable line."""
    line = next(iter(text.strip(_ENDS).splitlines()), "")
    return "".join(c if c.isprintable() else "?" for c in line[:LINE_LETTERS]).strip()


def integer(text: str | None) -> int | None:
    """The whole number that ``text`` is, or None."""
    if text is None or not _INTEGER.fullmatch(text.strip(_ENDS)):
        return None
    return int(text.strip(_ENDS))


class Tree:
    """The files under ``root``. Paths are relative to it: ``proc/meminfo``."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._confined = root != Path("/")
        self._real = root.resolve()

    def text(self, path: str) -> str | None:
        """What the file holds, at most 256 KiB of it, with undecodable bytes replaced."""
        place = self._place(path)
        if place is None:
            return None
        try:
            handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            return _read(handle).decode(errors="replace")
        except OSError:
            return None
        finally:
            os.close(handle)

    def line(self, path: str) -> str:
        """The file's first line for people; empty when there is none."""
        return printable(self.text(path) or "")

    def number(self, path: str) -> int | None:
        """The whole number that the file holds."""
        return integer(self.text(path))

    def names(self, folder: str) -> list[str]:
        """What lies in the folder, sorted; at most 8192 names."""
        place = self._place(folder)
        if place is None:
            return []
        try:
            with os.scandir(place) as entries:
                found = [entry.name for entry, _ in zip(entries, range(NAMES), strict=False)]
        except (OSError, ValueError):
            return []
        return sorted(found)

    def has(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        place = self._place(path)
        try:
            return place is not None and place.exists()
        except (OSError, ValueError):
            return False

    def uevent(self, folder: str, key: str) -> str:
        """What the kernel tells of a device by ``key``: DRIVER, DEVTYPE; empty when nothing."""
        for line in (self.text(f"{folder}/uevent") or "").splitlines():
            name, _, value = line.partition("=")
            if name == key:
                return printable(value)
        return ""

    def _place(self, path: str) -> Path | None:
        """Where ``path`` lies, unless that is out of the root."""
        place = self.root / path
        if not self._confined:
            return place
        try:
            real = place.resolve()
        except (OSError, ValueError, RuntimeError):  # RuntimeError: links that lead in a circle
            return None
        return real if real.is_relative_to(self._real) else None


def _read(handle: int) -> bytes:
    parts: list[bytes] = []
    room = TEXT_BYTES
    while room > 0:
        part = os.read(handle, min(room, 65536))
        if not part:
            break
        parts.append(part)
        room -= len(part)
    return b"".join(parts)
