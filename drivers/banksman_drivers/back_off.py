"""How long to wait before trying again: doubling, bounded, with jitter. Pure.

Jitter keeps a hall of boxes from storming a switch or server that came back: each wait is
drawn between half and the whole of the doubled time ("equal jitter", Brooker, AWS Architecture
Blog, 2015).
"""

from __future__ import annotations

import random
from collections.abc import Callable


class BackOff:
    """The waits of one thing that is retried. ``chance`` draws from 0..1."""

    def __init__(
        self,
        first_s: float,
        most_s: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._ceiling_s = first_s
        self.waits = 0  # since the last success

    def next_s(self) -> float:
        """The wait before the next try, in seconds; it grows until `reset`."""
        self.waits += 1
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(self._most_s, ceiling_s * 2)
        return ceiling_s * (0.5 + 0.5 * self._chance())

    def reset(self) -> None:
        """It works again: the next wait is a short one."""
        self._ceiling_s = self._first_s
        self.waits = 0
