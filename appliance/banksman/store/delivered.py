"""Which readings a channel has delivered: all up to a position, and stretches ahead of it. Pure.

    0 ........ position      after_1 .. upto_1      after_2 .. upto_2
    [ delivered ][  backlog  ][  delivered   ][ gap ][  delivered   ][ new ...

Rules of this file
- A stretch (after, upto] is delivered for ever: to know less of it costs a repeat, which receivers
  know by its ids, and never a loss. So stretches are bounded: the shortest is forgotten.
- Values only: who changes one makes another, so any thread may look.
- The position stands in the table ``cursors``, the stretches as a small value beside it: an older
  version that knows only the position sends again what it does not know of, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import msgspec

# A lane ahead of a backlog makes one; more only where it falls behind itself, again and again.
AHEAD_MAX = 32
KEY = "ahead "

Stretch = tuple[int, int]


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """See the rules above. ``ahead``: (after, upto], in order, apart, all beyond ``position``."""

    position: int = 0
    ahead: tuple[Stretch, ...] = ()

    def plus(self, upto: int, after: int | None = None) -> Delivered:
        """With (after, upto] too; None: everything up to ``upto``."""
        if after is None or after <= self.position:
            return _joined(max(self.position, upto), self.ahead)
        if upto <= after:
            return self
        return _joined(self.position, (*self.ahead, (after, upto)))

    def gap(self, after: int) -> tuple[int, int | None]:
        """Where what is not delivered goes on from ``after``, and its end; None: it has none."""
        for begin, upto in self.ahead:
            if begin > after:
                return after, begin
            after = max(after, upto)
        return after, None


NOTHING = Delivered()


def _joined(position: int, stretches: tuple[Stretch, ...]) -> Delivered:
    apart: list[Stretch] = []
    for after, upto in sorted(stretches):
        if after <= position:
            position = max(position, upto)
        elif apart and after <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], upto))
        else:
            apart.append((after, upto))
    if len(apart) > AHEAD_MAX:
        apart.remove(min(apart, key=lambda each: each[1] - each[0]))
    return Delivered(position, tuple(apart))


def kept_as(channel: str, delivered: Delivered) -> tuple[str, bytes]:
    """The stretches as a small value: key and bytes."""
    return KEY + channel, msgspec.json.encode(delivered.ahead)


def found_in(
    positions: Mapping[str, int], state: MutableMapping[str, bytes]
) -> dict[str, Delivered]:
    """What each channel has delivered; takes the small values that tell of it out of ``state``."""
    found = {channel: _joined(position, ()) for channel, position in positions.items()}
    for key in [key for key in state if key.startswith(KEY)]:
        channel = key.removeprefix(KEY)
        try:
            ahead = msgspec.json.decode(state.pop(key), type=tuple[Stretch, ...])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # what is not known is sent again
        for after, upto in ahead:
            found[channel] = found.get(channel, NOTHING).plus(upto, max(0, after))
    return found
