"""Which frames are worth unpacking when a camera gives more than are wanted. Pure.

taken     | | | | | | | | | |
wanted    |       |       |         at most so many in a second
"""

from __future__ import annotations


class Thin:
    """Lets at most ``most_fps`` frames a second through; None: all."""

    def __init__(self, most_fps: float | None) -> None:
        self._period_ns = 0 if most_fps is None else round(1e9 / most_fps)
        self._next_ns: int | None = None

    def wants(self, now_ns: int) -> bool:
        """Whether the frame that arrived now is wanted. A tenth early will do: cameras jitter."""
        if self._next_ns is None:
            self._next_ns = now_ns
        early_ns = self._next_ns - now_ns
        if early_ns > self._period_ns // 10:
            return False
        # On the old beat while it is held, so that the pace is met on the average.
        held = -early_ns < self._period_ns
        self._next_ns = (self._next_ns if held else now_ns) + self._period_ns
        return True
