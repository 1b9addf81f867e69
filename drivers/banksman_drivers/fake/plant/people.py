"""The people of the demo plant: they press start once all is well, and fill the hopper.

Nobody presses start again after a stop: a reset restarts nothing, and the next start is a
person's (``banksman demo start``).
"""

from __future__ import annotations

START_AFTER_S = 2.0
START_HELD_S = 0.6


class Operator:
    """At the panel. ``ready`` is what the panel's green light would show."""

    def __init__(self, starts_shift: bool) -> None:
        self._will_start = starts_shift
        self._ready_s = 0.0
        self._held_s = 0.0

    @property
    def pressing(self) -> bool:
        """Whether the start button is held down."""
        return self._held_s > 0.0

    def press_start(self) -> None:
        """Press the start button for a moment."""
        self._held_s = START_HELD_S

    def step(self, dt_s: float, ready: bool) -> None:
        """Go on by ``dt_s``; the first start of the shift comes once the line is ready."""
        self._held_s = max(0.0, self._held_s - dt_s)
        self._ready_s = self._ready_s + dt_s if ready else 0.0
        if self._will_start and self._ready_s >= START_AFTER_S:
            self._will_start = False
            self.press_start()
