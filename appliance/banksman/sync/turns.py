"""When each lane may try: the waits of `standing`, cut short by news. Main loop.

Rules of this file
- News are level, not edge: what came while a lane was busy is seen when it looks next.
- Whatever is new must not turn a wait into a busy loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from banksman.sync.standing import LANES, Lane, Standing

LINGER_S = 0.05  # what comes close together goes together
WAIT_MOST_S = 3600.0


class Turns:
    """See the rules above."""

    def __init__(self, standing: Standing, mono_s: Callable[[], float]) -> None:
        self._standing = standing
        self._mono_s = mono_s
        self._news = {lane: asyncio.Event() for lane in LANES}

    def tell(self, *lanes: Lane) -> None:
        """There is something new for these; none named: for all."""
        for lane in lanes or LANES:
            self._news[lane].set()

    def heard(self, lane: Lane) -> None:
        """The lane looks now: what is new from here on is news again."""
        self._news[lane].clear()

    async def may_try(self, lane: Lane) -> None:
        """Wait until the standing lets it."""
        while wait_s := self._standing.wait_s(lane, self._mono_s()):
            self._news[lane].clear()
            await self.sleep(lane, wait_s)
            if self._news[lane].is_set() and wait_s > LINGER_S:
                await asyncio.sleep(LINGER_S)

    async def sleep(self, lane: Lane, seconds: float = WAIT_MOST_S) -> None:
        """Wait for news, so long at most."""
        try:
            async with asyncio.timeout(min(seconds, WAIT_MOST_S)):
                await self._news[lane].wait()
        except TimeoutError:
            return
