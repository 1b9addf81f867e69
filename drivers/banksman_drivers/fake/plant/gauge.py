"""The quality gauge measures each part; a gate behind it diverts the part that is then passing.

    gauge --- 150 mm of belt --- gate --> good bin
                                   \\--> reject bin (gate output on when the part arrives)

So whoever decides has 150 mm of belt: 0.75 s at 200 mm/s.
"""

from __future__ import annotations

import random
from collections import deque

NOMINAL_MM = 25.0
TOLERANCE_MM = 0.1
SPREAD_MM = 0.018
GATE_DISTANCE_MM = 150.0
DEFECT_SHARE = 0.02
DEFECT_SHARE_FAILING = 1.0
IN_FLIGHT_PARTS = 8


class Gauge:
    """Gauge and gate. ``failing`` is a worn tool: every part comes out of tolerance."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._in_flight: deque[tuple[float, bool]] = deque(maxlen=IN_FLIGHT_PARTS)
        self.failing = False
        self.dimension_mm = NOMINAL_MM
        self.sequence = 0
        self.defects_in_row = 0
        self.good = 0
        self.rejected = 0
        self.missed = 0  # defects that went into the good bin
        self.wasted = 0  # good parts that were diverted

    def measure(self) -> float:
        """Measure the part that has just reached the gauge."""
        share = DEFECT_SHARE_FAILING if self.failing else DEFECT_SHARE
        defect = self._rng.random() < share
        off = self._rng.choice((-1, 1)) * self._rng.uniform(0.13, 0.35) if defect else 0.0
        spread = max(-3 * SPREAD_MM, min(3 * SPREAD_MM, self._rng.gauss(0.0, SPREAD_MM)))
        self.dimension_mm = NOMINAL_MM + spread + off
        defect = abs(self.dimension_mm - NOMINAL_MM) > TOLERANCE_MM
        self.defects_in_row = self.defects_in_row + 1 if defect else 0
        self.sequence = (self.sequence + 1) & 0xFFFF
        self._in_flight.append((GATE_DISTANCE_MM, defect))
        return self.dimension_mm

    def carry(self, travel_mm: float, gate_open: bool) -> None:
        """Move the measured parts on; one that arrives is diverted if the gate is open."""
        moved = [(distance - travel_mm, defect) for distance, defect in self._in_flight]
        self._in_flight.clear()
        for distance, defect in moved:
            if distance > 0.0:
                self._in_flight.append((distance, defect))
            elif gate_open:
                self.rejected += 1
                self.wasted += not defect
            else:
                self.good += 1
                self.missed += defect
