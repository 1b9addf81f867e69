"""How long commits take: the newest few hundred, and their percentiles."""

from __future__ import annotations

from collections import deque

KEPT = 512


class CommitMeter:
    """The store thread notes; any thread reads the two figures."""

    def __init__(self) -> None:
        self._ns: deque[int] = deque(maxlen=KEPT)
        self.p50_ms = 0.0
        self.p99_ms = 0.0

    def note(self, duration_ns: int) -> None:
        """One more commit."""
        self._ns.append(duration_ns)

    def settle(self) -> None:
        """Work the figures out anew; once a second is enough."""
        if self._ns:
            ordered = sorted(self._ns)
            self.p50_ms = ordered[len(ordered) // 2] / 1e6
            self.p99_ms = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1e6
