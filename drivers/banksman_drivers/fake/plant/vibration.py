"""The vibration transmitter on the press bearing: averages, then refreshes ten times a second.

It is a device of its own (unit 2 on the bus), so its sequence number tells a frozen value
from a steady one.
"""

from __future__ import annotations

import random

from banksman_drivers.fake.plant.press import (
    RMS_STANDING_MM_S,
    Press,
    bearing_kurtosis,
    bearing_rms_mm_s,
)

REFRESH_S = 0.1
AVERAGING_TAU_S = 0.5
NOISE = 0.02  # of the value


class Transmitter:
    """What it shows: rms and peak velocity in mm/s, kurtosis, bearing temperature."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._average_mm_s = RMS_STANDING_MM_S
        self._since_s = 0.0
        self.rms_mm_s = RMS_STANDING_MM_S
        self.peak_mm_s = RMS_STANDING_MM_S * 1.5
        self.kurtosis = 3.0
        self.temperature_degc = 0.0
        self.sequence = 0

    def step(self, dt_s: float, press: Press) -> None:
        """Go on by ``dt_s`` beside the press."""
        true = bearing_rms_mm_s(press.health) if press.running else RMS_STANDING_MM_S
        self._average_mm_s += (true - self._average_mm_s) * min(1.0, dt_s / AVERAGING_TAU_S)
        self._since_s += dt_s
        if self._since_s < REFRESH_S:
            return
        self._since_s %= REFRESH_S
        self.rms_mm_s = max(0.0, self._average_mm_s * (1 + self._rng.gauss(0, NOISE)))
        kurtosis = bearing_kurtosis(press.health) if press.running else 3.0
        self.kurtosis = kurtosis * (1 + self._rng.gauss(0, NOISE))
        crest = 1.41 + 0.35 * (kurtosis - 3.0)
        self.peak_mm_s = self.rms_mm_s * crest
        self.temperature_degc = press.bearing_degc
        self.sequence = (self.sequence + 1) & 0xFFFF
