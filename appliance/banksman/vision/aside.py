"""Pictures that do not open: kept apart, told of, and put back when their key is here again.

    FOLDER/aside/ID.jpg  ID.json

Rules of this file
- Nothing in here is shown or sent. Bounded: beyond `PAIRS_MOST` the oldest go, and are counted.
- It blocks; the cabinet's own lock keeps its callers apart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

PAIRS_MOST = 200
ENDINGS = (".jpg", ".json")


class Aside:
    """One cabinet's. ``reason``: why the newest was set aside."""

    def __init__(self, folder: Path) -> None:
        self.reason = ""
        self.dropped = 0
        self._home = folder
        self._folder = folder / "aside"

    def __len__(self) -> int:
        return len(self._names())

    def put(self, name: str, reason: str) -> None:
        """Take an exhibit's files out of the cabinet's folder. Raises OSError."""
        self.reason = reason
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for ending in ENDINGS:
            path = self._home / f"{name}{ending}"
            if path.is_file():
                path.replace(self._folder / path.name)
        names = self._names()
        for each in names[: max(0, len(names) - PAIRS_MOST)]:
            self.dropped += 1
            for ending in ENDINGS:
                (self._folder / f"{each}{ending}").unlink(missing_ok=True)

    def bring_back(self, opens: Callable[[Path], bool]) -> None:
        """Put those back whose files all open now. Raises OSError."""
        for name in self._names():
            paths = [self._folder / f"{name}{ending}" for ending in ENDINGS]
            if all(path.is_file() and opens(path) for path in paths):
                for path in paths:
                    path.replace(self._home / path.name)

    def _names(self) -> list[str]:
        """The oldest first."""
        if not self._folder.is_dir():
            return []
        paths = sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)
        return list(dict.fromkeys(path.stem for path in paths))
