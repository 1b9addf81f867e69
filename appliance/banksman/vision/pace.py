"""How long the newest inspections of a station took. Pure; one thread writes, any may ask."""

from __future__ import annotations

from collections import deque

KEPT = 512


class Pace:
    """The newest `KEPT` of them."""

    def __init__(self) -> None:
        self._took_ns: deque[int] = deque(maxlen=KEPT)

    def add(self, took_ns: int) -> None:
        """One more."""
        self._took_ns.append(took_ns)

    def quantile_ms(self, share: float) -> float:
        """So long at most took this share (0..1) of them; 0 before the first."""
        took = sorted(self._took_ns.copy())
        return took[min(len(took) - 1, int(share * len(took)))] / 1e6 if took else 0.0
