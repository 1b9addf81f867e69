"""Files of pictures under the store's key: what a place in the vision folder holds, and no other.

Without a key they lie as they are, and so do those from before the first key. A file that was
changed, swapped with another, or moved to another station does not open.
"""

from __future__ import annotations

from pathlib import Path

from banksman.store.rows import base_of
from banksman.store.sealing import Seal, place
from banksman.vision.cabinet_write import write_whole


class SealedFiles:
    """Those of one folder. ``room`` names it for the seal: a copy elsewhere does not open."""

    def __init__(self, seal: Seal | None = None, room: str = "") -> None:
        self._seal = seal or Seal()
        self._room = room

    def write(self, path: Path, data: bytes) -> None:
        """Whole or not at all, durably. Raises OSError."""
        write_whole(path, self._seal.seal(data, place("picture", self._room, path.name)))

    def read(self, path: Path, most: int) -> bytes:
        """What was written. Raises OSError; Unreadable where it does not open."""
        with path.open("rb") as file:
            data = file.read(most)
        return self._seal.open(data, place("picture", self._room, path.name), _made(path.stem))


def _made(name: str) -> int:
    """The store's number at the time of an exhibit, ``node-epoch-sequence``: it tells whether there
    was a key. What has no such name may be as old as any."""
    epoch = name.rpartition("-")[0].rpartition("-")[2]
    return base_of(int(epoch)) if epoch.isdecimal() and len(epoch) < 16 else 0
