"""Which readings went up thinned: how many, and of which times. Main loop.

Rules of this file
- Thinned readings are exempt from the promise that each reading can be made again within its dead
  band, so people are told which they are; the blocks themselves say so at the endpoint, too.
- Counted when the endpoint has confirmed them, and kept over a restart.
- Bounded: the newest `PERIODS_MAX` periods are told; the count goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from banksman.status import ThinnedPeriod

STATE_KEY = "sync.thinned"
PERIODS_MAX = 8
TOGETHER_NS = 3600 * 10**9  # what lies no further apart is one period: lots of an outage


class Thinned(msgspec.Struct, frozen=True):
    """``readings``: messages since the box began; ``periods``: newest first."""

    readings: int = 0
    periods: tuple[ThinnedPeriod, ...] = ()


def with_more(known: Thinned, period: ThinnedPeriod) -> Thinned:
    """One more block of readings. Pure."""
    periods = (period, *known.periods)
    if known.periods and _together(known.periods[0], period):
        newest, *older = known.periods
        both = ThinnedPeriod(
            min(newest.from_wall_ns, period.from_wall_ns),
            max(newest.to_wall_ns, period.to_wall_ns),
            newest.readings + period.readings,
        )
        periods = (both, *older)
    return Thinned(known.readings + period.readings, periods[:PERIODS_MAX])


def _together(one: ThinnedPeriod, other: ThinnedPeriod) -> bool:
    return (
        other.from_wall_ns <= one.to_wall_ns + TOGETHER_NS
        and one.from_wall_ns <= other.to_wall_ns + TOGETHER_NS
    )


class ThinnedTally:
    """``now`` may be read by any thread."""

    def __init__(
        self,
        load: Callable[[str], bytes | None] = lambda _: None,
        save: Callable[[str, bytes], None] = lambda _key, _value: None,
    ) -> None:
        self._save = save
        try:
            self.now = msgspec.json.decode(load(STATE_KEY) or b"{}", type=Thinned)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.now = Thinned()

    def add(self, from_wall_ns: int, to_wall_ns: int, readings: int) -> None:
        """The endpoint has this block of readings messages, thinned."""
        first, last = sorted((from_wall_ns, to_wall_ns))
        self.now = with_more(self.now, ThinnedPeriod(first, last, readings))
        self._save(STATE_KEY, msgspec.json.encode(self.now))
