"""When an idle link is measured with padding, and with how much of it. Pure.

A box with little to say sends batches too small to tell what its link carries, and would be taken
for a thin one for ever. So while the estimate is stale, bytes cost nothing and nothing else waits,
a bounded batch without items goes up. The longer nothing changes, the rarer it gets.
"""

from __future__ import annotations

from banksman.sync.policy import Plan

EVERY_MOST_S = 3600.0
SIZE_FOLD = 2  # a fast link needs more bytes to show itself, up to so many times the least
PROBE_S = 0.05
RARER = 4.0


class Prober:
    """See above. Time in seconds of a monotonic clock."""

    def __init__(self, every_s: float, least_bytes: int) -> None:
        self._every_s = self._wait_s = every_s
        self._least_bytes = least_bytes
        self._at_s: float | None = None
        self._profile = ""

    def due(self, plan: Plan, goodput_mbit: float | None, now_s: float) -> int | None:
        """How many bytes to send now, or None. Asking again after it said yes is a new probe."""
        if plan.profile != self._profile:
            self._profile, self._wait_s = plan.profile, self._every_s
        if plan.metered or not plan.stale:
            return None
        if self._at_s is not None and now_s - self._at_s < self._wait_s:
            return None
        if self._at_s is not None:
            self._wait_s = min(EVERY_MOST_S, self._wait_s * RARER)
        self._at_s = now_s
        shown = (goodput_mbit or 0.0) * 1e6 / 8 * PROBE_S
        return int(min(max(shown, self._least_bytes), SIZE_FOLD * self._least_bytes))
