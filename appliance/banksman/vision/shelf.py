"""Which pictures are kept: bounded in number and bytes, the least urgent go first. Pure.

Rules of this file
- Room is made by urgency, least urgent first, and among equals by age, oldest first.
- What comes goes too, when it is itself the least urgent and there is no room: a flood of passes
  never pushes out a stop.
- A person's answer is worth keeping: an answered picture goes after unanswered ones of its urgency.
- A tenth of the places is kept for passes that were drawn by chance: on a shelf full of warnings
  none would stay, and escapes could never be found.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from banksman.wire.messages import Priority

DRAWN_SHARE = 10  # a tenth


class Kept(msgspec.Struct, frozen=True):
    """One picture on the shelf."""

    id: str
    priority: Priority
    wall_ns: int
    size_bytes: int
    answered: bool = False
    drawn: bool = False  # a pass, by chance


class Shelf:
    """The pictures of one station. ``dropped`` counts those that gave way."""

    def __init__(self, pictures_most: int, bytes_most: int) -> None:
        self.dropped = 0
        self.size_bytes = 0
        self._pictures_most = pictures_most
        self._bytes_most = bytes_most
        self._kept: dict[str, Kept] = {}
        self._drawn = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, picture: Kept) -> list[str]:
        """Take it, or a new state of it; returns the ids of those that go, perhaps its own."""
        self.take_away(picture.id)
        self._kept[picture.id] = picture
        self.size_bytes += picture.size_bytes
        self._drawn += picture.drawn
        gone: list[str] = []
        while self._kept and self._over():
            least = max(self._least_of(), key=_dispensable)
            self.take_away(least.id)
            gone.append(least.id)
        self.dropped += len(gone)
        return gone

    def take_away(self, picture_id: str) -> None:
        """Forget one, if it is there."""
        before = self._kept.pop(picture_id, None)
        if before is not None:
            self.size_bytes -= before.size_bytes
            self._drawn -= before.drawn

    def _least_of(self) -> Collection[Kept]:
        """Among whom the next one goes: drawn passes are spared within their tenth."""
        if 0 < self._drawn <= len(self._kept) // DRAWN_SHARE:
            return [each for each in self._kept.values() if not each.drawn]
        return self._kept.values()

    def _over(self) -> bool:
        return len(self._kept) > self._pictures_most or self.size_bytes > self._bytes_most


def _dispensable(picture: Kept) -> tuple[int, bool, int]:
    return (picture.priority, not picture.answered, -picture.wall_ns)
