"""Takes findings and codes one in each turn of the loop, so that each one's mark gets through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from banksman.vision.finding import Told


class OneEachTurn:
    """``take`` is called with each, in order; what it raises ends that one only. Loop's thread."""

    def __init__(self, take: Callable[[Told], None]) -> None:
        self._take = take
        self._arrived: deque[Told] = deque()

    def put(self, told: Told) -> None:
        """Take it now, or after those that came before it."""
        self._arrived.append(told)
        if len(self._arrived) == 1:
            self._next()

    def clear(self) -> None:
        """Forget what waits."""
        self._arrived.clear()

    def _next(self) -> None:
        try:
            self._take(self._arrived[0])
        finally:
            asyncio.get_running_loop().call_soon(self._dealt_with)

    def _dealt_with(self) -> None:
        if self._arrived:
            self._arrived.popleft()
        if self._arrived:
            self._next()
