"""The control loop's rate keeper: ticks on time, and lateness with a name.

Rules of this file
- Periods stand together at the top; the clock is monotonic and an argument.
- A tick that comes late measures how long the loop was held. Whoever held it longest since the
  last tick is the culprit; if nobody of ours did, it was the interpreter lock or the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from banksman.control.histogram import Histogram

TICK_NS = 50_000_000  # silence and the interlock are looked at this often
SNAPSHOT_TICKS = 5  # a snapshot is published every so many ticks
LATE_NS = 5_000_000  # lateness over this is blamed on someone
PERIOD_S = TICK_NS / 1e9


class Culprit:
    """Who held the loop longest since the last tick."""

    __slots__ = ("longest_ns", "name")

    def __init__(self) -> None:
        self.name = ""
        self.longest_ns = 0

    def note(self, name: str, duration_ns: int) -> None:
        """Somebody's call took this long."""
        if duration_ns > self.longest_ns:
            self.name, self.longest_ns = name, duration_ns

    def take(self, late_ns: int) -> str:
        """Name whoever explains at least half of the lateness, and start anew."""
        name, longest_ns = self.name, self.longest_ns
        self.name, self.longest_ns = "", 0
        if 2 * longest_ns >= late_ns:
            return f"{name} held the loop for {longest_ns / 1e6:.1f} ms"
        return f"another thread or the machine held the loop for {late_ns / 1e6:.1f} ms"


class Pace:
    """Calls ``tick`` every TICK_NS and ``publish`` every SNAPSHOT_TICKS of those."""

    def __init__(
        self,
        mono_ns: Callable[[], int],
        tick: Callable[[int], None],
        publish: Callable[[int], None],
        culprit: Culprit,
    ) -> None:
        self._mono_ns = mono_ns
        self._tick = tick
        self._publish = publish
        self.culprit = culprit
        self.lateness = Histogram()
        self.late_culprit = ""
        self.ticks = 0  # the control thread's heartbeat: proof of progress

    async def run(self) -> None:
        """Tick until cancelled. Missed ticks are skipped, not made up for."""
        due_ns = self._mono_ns() + TICK_NS
        while True:
            await asyncio.sleep(max(due_ns - self._mono_ns(), 0) / 1e9)
            now_ns = self._mono_ns()
            late_ns = max(now_ns - due_ns, 0)
            self.lateness.add(late_ns)
            if late_ns > LATE_NS:
                self.late_culprit = self.culprit.take(late_ns)
            else:
                self.culprit.take(0)
            self._tick(now_ns)
            self.ticks += 1
            if self.ticks % SNAPSHOT_TICKS == 0:
                self._publish(now_ns)
            self.culprit.note("the tick", self._mono_ns() - now_ns)
            due_ns = max(due_ns + TICK_NS, now_ns)
