"""The press: a cycle of strokes, and a main bearing whose wear is heard in the vibration.

The velocities are those of a machine judged by ISO 10816-3 (group 1, rigid): 2.3 mm/s ends
zone A, 4.5 ends B, 7.1 ends C. A new bearing runs at 1.1 mm/s, a worn-out one at 9.
"""

from __future__ import annotations

import math
import random

CYCLE_S = 1.6
STROKE_S = 0.35
FORCE_KN = 120.0
RMS_NEW_MM_S = 1.1
RMS_WORN_MM_S = 9.0
RMS_STANDING_MM_S = 0.12
KURTOSIS_NEW = 3.0
KURTOSIS_WORN = 11.0
BEARING_NEW_DEGC = 42.0
BEARING_WORN_DEGC = 78.0
BEARING_TAU_S = 45.0
AMBIENT_DEGC = 22.0
WEAR_NATURAL_PER_S = 2e-7
WEAR_FAILING_PER_S = 1 / 45.0


def bearing_rms_mm_s(health: float) -> float:
    """Vibration velocity of the running press at a bearing health of 1 (new) to 0 (worn out)."""
    worn = 1.0 - min(max(health, 0.0), 1.0)
    return RMS_NEW_MM_S + (RMS_WORN_MM_S - RMS_NEW_MM_S) * math.pow(worn, 1.5)


def bearing_kurtosis(health: float) -> float:
    """Kurtosis of the acceleration: 3 for a healthy bearing, far over it while spalls ring."""
    worn = 1.0 - min(max(health, 0.0), 1.0)
    return KURTOSIS_NEW + (KURTOSIS_WORN - KURTOSIS_NEW) * worn


class Press:
    """The press and its bearing. ``failing`` wears the bearing out within a minute of running."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._phase_s = 0.0
        self.failing = False
        self.running = False
        self.health = 1.0
        self.force_kn = 0.0
        self.cycles = 0
        self.bearing_degc = AMBIENT_DEGC

    def step(self, dt_s: float, run: bool, door_closed: bool) -> None:
        """Go on by ``dt_s``. Its own door switch stops it whatever the run output says."""
        self.running = run and door_closed
        if self.running:
            self._phase_s += dt_s
            if self._phase_s >= CYCLE_S:
                self._phase_s %= CYCLE_S
                self.cycles += 1
            wear = WEAR_FAILING_PER_S if self.failing else WEAR_NATURAL_PER_S
            self.health = max(0.0, self.health - wear * dt_s)
        stroke = self.running and self._phase_s < STROKE_S
        shape = math.sin(math.pi * self._phase_s / STROKE_S) if stroke else 0.0
        self.force_kn = max(0.0, FORCE_KN * shape + (self._rng.gauss(0, 0.3) if stroke else 0.0))
        target = AMBIENT_DEGC
        if self.running:
            span = BEARING_WORN_DEGC - BEARING_NEW_DEGC
            target = BEARING_NEW_DEGC + span * (1.0 - self.health)
        self.bearing_degc += (target - self.bearing_degc) * min(1.0, dt_s / BEARING_TAU_S)

    def replace_bearing(self) -> None:
        """Fit a new one."""
        self.health = 1.0
        self.failing = False
