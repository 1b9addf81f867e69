"""The pictures that commissioning has taken, as files, so that it can go on after a restart.

    FOLDER/good/0001.png  …    FOLDER/defect/scratch-0001.png  …    FOLDER/removed/good/0007.png  …

A part's id is its kind and its file's name: ``good-0001``, ``defect-scratch-0001``. What was
removed is learnt from no more, and waits to be put back until all parts are forgotten.
Without loss, since what is learnt from them is what the camera will show. Under the store's key
they are sealed; one that does not open ends the learning with its name. Bounded; it blocks.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from banksman.vision.commission_view import Kind
from banksman.vision.inspection import Picture
from banksman.vision.jpeg import from_picture_file, to_png
from banksman.vision.sealed_files import SealedFiles

PARTS_MOST = 1000
FILE_BYTES_MAX = 64_000_000
LABEL = re.compile(r"[a-z][a-z0-9_]{0,31}")
PART_ID = re.compile(r"(good|defect)-((?:[a-z][a-z0-9_]{0,31}-)?[0-9]{4,6})")
REMOVED = "removed"
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")


class TooMany(ValueError):
    """No more pictures of this kind are kept."""


class PictureFiles(Sequence[Picture]):
    """Pictures that are read one at a time, each time they are asked for."""

    def __init__(self, paths: Sequence[Path], files: SealedFiles | None = None) -> None:
        """``files``: how they were written, where they are the box's own."""
        self.paths = tuple(paths)
        self._files = files

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, place: int) -> Picture: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Picture]: ...
    def __getitem__(self, place: int | slice) -> Picture | Sequence[Picture]:
        """Raises ValueError naming the file that is no picture, OSError."""
        if isinstance(place, slice):
            return PictureFiles(self.paths[place], self._files)
        path = self.paths[place]
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ValueError(f"{path} is too large for a picture")
        try:
            own = self._files
            return from_picture_file(
                path.read_bytes() if own is None else own.read(path, FILE_BYTES_MAX)
            )
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


class PartsFolder:
    """One station's commissioning pictures."""

    def __init__(self, folder: Path, files: SealedFiles | None = None) -> None:
        self._folder = folder
        self._files = files or SealedFiles()

    def put(self, kind: Kind, label: str, picture: Picture) -> None:
        """Keep one. Raises TooMany, OSError."""
        folder = self._folder / kind
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = [path.stem for path in folder.glob("*.png")]
        if len(names) >= PARTS_MOST:
            raise TooMany(f"{PARTS_MOST} pictures of {kind} parts are enough")
        names += [path.stem for path in (self._folder / REMOVED / kind).glob("*.png")]
        numbers = [int(n) for name in names if (n := name.rpartition("-")[2]).isdecimal()]
        prefix = f"{label}-" if label else ""
        path = folder / f"{prefix}{max(numbers, default=0) + 1:04}.png"
        self._files.write(path, to_png(picture))

    def files(self, kind: Kind) -> PictureFiles:
        """All of one kind, oldest first."""
        return PictureFiles(pictures_in(self._folder / kind), self._files)

    def labels(self) -> list[str]:
        """The class of each defect, in the order of `files`."""
        return [path.stem.rpartition("-")[0] or "defect" for path in self.files("defect").paths]

    def counts(self) -> tuple[int, dict[str, int]]:
        """(good parts, defects by class)."""
        defects: dict[str, int] = {}
        for label in self.labels():
            defects[label] = defects.get(label, 0) + 1
        return len(self.files("good")), defects

    def ids(self, *, removed: bool = False) -> list[str]:
        """Of all parts, or of those that were removed: good ones first, oldest first."""
        folder = self._folder / REMOVED if removed else self._folder
        kinds: tuple[Kind, ...] = ("good", "defect")
        return [f"{kind}-{path.stem}" for kind in kinds for path in pictures_in(folder / kind)]

    def picture(self, part: str) -> Picture:
        """One of them, removed or not. Raises KeyError where there is none, ValueError, OSError."""
        for place in (self._place(part), self._place(part, REMOVED)):
            if place.is_file():
                return PictureFiles([place], self._files)[0]
        raise KeyError(part)

    def remove(self, part: str) -> None:
        """Learn from it no more. Raises KeyError where there is none, OSError."""
        self._move(part, self._place(part), self._place(part, REMOVED))

    def put_back(self, part: str) -> None:
        """It was good after all. Raises KeyError where none was removed, OSError."""
        self._move(part, self._place(part, REMOVED), self._place(part))

    def _move(self, part: str, source: Path, target: Path) -> None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            source.rename(target)
        except FileNotFoundError:
            raise KeyError(part) from None

    def _place(self, part: str, *room: str) -> Path:
        found = PART_ID.fullmatch(part)
        if found is None:
            raise KeyError(part)
        return self._folder.joinpath(*room, found[1], f"{found[2]}.png")

    def clear(self) -> None:
        """Forget them all."""
        shutil.rmtree(self._folder, ignore_errors=True)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder in the order of their names; none where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
