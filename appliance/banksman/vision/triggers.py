"""Parts that a sensor has seen and the camera has not yet: each waits for its own frame.

Between the control thread, which puts them, and the looking thread, which waits.
"""

from __future__ import annotations

import threading
from collections import deque

TRIGGERS_MOST = 16


class Triggers:
    """Triggers that wait for their frame. Bounded: one more, and the oldest comes to nothing."""

    def __init__(self, delay_ns: int, wait_ns: int) -> None:
        self._delay_ns = delay_ns
        self._wait_ns = wait_ns
        self._waiting: deque[int] = deque()
        self._news = threading.Condition()

    def put(self, at_ns: int) -> int | None:
        """A part is there. Any thread; returns the trigger that it pushed out."""
        with self._news:
            pushed = self._waiting.popleft() if len(self._waiting) >= TRIGGERS_MOST else None
            self._waiting.append(at_ns)
            self._news.notify()
        return pushed

    def wait(self, seconds: float) -> int | None:
        """The oldest one's time, which stays there; None when there is none in time."""
        with self._news:
            self._news.wait_for(lambda: self._waiting, seconds)
            return self._waiting[0] if self._waiting else None

    def done(self, at_ns: int) -> None:
        """This one is dealt with."""
        with self._news:
            if self._waiting and self._waiting[0] == at_ns:
                self._waiting.popleft()

    def exposure_ns(self, at_ns: int) -> int:
        """When its part is before the camera."""
        return at_ns + self._delay_ns

    def is_gone(self, at_ns: int, now_ns: int) -> bool:
        """Whether its frame will not come any more."""
        return now_ns - at_ns > self._wait_ns

    def is_overtaken(self, at_ns: int, exposed_ns: int) -> bool:
        """Whether a frame of that time belongs to the next trigger already."""
        with self._news:
            later = next((each for each in self._waiting if each > at_ns), None)
        return later is not None and exposed_ns >= self.exposure_ns(later)
