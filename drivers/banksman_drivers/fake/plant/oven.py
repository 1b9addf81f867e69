"""The oven: first-order heat, a thermostat that can weld, and a cut-out that does not trust it.

    dT/dt = (T_end - T) / tau      T_end = ambient + 350 K with the element on, else ambient

The run output is the main contactor; the thermostat switches the element behind it. The
``overheat`` failure welds the thermostat: only the contactor, or the cut-out at 260 degC,
ends the heating. The cut-out latches until the oven is under 200 degC.
"""

from __future__ import annotations

import random

AMBIENT_DEGC = 22.0
RISE_K = 350.0
TAU_S = 60.0
HYSTERESIS_K = 2.0
CUT_OUT_DEGC = 260.0
CUT_OUT_RELEASE_DEGC = 200.0
NOISE_K = 0.08


class Oven:
    """The oven. ``welded`` is the failure of its thermostat."""

    def __init__(self, rng: random.Random, degc: float = AMBIENT_DEGC) -> None:
        self._rng = rng
        self._degc = degc
        self._wants_heat = True
        self.welded = False
        self.cut_out = False
        self.heating = False
        self.temperature_degc = degc

    def step(self, dt_s: float, contactor: bool, setpoint_degc: float) -> None:
        """Go on by ``dt_s`` with the main contactor closed or open."""
        if self._degc > setpoint_degc + HYSTERESIS_K:
            self._wants_heat = False
        elif self._degc < setpoint_degc - HYSTERESIS_K:
            self._wants_heat = True
        if self._degc >= CUT_OUT_DEGC:
            self.cut_out = True
        elif self._degc < CUT_OUT_RELEASE_DEGC:
            self.cut_out = False
        self.heating = contactor and not self.cut_out and (self._wants_heat or self.welded)
        end = AMBIENT_DEGC + (RISE_K if self.heating else 0.0)
        self._degc += (end - self._degc) * min(1.0, dt_s / TAU_S)
        self.temperature_degc = self._degc + self._rng.gauss(0.0, NOISE_K)
