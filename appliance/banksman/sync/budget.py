"""How many bytes may go: a bucket for each class, and a budget for links that cost money. Pure.

Rules of this file
- Critical records are counted and never held back.
- Time is an argument: monotonic seconds for buckets, wall time for the hour and the day.
- A wall clock that jumps back opens no new budget; one that jumps ahead opens the one of then.
"""

from __future__ import annotations

import msgspec

BURST_S = 5.0
BURST_BYTES_LEAST = 64 * 1024
HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS


class Bucket:
    """A token bucket (Turner 1986) that may go into debt: a batch is never cut for it.

    ``kbit`` 0 is no limit at all.
    """

    def __init__(self, kbit: float, now_s: float) -> None:
        self._rate = kbit * 1000 / 8
        self._most = max(self._rate * BURST_S, BURST_BYTES_LEAST)
        self._tokens = self._most
        self._at_s = now_s

    def limit(self, kbit: float, now_s: float) -> None:
        """Another rate from now on; what is owed stays owed."""
        self._fill(now_s)
        self._rate = kbit * 1000 / 8
        self._most = max(self._rate * BURST_S, BURST_BYTES_LEAST)
        self._tokens = min(self._most, self._tokens)

    def wait_s(self, now_s: float) -> float:
        """How long until something may be taken; 0: now."""
        if not self._rate:
            return 0.0
        self._fill(now_s)
        return max(0.0, -self._tokens / self._rate)

    def take(self, now_s: float, size: int) -> None:
        """``size`` bytes went."""
        if self._rate:
            self._fill(now_s)
            self._tokens -= size

    def _fill(self, now_s: float) -> None:
        gained = max(0.0, now_s - self._at_s) * self._rate
        self._at_s = max(self._at_s, now_s)
        self._tokens = min(self._most, self._tokens + gained)


class Spent(msgspec.Struct, frozen=True):
    """Bytes over metered links in an hour and a day, each by its number since 1970."""

    hour: int = 0
    hour_bytes: int = 0
    day: int = 0
    day_bytes: int = 0


class Budget:
    """What metered links may still carry. ``spent`` is kept over restarts by whoever owns this."""

    def __init__(self, hour_mb: float, day_mb: float, spent: Spent | None = None) -> None:
        self._hour_most = int(hour_mb * 1e6)
        self._day_most = int(day_mb * 1e6)
        self.spent = spent or Spent()

    def spend(self, wall_ns: int, size: int) -> None:
        """``size`` bytes went over a metered link."""
        now = self._now(wall_ns)
        self.spent = Spent(now.hour, now.hour_bytes + size, now.day, now.day_bytes + size)

    def left_bytes(self, wall_ns: int) -> int | None:
        """What is left of hour and day, 0 at the least; None: no limit."""
        now = self._now(wall_ns)
        left = [
            most - spent
            for most, spent in (
                (self._hour_most, now.hour_bytes),
                (self._day_most, now.day_bytes),
            )
            if most
        ]
        return max(0, min(left)) if left else None

    def _now(self, wall_ns: int) -> Spent:
        hour, day = wall_ns // HOUR_NS, wall_ns // DAY_NS
        known = self.spent
        return Spent(
            max(hour, known.hour),
            known.hour_bytes if hour <= known.hour else 0,
            max(day, known.day),
            known.day_bytes if day <= known.day else 0,
        )
