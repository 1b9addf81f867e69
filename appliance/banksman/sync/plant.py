"""What a simulated plant makes, and which of it is late. Pure.

Each class is made evenly and leaves in the order in which it was made, so two counts tell all of
it: row n of a class was made at ``n / rate``.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from banksman.wire.messages import Priority


class Plant(msgspec.Struct, frozen=True):
    """What is made each second."""

    critical: float = 0.01
    important: float = 0.05
    normal: float = 0.5
    readings: float = 10.0

    def rates(self) -> Mapping[Priority, float]:
        """By class; readings are background."""
        return {
            Priority.CRITICAL: self.critical,
            Priority.IMPORTANT: self.important,
            Priority.NORMAL: self.normal,
            Priority.BACKGROUND: self.readings,
        }


class Queue:
    """The rows of one class. ``late``: so many were not delivered within their deadline."""

    def __init__(self, rate: float, deadline_s: float | None) -> None:
        self.late = 0
        self._rate = rate
        self._deadline_s = deadline_s
        self._made = 0.0
        self._gone = self._seen_late = 0

    @property
    def waiting(self) -> int:
        """Whole rows."""
        return int(self._made) - self._gone

    def make(self) -> None:
        """A second passes."""
        self._made += self._rate
        if self._deadline_s is not None:
            due = int(self._made - self._rate * self._deadline_s)
            self.late += max(0, due - max(self._gone, self._seen_late))
            self._seen_late = max(self._seen_late, due)

    def take(self, count: int) -> None:
        """So many were delivered."""
        self._gone += count

    def oldest_s(self) -> float:
        """How long the oldest has waited; 0 where none does."""
        return (self._made - self._gone - 1) / self._rate if self.waiting else 0.0
