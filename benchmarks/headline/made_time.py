"""Made time: work takes as long as it takes, waiting takes none. An hour passes in seconds.

Rules of this file
- The clock is the machine's, plus everything that was skipped. So a latency taken from it is the
  real time of the work in between plus the made time of what was waited for, as on a floor.
- The loop skips only when nothing is ready: what is due comes in its order and at its time.

    real   |work|work|work|
    made   |work|<-- skipped -->|work|<-- skipped -->|work|
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from banksman.clock import ClockQuality

BEGIN_WALL_NS = 1_700_000_000_000_000_000
Ready = list[tuple[selectors.SelectorKey, int]]


class MadeClock:
    """Implements ``banksman.clock.Clock``; ``skip`` from the loop's own thread only."""

    def __init__(self, real_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self.boot_id = "00000000-0000-0000-0000-000000000000"
        self._real_ns = real_ns
        self._skipped_ns = 0
        self._begin_ns = real_ns()

    def mono_ns(self) -> int:
        """Real time and all that was skipped."""
        return self._real_ns() + self._skipped_ns

    def wall_ns(self) -> int:
        """Begins with the clock."""
        return BEGIN_WALL_NS + self.mono_ns() - self._begin_ns

    def quality(self) -> ClockQuality:
        """Nobody sets this clock."""
        return "synchronised"

    def skip(self, seconds: float) -> None:
        """Let ``seconds`` pass at once; rounded up, so that what was waited for is due."""
        self._skipped_ns += math.ceil(seconds * 1e9)


class _Skipping(selectors.DefaultSelector):
    """Asks what is ready now; where it would have waited, the clock goes on instead."""

    def __init__(self, clock: MadeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Ready:
        """As its base says. Without a timeout nothing is planned: it waits for real."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._clock.skip(timeout)
        return ready


class MadeLoop(asyncio.SelectorEventLoop):
    """An event loop in the time of ``clock``."""

    def __init__(self, clock: MadeClock) -> None:
        self._clock = clock
        super().__init__(_Skipping(clock))

    def time(self) -> float:
        """The clock's monotonic seconds."""
        return self._clock.mono_ns() / 1e9


class _Policy(asyncio.DefaultEventLoopPolicy):
    def __init__(self, clock: MadeClock) -> None:
        super().__init__()
        self._clock = clock

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return MadeLoop(self._clock)


@contextmanager
def made_time(clock: MadeClock) -> Iterator[None]:
    """Every loop that begins within, on any thread, lives in the time of ``clock``."""
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(_Policy(clock))
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)
