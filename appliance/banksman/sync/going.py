"""Keeps the picture that is on its way up, so that a restart goes on with the very same bytes.

Rules of this file
- One file at a time, named by the picture's id, and nothing else stays in the folder.
- Under the store's key it is sealed as it is made, for its id alone: no moment has a plain picture
  on the disk. What does not open, or lies there plain from before the key, is removed.
- Written whole and durably or not at all. Without it a transfer begins anew, and no more is lost.
- It blocks: call it on a worker thread.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from banksman.security.private_file import write_private
from banksman.store.sealing import Seal, Unreadable, is_sealed, place
from banksman.wire.uplink import PICTURE_BYTES_MAX

SEAL_BYTES_MAX = 1024  # more than a seal adds


class Going:
    """See the rules above."""

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self._folder = folder
        self._seal = seal or Seal()

    def read(self, picture_id: str) -> bytes | None:
        """What was begun of this picture; None: nothing. All other files are removed."""
        own = self._folder / picture_id
        try:
            for each in self._folder.iterdir():
                if each != own:
                    each.unlink(missing_ok=True)
            with own.open("rb") as file:
                data = file.read(PICTURE_BYTES_MAX + SEAL_BYTES_MAX)
            if is_sealed(data) or not self._seal.name:
                return self._seal.open(data, _place(picture_id)) or None
        except OSError:
            return None
        except Unreadable:
            pass
        self.remove(picture_id)
        return None

    def write(self, picture_id: str, data: bytes) -> None:
        """Keep it, as far as the disk takes it."""
        with contextlib.suppress(OSError):
            sealed = self._seal.seal(data, _place(picture_id))
            write_private(self._folder / picture_id, sealed)

    def remove(self, picture_id: str) -> None:
        """It has arrived, or never will."""
        with contextlib.suppress(OSError):
            (self._folder / picture_id).unlink()


def _place(picture_id: str) -> bytes:
    return place("going", picture_id)
