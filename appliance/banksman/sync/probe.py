"""When an idle link is measured with padding, and with how much of it. Pure.

A box with little to say sends batches too small to tell what its link carries, and would be taken
for a thin one for ever. So while the estimate is stale, bytes cost nothing and nothing else waits,
a bounded batch without items goes up. The longer nothing changes, the rarer it gets.

    64 kB --at least 9 Mbit/s--> 128 kB --at least 15--> 256 kB --at least 24--> 512 kB --38: enough

Over a long round trip a small batch is gone before TCP has filled the link, and tells a bound only.
Then the next is twice as large, until the link has shown itself, the bound is ``enough_mbit`` (more
would change no row of the policy's table), or it is `SIZE_FOLD_MOST` times as large as the first.
"""

from __future__ import annotations

from banksman.config.schema_sync import SyncSettings
from banksman.sync.link import STATE_S, LinkState
from banksman.sync.policy import HYSTERESIS, Plan

EVERY_MOST_S = 3600.0
SIZE_FOLD = 2  # a fast link needs more bytes to show itself, up to so many times the least
SIZE_FOLD_MOST = 16
GROW_S = 2 * STATE_S  # the probe before it has told the state
PROBE_S = 0.05
LONGEST_S = 1.0
RARER = 4.0


class Prober:
    """See above. Time in seconds of a monotonic clock."""

    def __init__(self, every_s: float, least_bytes: int, enough_mbit: float) -> None:
        self._every_s = self._wait_s = every_s
        self._least_bytes = self._size = least_bytes
        self._enough_mbit = enough_mbit
        self._at_s: float | None = None
        self._profile = ""

    @classmethod
    def of(cls, settings: SyncSettings) -> Prober:
        """As the config has it."""
        over_mbit = max(profile.over_mbit for profile in settings.profiles)
        return cls(settings.probe_s, int(settings.probe_kb * 1000), over_mbit * (1 + HYSTERESIS))

    def due(self, plan: Plan, state: LinkState, now_s: float) -> int | None:
        """How many bytes to send now, or None. Asking again after it said yes is a new probe."""
        if plan.profile != self._profile:
            self._profile, self._wait_s = plan.profile, self._every_s
        if plan.metered:
            return None
        goodput = state.goodput_mbit or 0.0
        if self._at_s is None:
            if not (plan.stale or self._short_of(state, goodput)):
                return None
        elif self._short_of(state, goodput) and self._size < SIZE_FOLD_MOST * self._least_bytes:
            if now_s - self._at_s < GROW_S:
                return None
            self._size = min(2 * self._size, SIZE_FOLD_MOST * self._least_bytes)
        elif plan.stale and now_s - self._at_s >= self._wait_s:
            self._wait_s = min(EVERY_MOST_S, self._wait_s * RARER)
        else:
            return None
        self._at_s = now_s
        per_s = goodput * 1e6 / 8
        size = max(self._size, min(per_s * PROBE_S, SIZE_FOLD * self._least_bytes))
        if not state.at_least:
            size = min(size, per_s * LONGEST_S)
        return int(max(size, self._least_bytes))

    def _short_of(self, state: LinkState, goodput: float) -> bool:
        """The link may carry more, and more would matter."""
        return state.at_least and goodput < self._enough_mbit
