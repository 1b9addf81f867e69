"""A vehicle that floods: at most one state in each gap, the newest, and a count of the others.

    states    s1 s2 s3 s4        s5
              |  .  .  |         |        s2 and s3 replaced and counted; s4 is the newest
    taken     s1 ...   s4        s5
              |<- gap ->|

Rules of this file
- The newest wins and is at most one gap late, so an e-stop is never dropped for older news.
- A vehicle that keeps the standard's pace (events, and each 30 s) is never delayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from banksman_drivers.ports import Ticks

GAP_NS = 5_000_000  # 200 states a second; the busiest vehicles tell 10 to 20


class NewestState:
    """One slot before ``take``; lives on the control loop."""

    def __init__(self, ticks: Ticks, take: Callable[[bytes], None]) -> None:
        self.replaced = 0
        self._ticks = ticks
        self._take = take
        self._slot: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._free_from_ns = 0

    def put(self, payload: bytes) -> None:
        """Hand the state on now, or at the end of the gap if it is still the newest then."""
        if self._slot is not None:
            self.replaced += 1
            self._slot = payload
            return
        left_ns = self._free_from_ns - self._ticks.mono_ns()
        if left_ns <= 0:
            self._hand_on(payload)
            return
        self._slot = payload
        self._timer = asyncio.get_running_loop().call_later(left_ns / 1e9, self._open)

    def forget(self) -> None:
        """Drop what waits: the link it came by has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._slot = None

    def _open(self) -> None:
        slot, self._slot, self._timer = self._slot, None, None
        if slot is not None:
            self._hand_on(slot)

    def _hand_on(self, payload: bytes) -> None:
        self._free_from_ns = self._ticks.mono_ns() + GAP_NS
        self._take(payload)
