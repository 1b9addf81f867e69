"""The fixed schedule of a poll: absolute deadlines, so that lateness never adds up.

Rules of this file
- Pure: the time is an argument, in seconds of the loop's monotonic clock.
- The next deadline is the last deadline plus the period, never "now plus the period".
- A poll that is late by up to a period, or 10 ms where the period is shorter, is still made:
  epoll waits in whole milliseconds, so a 1 ms schedule is always late by a part of one and
  must catch up to hold 1 000 polls/s. What is later is skipped and counted.

- Each device has a phase of its own (`start_of`): fifty that come up together would else be
  polled in one heap for ever, and the last of them wait for all the others.

    deadline  |----|----|----|----|----|
    poll      x    x       x x    x         late, and caught up
    poll      x    x                  x     far too late: two skipped, phase kept
"""

from __future__ import annotations

import hashlib

CATCH_UP_S = 0.010


def start_of(name: str, period_s: float, now_s: float) -> float:
    """When the schedule of ``name`` was last due: up to a period before ``now_s``.

    Spread evenly by a hash of the name, so that names alike lie apart; the same at every start.
    """
    hashed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")
    phase_s = hashed / 2**32 * period_s
    return now_s - (now_s - phase_s) % period_s


class Pace:
    """Deadlines of one poll; ``skipped`` counts the polls that were given up."""

    def __init__(self, period_s: float, start_s: float) -> None:
        self.period_s = period_s
        self.skipped = 0
        self._deadline_s = start_s
        self._patience_s = max(period_s, CATCH_UP_S)

    def next_s(self, now_s: float) -> float:
        """The next deadline; it lies in the past when that poll is due at once."""
        self._deadline_s += self.period_s
        late_s = now_s - self._deadline_s
        if late_s > self._patience_s:
            missed = int(late_s / self.period_s)
            self._deadline_s += missed * self.period_s
            self.skipped += missed
        return self._deadline_s
