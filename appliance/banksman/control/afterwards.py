"""Work that can wait until the command has left the box, and the machine has had its turn.

Rules of this file
- What is put here runs in order, on the same thread, a moment after the loop has gone to sleep
  once: within about a millisecond, which is how fine asyncio's timers are.
- Why a moment, and not the loop's next turn: the kernel likes to wake who receives a packet on
  the core of who sent it. There it waits until we sleep. On the same box (a broker, a gateway, a
  simulated PLC) a write arrived 0.1 ms later for what we still did after it.
- It is bounded by that millisecond: what one poll of each device leaves behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MOMENT_S = 0.0002

CallLater = Callable[[float, Callable[[], None]], object]


class Afterwards:
    """``call_later`` is the event loop's: runs a function once the given seconds are over."""

    def __init__(self, call_later: CallLater) -> None:
        self._call_later = call_later
        self._work: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._armed = False

    def put(self, function: Callable[..., object], *arguments: object) -> None:
        """Call ``function`` a moment from now."""
        self._work.append((function, arguments))
        if not self._armed:
            self._arm()

    def run(self) -> None:
        """Do now all that waits; one that raises holds up none of the others."""
        self._armed = False
        try:
            while self._work:
                function, arguments = self._work.popleft()
                function(*arguments)
        finally:
            if self._work:
                self._arm()

    def _arm(self) -> None:
        self._armed = True
        self._call_later(MOMENT_S, self.run)
