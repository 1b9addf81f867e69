"""Where edges of any thread become news for the control loop.

Rules of this file
- gpiozero calls back on threads of its own, and the session looks at levels on a third. All of them
  come here, under one lock that is held for microseconds; the control loop never takes it.
- Every edge is counted where it arrives, so no count depends on how busy the control loop is.
- What must be told at once (a contact, a part at a station) is news at once, but at most
  ``BURST`` times in one report interval: a chattering line must not occupy the loop. Counters and
  belts are news once per interval.
- Times of edges are the kernel's where they are believable, else the time of the call. The times of
  news never go back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec

from banksman_drivers.gpio.channels import Channel, Value
from banksman_drivers.ports import Ticks

BURST = 16
EDGE_AGE_MOST_NS = 10_000_000_000  # an edge told as older than this has another clock's time


class News(msgspec.Struct, frozen=True):
    """All sensors' values at one moment, in their order."""

    values: list[Value]
    at_ns: int


class Desk:
    """The channels of one chip. ``put`` takes the news; ``poke`` wakes who calls `tick`.

    ``edges`` counts every edge; ``merged`` counts changes that were told with a later one.
    """

    def __init__(self, channels: Sequence[Channel], report_ns: int, ticks: Ticks) -> None:
        self.edges = 0
        self.merged = 0
        self.put: Callable[[News], None] = lambda _: None
        self.poke: Callable[[], None] = lambda: None
        self._channels = channels
        self._report_ns = report_ns
        self._ticks = ticks
        self._lock = threading.Lock()
        self._dirty = False
        self._told_ns = 0  # the time of the newest news
        self._interval_ns = 0  # when the present report interval began
        self._burst = 0

    def edge(self, channel: Channel, place: int, high: bool, kernel_ns: int) -> None:
        """An edge, from whatever thread saw it."""
        now_ns = self._ticks.mono_ns()
        at_ns = kernel_ns if 0 <= now_ns - kernel_ns < EDGE_AGE_MOST_NS else now_ns
        with self._lock:
            self.edges += 1
            urgent = channel.edge(place, high, at_ns)
            was_due = self._dirty
            self._note(urgent, at_ns, now_ns)
            wake = (self._dirty and not was_due) or channel.due_ns is not None
        if wake:
            self.poke()

    def look(self, levels: Sequence[tuple[Channel, Sequence[bool]]]) -> None:
        """Levels that were read of all lines: news in any case."""
        now_ns = self._ticks.mono_ns()
        with self._lock:
            for channel, highs in levels:
                channel.look(highs, now_ns)
            self._tell(now_ns)

    def tick(self) -> None:
        """Tell what has waited for its time."""
        now_ns = self._ticks.mono_ns()
        with self._lock:
            for channel in self._channels:
                if channel.due_ns is not None and channel.due_ns <= now_ns:
                    self._note(channel.settle(now_ns), now_ns, now_ns)
            if self._dirty and now_ns - self._interval_ns >= self._report_ns:
                self._begin_interval(now_ns)
                self._tell(now_ns)

    def due_ns(self) -> int | None:
        """When `tick` shall be called next; None when nothing waits."""
        with self._lock:
            times = [each.due_ns for each in self._channels if each.due_ns is not None]
            if self._dirty:
                times.append(self._interval_ns + self._report_ns)
        return min(times, default=None)

    def forget(self) -> None:
        """The chip was lost."""
        with self._lock:
            self._dirty = False
            for channel in self._channels:
                channel.forget()

    def _note(self, urgent: bool, at_ns: int, now_ns: int) -> None:
        if now_ns - self._interval_ns >= self._report_ns:
            self._begin_interval(now_ns)
            self._tell(at_ns)
        elif urgent and self._burst < BURST:
            self._burst += 1
            self._tell(at_ns)
        else:
            self.merged += urgent
            self._dirty = True

    def _begin_interval(self, now_ns: int) -> None:
        self._interval_ns = now_ns
        self._burst = 0

    def _tell(self, at_ns: int) -> None:
        self._dirty = False
        self._told_ns = max(self._told_ns, at_ns)
        values = [value for channel in self._channels for value in channel.values(self._told_ns)]
        self.put(News(values, self._told_ns))
