"""The cabinet: one station's exhibits on the disk, found again after a restart.

Rules of this file
- A picture is written before the file that tells of it, each whole or not at all: what the index
  names can be shown. Leftovers of a crash are removed at the start.
- Under the store's key both files are sealed. What does not open is set aside and told of: the key
  may come back, and what was tampered with is nobody's evidence.
- Bounded by the shelf; what gives way is deleted at once and counted, and ``gave_way`` hears of it.
- Over an unreliable link the shelf grows, down to the disk's floor (`Growth`).
- What waits for a person, and what was not sent, is known without looking through all.
- It blocks. Any thread may call it: writing takes turns, and reading is safe beside it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from banksman.store.sealing import Unreadable
from banksman.vision.aside import Aside
from banksman.vision.exhibit import Exhibit
from banksman.vision.review_list import newest_first
from banksman.vision.sealed_files import SealedFiles
from banksman.vision.shelf import NO_GROWTH, Growth, Kept, Shelf

PICTURE, STORY = ".jpg", ".json"
STORY_BYTES_MAX = 256_000
PICTURE_BYTES_MAX = 64_000_000

log = logging.getLogger(__name__)


class Cabinet:
    """See the rules above. ``newest first`` holds for every list."""

    def __init__(
        self,
        folder: Path,
        pictures_most: int,
        bytes_most: int,
        files: SealedFiles | None = None,
        tell: Callable[[str], None] = lambda _: None,
        gave_way: Callable[[Exhibit], None] = lambda _: None,
        growth: Growth = NO_GROWTH,
    ) -> None:
        """Find what is there. Raises OSError when the folder cannot be had.

        ``tell`` hears why pictures were set aside; any thread. ``gave_way`` is told of each that
        gives way, in the middle of the writing.
        """
        self._folder = folder
        self._files = files or SealedFiles()
        self._tell_aside = tell
        self._gave_way = gave_way
        self._aside = Aside(folder)
        self._growth = growth
        self._shelf = Shelf(pictures_most, bytes_most)
        self._exhibits: dict[str, Exhibit] = {}
        self._waiting: dict[str, Exhibit] = {}
        self._unsent: set[str] = set()
        self._writing = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._find()

    @property
    def dropped(self) -> int:
        """How many gave way."""
        return self._shelf.dropped

    @property
    def size_bytes(self) -> int:
        """What the pictures take."""
        return self._shelf.size_bytes

    @property
    def aside(self) -> int:
        """How many do not open."""
        return len(self._aside)

    @property
    def unsent(self) -> int:
        """How many were not sent up."""
        return len(self._unsent)

    def __len__(self) -> int:
        return len(self._exhibits)

    def exhibits(self) -> Sequence[Exhibit]:
        """All of them."""
        return sorted(self._exhibits.values(), key=newest_first)

    def waiting(self) -> Sequence[Exhibit]:
        """Those that wait for a person, in no order."""
        return list(self._waiting.values())

    def get(self, exhibit_id: str) -> Exhibit:
        """One of them. Raises KeyError."""
        return self._exhibits[exhibit_id]

    def picture(self, exhibit_id: str) -> bytes:
        """Its JPEG. Raises KeyError, also when the file has gone meanwhile or does not open."""
        if exhibit_id not in self._exhibits:
            raise KeyError(exhibit_id)
        try:
            return self._files.read(self._path(exhibit_id, PICTURE), PICTURE_BYTES_MAX)
        except Unreadable as error:
            with self._writing:
                self._set_aside(exhibit_id, str(error))
            raise KeyError(exhibit_id) from None
        except OSError:
            raise KeyError(exhibit_id) from None

    def put(self, exhibit: Exhibit, jpeg: bytes) -> None:
        """Keep it, durably. Raises OSError when the disk does not take it."""
        exhibit = msgspec.structs.replace(exhibit, size_bytes=len(jpeg))
        with self._writing:
            self._files.write(self._path(exhibit.id, PICTURE), jpeg)
            self._tell(exhibit)

    def change(self, exhibit_id: str, **fields: object) -> Exhibit:
        """A new state of one that is there: answered, sent. Raises KeyError, OSError."""
        with self._writing:
            exhibit = msgspec.structs.replace(self._exhibits[exhibit_id], **fields)
            self._tell(exhibit)
        return exhibit

    def take_away(self, exhibit_id: str) -> None:
        """Keep it no longer, if it is there. Raises OSError."""
        with self._writing:
            self._shelf.take_away(exhibit_id)
            self._remove([exhibit_id])

    def _tell(self, exhibit: Exhibit) -> None:
        self._files.write(self._path(exhibit.id, STORY), msgspec.json.encode(exhibit))
        self._note(exhibit)
        self._make_room(self._shelf.put(_kept(exhibit), self._times()))

    def _times(self) -> float | None:
        """How many times the bounds hold; None where the disk has no room for more."""
        disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        return self._growth.times() if free >= self._growth.floor_bytes else None

    def _note(self, exhibit: Exhibit) -> None:
        self._exhibits[exhibit.id] = exhibit
        if exhibit.waits:
            self._waiting[exhibit.id] = exhibit
        else:
            self._waiting.pop(exhibit.id, None)
        if exhibit.sent:
            self._unsent.discard(exhibit.id)
        else:
            self._unsent.add(exhibit.id)

    def _forget(self, exhibit_id: str) -> Exhibit | None:
        self._waiting.pop(exhibit_id, None)
        self._unsent.discard(exhibit_id)
        return self._exhibits.pop(exhibit_id, None)

    def _make_room(self, gone: Sequence[str]) -> None:
        for exhibit_id in gone:
            exhibit = self._exhibits.get(exhibit_id)
            if exhibit is not None:
                self._gave_way(exhibit)
        self._remove(gone)

    def _remove(self, gone: Sequence[str]) -> None:
        for exhibit_id in gone:
            self._forget(exhibit_id)
            for ending in (STORY, PICTURE):
                self._path(exhibit_id, ending).unlink(missing_ok=True)

    def _path(self, exhibit_id: str, ending: str) -> Path:
        return self._folder / f"{exhibit_id}{ending}"

    def _set_aside(self, name: str, reason: str) -> None:
        """Out of sight, and told."""
        if self._forget(name) is not None:
            self._shelf.take_away(name)
        with contextlib.suppress(OSError):
            self._aside.put(name, reason)
        log.error("a kept picture, %s, does not open: %s", self._folder / name, reason)
        self._tell_aside(f"{self.aside} kept pictures do not open; the newest: {reason}")

    def _opens(self, path: Path) -> bool:
        try:
            self._files.read(path, PICTURE_BYTES_MAX)
        except (Unreadable, OSError):
            return False
        return True

    def _read(self, path: Path) -> Exhibit | None:
        try:
            if path.stat().st_size > STORY_BYTES_MAX:
                return None
            text = self._files.read(path, STORY_BYTES_MAX)
            exhibit = msgspec.json.decode(text, type=Exhibit)
        except Unreadable as error:
            self._set_aside(path.stem, str(error))
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            log.warning("%s cannot be read and is removed with its picture", path)
            return None
        return exhibit if exhibit.id == path.stem else None

    def _find(self) -> None:
        self._aside.bring_back(self._opens)
        for path in list(self._folder.iterdir()):
            if path.suffix == STORY:
                exhibit = self._read(path)
                if exhibit is not None and self._path(exhibit.id, PICTURE).is_file():
                    self._note(exhibit)
        for path in list(self._folder.iterdir()):
            known = path.suffix in (STORY, PICTURE) and path.stem in self._exhibits
            if not known and path.is_file():
                path.unlink(missing_ok=True)
        found = [_kept(exhibit) for exhibit in self.exhibits()]
        self._make_room(self._shelf.fill(found, self._times(), self._growth.most))


def _kept(exhibit: Exhibit) -> Kept:
    return Kept(
        exhibit.id,
        exhibit.priority,
        exhibit.wall_ns,
        exhibit.size_bytes,
        bool(exhibit.answer),
        exhibit.drawn,
        exhibit.sent,
    )
