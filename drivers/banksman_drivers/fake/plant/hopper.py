"""The hopper on its scale: each part takes material, and the plan knows how much should be left.

``expected_kg`` is what the production count says; ``difference_kg`` under zero means material
that went without a part: a leak, a wrong refill, a thief.
"""

from __future__ import annotations

import random

FULL_KG = 120.0
REFILL_BELOW_KG = 12.0
PART_KG = 0.35
LEAK_KG_S = 0.8
NOISE_KG = 0.05


class Hopper:
    """The hopper. ``leaking`` loses material that no part used."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._true_kg = FULL_KG
        self.leaking = False
        self.expected_kg = FULL_KG
        self.weight_kg = FULL_KG
        self.refills = 0

    @property
    def difference_kg(self) -> float:
        """Scale less plan."""
        return self.weight_kg - self.expected_kg

    def step(self, dt_s: float, parts: int) -> None:
        """Go on by ``dt_s`` in which ``parts`` were made."""
        used = parts * PART_KG
        leaked = LEAK_KG_S * dt_s if self.leaking else 0.0
        self._true_kg = max(0.0, self._true_kg - used - leaked)
        self.expected_kg = max(0.0, self.expected_kg - used)
        self.weight_kg = max(0.0, self._true_kg + self._rng.gauss(0.0, NOISE_KG))

    @property
    def wants_refill(self) -> bool:
        """Whether an operator would fill it up now."""
        return min(self._true_kg, self.expected_kg) < REFILL_BELOW_KG

    def refill(self) -> None:
        """Fill it up; plan and scale agree again."""
        self._true_kg = self.expected_kg = FULL_KG
        self.refills += 1
