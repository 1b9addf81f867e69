"""Which pictures are kept: bounded in number and bytes, the least urgent go first. Pure.

Rules of this file
- Room is made by urgency, least urgent first, and among equals by age, oldest first.
- What comes goes too, when it is itself the least urgent and there is no room: a flood of passes
  never pushes out a stop.
- A person's answer is worth keeping: an answered picture goes after unanswered ones of its urgency.
- A tenth of the places is kept for passes that were drawn by chance: on a shelf full of warnings
  none would stay, and escapes could never be found.
- Over an unreliable link the bounds hold several times. When the link is well again what was sent
  goes at once, and what was not keeps the room it has until it fits: see also `store.stretch`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from banksman.wire.messages import Priority

DRAWN_SHARE = 10  # a tenth
ROUNDING = 1e-6


class Kept(msgspec.Struct, frozen=True):
    """One picture on the shelf."""

    id: str
    priority: Priority
    wall_ns: int
    size_bytes: int
    answered: bool = False
    drawn: bool = False  # a pass, by chance
    sent: bool = False


class Growth(msgspec.Struct, frozen=True):
    """How many times the bounds hold: ``times`` now, ``most`` ever.

    With less than ``floor_bytes`` free on the disk they hold once.
    """

    times: Callable[[], float] = lambda: 1.0
    most: float = 1.0
    floor_bytes: int = 0


NO_GROWTH = Growth()


class Shelf:
    """The pictures of one station. ``dropped`` counts those that gave way."""

    def __init__(self, pictures_most: int, bytes_most: int) -> None:
        self.dropped = 0
        self.size_bytes = 0
        self._pictures_most = pictures_most
        self._bytes_most = bytes_most
        self._kept: dict[str, Kept] = {}
        self._drawn = 0
        self._held = 1.0  # times the bounds, for what was not sent

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, picture: Kept, times: float | None = 1.0) -> list[str]:
        """Take it, or a new state of it; returns the ids of those that go, perhaps its own.

        ``times``: so many times the bounds hold; None: once, and at once.
        """
        self._add(picture)
        return self._make_room(times)

    def fill(self, pictures: Sequence[Kept], times: float | None, most: float) -> list[str]:
        """Take what an earlier run has kept, up to ``most`` times the bounds while not sent."""
        for picture in pictures:
            self._add(picture)
        many = len(self._kept) / max(1, self._pictures_most)
        taken = max(many, self.size_bytes / max(1, self._bytes_most))
        self._held = min(max(taken, 1.0), most)
        return self._make_room(times)

    def _add(self, picture: Kept) -> None:
        self.take_away(picture.id)
        self._kept[picture.id] = picture
        self.size_bytes += picture.size_bytes
        self._drawn += picture.drawn

    def _make_room(self, times: float | None) -> list[str]:
        wanted = 1.0 if times is None else times
        self._held = wanted if times is None else max(self._held, wanted)
        gone: list[str] = []
        while self._kept and self._over(wanted):
            least_of = self._least_of()
            if not self._over(self._held):
                least_of = [each for each in least_of if each.sent]
            if not least_of:
                break
            least = max(least_of, key=_dispensable)
            self.take_away(least.id)
            gone.append(least.id)
        if not self._over(wanted):
            self._held = wanted
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

    def _over(self, times: float) -> bool:
        many = len(self._kept) > self._pictures_most * times + ROUNDING
        return many or self.size_bytes > self._bytes_most * times + ROUNDING


def _dispensable(picture: Kept) -> tuple[int, bool, int]:
    return (picture.priority, not picture.answered, -picture.wall_ns)
