"""The people of the demo plant: at the begin of the shift somebody resets, then starts the line.

A safety circuit that has just got its power wants a manual reset, so the shift begins with
one. Nobody presses anything again after a stop: a reset restarts nothing, and the next start
is a person's (``banksman demo reset-button``, ``banksman demo start``).

    supervised ----1 s---- [reset] ----1 s---- [start]
"""

from __future__ import annotations

RESET_AFTER_S = 1.0
START_AFTER_S = 2.0
RESET_HELD_S = 0.4
START_HELD_S = 1.0


class Operator:
    """At the panel. ``begins_shift`` is whether they start the line once all is well."""

    def __init__(self, begins_shift: bool) -> None:
        self._will_reset = self._will_start = begins_shift
        self._ready_s = 0.0
        self._reset_held_s = 0.0
        self._start_held_s = 0.0

    @property
    def starting(self) -> bool:
        """Whether the start button is held down."""
        return self._start_held_s > 0.0

    @property
    def resetting(self) -> bool:
        """Whether the local reset button is held down."""
        return self._reset_held_s > 0.0

    def press_start(self) -> None:
        """Press the start button for a moment."""
        self._start_held_s = START_HELD_S

    def press_reset(self) -> None:
        """Press and release the local reset button."""
        self._reset_held_s = RESET_HELD_S

    def step(self, dt_s: float, ready: bool) -> None:
        """Go on by ``dt_s``. ``ready``: circuit and door closed, and the appliance is there."""
        self._start_held_s = max(0.0, self._start_held_s - dt_s)
        self._reset_held_s = max(0.0, self._reset_held_s - dt_s)
        self._ready_s = self._ready_s + dt_s if ready else 0.0
        if self._will_reset and self._ready_s >= RESET_AFTER_S:
            self._will_reset = False
            self.press_reset()
        if self._will_start and self._ready_s >= START_AFTER_S:
            self._will_start = False
            self.press_start()
