"""Whose turn it is on a bus that many units share. Pure: the time is an argument, in seconds.

Rules of this file
- Writes go before polls, and of each the units take turns, one request at a time: a unit with
  much to read makes nobody wait for more than its next request. After 8 writes in a row a poll
  that waits has a turn, so that no writer can stop the polling.
- A unit that did not answer is *silent* until it does. While any other unit answers, the silent
  ones together get no more than a fifth of the time: after one was waited for in vain for 0.3 s,
  no other silent one is polled for 1.2 s. Writes to them (``banksman safe``) are not held back.
- A unit may be *held*: nothing is sent to it before its time.

    a a' b c  answering, x y silent      a b c x a' b c a a' b c y ...
                                               '--- 4 x its time-out ---'

What waits is bounded by who asks: one poll a unit, one write an output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

J = TypeVar("J")

SILENT_PAUSE = 4.0
WRITES_IN_A_ROW_MAX = 8


class Unit(Generic[J]):
    """One unit's place in the turns. ``answering``: it answered when asked last."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.answering = False
        self.held_until_s = 0.0
        self.writes: deque[J] = deque()
        self.polls: deque[J] = deque()

    def drop(self, chosen: Callable[[J], bool]) -> list[J]:
        """Take out what waits and is ``chosen``."""
        left = [job for job in (*self.writes, *self.polls) if chosen(job)]
        self.writes = deque(job for job in self.writes if not chosen(job))
        self.polls = deque(job for job in self.polls if not chosen(job))
        return left


class Turns(Generic[J]):
    """The units of a bus, and who goes next."""

    def __init__(self) -> None:
        self._units: deque[Unit[J]] = deque()  # who waits longest stands first
        self._silent_from_s = 0.0
        self._writes_in_a_row = 0

    def unit(self, number: int) -> Unit[J]:
        """The place of unit ``number``, made when it is new."""
        for unit in self._units:
            if unit.number == number:
                return unit
        unit = Unit[J](number)
        self._units.append(unit)
        return unit

    def missed(self, unit: Unit[J], waited_s: float, now_s: float) -> None:
        """Note that ``unit`` was waited for in vain."""
        unit.answering = False
        self._silent_from_s = now_s + waited_s * SILENT_PAUSE

    def next(self, now_s: float) -> tuple[Unit[J], J] | float | None:
        """Who goes now, and with what; or when to ask again; or None: nobody waits."""
        found = None
        if self._writes_in_a_row < WRITES_IN_A_ROW_MAX:
            found = self._write(now_s)
        found = found or self._poll(now_s) or self._write(now_s)
        return found or self._wake_s(now_s)

    def _write(self, now_s: float) -> tuple[Unit[J], J] | None:
        for unit in self._units:
            if unit.writes and unit.held_until_s <= now_s:
                self._writes_in_a_row += 1
                return self._served(unit), unit.writes.popleft()
        return None

    def _poll(self, now_s: float) -> tuple[Unit[J], J] | None:
        for unit in self._units:
            if unit.polls and self._poll_from_s(unit) <= now_s:
                self._writes_in_a_row = 0
                return self._served(unit), unit.polls.popleft()
        return None

    def _served(self, unit: Unit[J]) -> Unit[J]:
        self._units.remove(unit)
        self._units.append(unit)
        return unit

    def _poll_from_s(self, unit: Unit[J]) -> float:
        """When a poll of ``unit`` may go."""
        rationed = not unit.answering and any(each.answering for each in self._units)
        return max(unit.held_until_s, self._silent_from_s if rationed else 0.0)

    def _wake_s(self, now_s: float) -> float | None:
        times = [unit.held_until_s for unit in self._units if unit.writes]
        times += [self._poll_from_s(unit) for unit in self._units if unit.polls]
        return max(now_s, min(times)) if times else None
