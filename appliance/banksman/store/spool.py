"""Two spool files that take turns: what a killed process had read but not yet put in a block.

Rules of this file
- ``write`` without fsync: it survives the death of the process, and power cuts cost at most
  what was not yet folded into the database. Appending is cheap enough for every few ms.
- One file is active, the other sealed while its rows are folded; then the sealed one is
  emptied. A row that is both in a block and in a file is known by its position.
- A failed write leaves no torn frame in the middle: the file is cut back at once.

    append -> [active]      seal(): they swap      [sealed] -> block -> clear_sealed()
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from banksman.store.framing import read_frames

NAMES = ("readings-0.spool", "readings-1.spool")
SIZE_MAX = 32 * 1024 * 1024


class SpoolFull(OSError):
    """The spool takes no more: its bound is reached as no block is taken, or it is not open."""


class Spool:
    """See the rules above. ``append`` from the spool thread, the rest from the store thread."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in NAMES]
        self._lock = threading.Lock()
        self._files: list[int] = []
        self._sizes = [0, 0]
        self._newest = [0, 0]
        self._active = 0

    def open(self) -> tuple[list[tuple[int, bytes]], int]:
        """Open or make both files; returns their rows in order of position, and the torn bytes.

        Torn tails are cut off; old rows stay until they are folded. Raises OSError.
        """
        self.close()
        rows: dict[int, bytes] = {}
        torn = 0
        with self._lock:
            for index, path in enumerate(self._paths):
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND, 0o600)
                self._files.append(file)
                found = read_frames(path.read_bytes())
                rows.update((position, data) for position, data in found.rows if position)
                torn += found.torn_bytes
                if found.torn_bytes:
                    os.ftruncate(file, found.good_bytes)
                self._sizes[index] = found.good_bytes
                self._newest[index] = max((position for position, _ in found.rows), default=0)
            # The longer one stays sealed, so that the next fold can empty it.
            self._active = 0 if self._sizes[0] <= self._sizes[1] else 1
        return sorted(rows.items()), torn

    @property
    def is_open(self) -> bool:
        """Whether there are files to append to."""
        return bool(self._files)

    def append(self, data: bytes, newest: int) -> None:
        """Write whole frames up to position ``newest``. Raises OSError, the file as it was."""
        with self._lock:
            if not self._files:
                raise SpoolFull("the spool could not be opened")
            size = self._sizes[self._active]
            if size + len(data) > SIZE_MAX:
                raise SpoolFull(f"{self._paths[self._active]} has reached {SIZE_MAX} bytes")
            file = self._files[self._active]
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(file, view) :]
            except OSError:
                # Should even this fail, reading stops at the torn frame.
                with contextlib.suppress(OSError):
                    os.ftruncate(file, size)
                raise
            self._sizes[self._active] = size + len(data)
            self._newest[self._active] = max(newest, self._newest[self._active])

    def seal(self) -> None:
        """Swap the files if the sealed one is empty, so that what is written can be folded."""
        with self._lock:
            if self._sizes[1 - self._active] == 0:
                self._active = 1 - self._active

    def clear_sealed(self, folded: int) -> None:
        """Empty the sealed file if all its rows are in the database. Raises OSError."""
        with self._lock:
            sealed = 1 - self._active
            if self._files and self._sizes[sealed] and self._newest[sealed] <= folded:
                os.ftruncate(self._files[sealed], 0)
                self._sizes[sealed] = self._newest[sealed] = 0

    def size(self) -> int:
        """Bytes in both files."""
        return sum(self._sizes)

    def close(self) -> None:
        """Close the files; what they hold stays."""
        with self._lock:
            for file in self._files:
                os.close(file)
            self._files = []
            self._sizes = [0, 0]
