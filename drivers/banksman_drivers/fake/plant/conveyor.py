"""The belt: it carries a part past the gauge every spacing, and a jam shows in its motor current.

Pure model, SI-like units in the names, stepped with dt. A jam lets the next part reach the
photo-eye and stick there: the belt stops under it while the motor still pulls.

    photo-eye          ________            ________
    (blocked = 1) ____|  part  |__________|  part  |____   -> travel
                      |<- 80 ->|<------- 320 mm -->|
    current       ~2.4 A while it runs, ~9.5 A within a second of a jam
"""

from __future__ import annotations

import random

SPACING_MM = 400.0
PART_LENGTH_MM = 80.0
SPEED_FULL_MM_S = 500.0
ACCELERATION_MM_S2 = 400.0
CURRENT_IDLE_A = 1.4
CURRENT_LOADED_A = 2.4
CURRENT_STARTING_A = 1.6
CURRENT_JAMMED_A = 9.5
CURRENT_TAU_S = 0.15
NOISE_A = 0.04


class Conveyor:
    """The belt and its motor. ``jammed`` is set from outside; everything else follows."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._to_next_mm = SPACING_MM / 2  # travel until the next part reaches the photo-eye
        self._pulled_a = 0.0
        self.jammed = False
        self.speed_mm_s = 0.0
        self.current_a = 0.0
        self.parts = 0

    @property
    def eye_blocked(self) -> bool:
        """Whether a part stands or passes in front of the photo-eye."""
        return self.parts > 0 and self._to_next_mm > SPACING_MM - PART_LENGTH_MM

    @property
    def stuck(self) -> bool:
        """Whether the jam holds a part right now."""
        return self.jammed and self.eye_blocked

    def step(self, dt_s: float, run: bool, setpoint_mm_s: float) -> int:
        """Go on by ``dt_s`` with the motor on or off; returns how many parts reached the eye."""
        wanted = min(max(setpoint_mm_s, 0.0), SPEED_FULL_MM_S) if run else 0.0
        starting = run and not self.stuck and wanted - self.speed_mm_s > 1.0
        if self.stuck:
            self.speed_mm_s = 0.0
        else:
            change = ACCELERATION_MM_S2 * dt_s
            self.speed_mm_s += min(max(wanted - self.speed_mm_s, -change), change)
        self._pull(dt_s, run, starting)
        return self._carry(self.speed_mm_s * dt_s)

    def _carry(self, travel_mm: float) -> int:
        arrived = 0
        self._to_next_mm -= travel_mm
        while self._to_next_mm <= 0.0:
            self._to_next_mm += SPACING_MM
            self.parts += 1
            arrived += 1
            if self.jammed:
                self._to_next_mm = SPACING_MM - PART_LENGTH_MM / 2  # it sticks in front of the eye
                break
        return arrived

    def _pull(self, dt_s: float, run: bool, starting: bool) -> None:
        if not run:
            target = 0.0
        elif self.stuck:
            target = CURRENT_JAMMED_A
        else:
            load = self.speed_mm_s / SPEED_FULL_MM_S
            target = CURRENT_IDLE_A + (CURRENT_LOADED_A - CURRENT_IDLE_A) * (0.6 + load)
            target += CURRENT_STARTING_A if starting else 0.0
        self._pulled_a += (target - self._pulled_a) * min(1.0, dt_s / CURRENT_TAU_S)
        noise = self._rng.gauss(0.0, NOISE_A) if run else 0.0
        self.current_a = max(0.0, self._pulled_a + noise)
