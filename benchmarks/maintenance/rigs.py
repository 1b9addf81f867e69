"""Naming bearing faults on machines that nobody has seen: made up, each drawn afresh (rig.py).

The bearings of the table, 8 to 55 turns a second, 12 to 51.2 kHz, faults from what nobody could
hear to three times the noise: the shares of names are low by intent, and what matters is that few
are wrong. Each window stands for itself. Other draws of this rig showed what the method lacked;
this seed is used here only.
"""

from __future__ import annotations

import numpy as np

from banksman.maintenance.naming import name_fault
from benchmarks.context import Context
from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.maintenance.cwru import Tally
from benchmarks.maintenance.rig import FAULTS, make
from benchmarks.pressure import Pressure

SEED = 20816
MACHINES, QUICK_MACHINES = 150, 5
NOTE = "one window each, made up; strengths from 0.15 to 3 times the noise"


def measure(context: Context) -> list[Figure]:
    """Shares of right and wrong names over all machines."""
    random = np.random.default_rng(SEED)
    counted = Tally()
    with Pressure() as pressure:
        for truth in FAULTS:
            for _ in range(QUICK_MACHINES if context.quick else MACHINES):
                made = make(random, truth)
                told = name_fault(made.samples, made.rate_hz, made.shaft_hz, made.orders)
                counted.add(truth, told.finding.fault)
    shares: list[tuple[str, str, float, Direction, float | None, int]] = [
        (f"{truth}_named", "%", counted.right_pct(truth), "higher", None, counted.asked[truth])
        for truth in FAULTS
        if truth != "none"
    ]
    healthy = counted.asked["none"]
    wrong_pct = 100.0 * counted.wrong / counted.windows
    alarms_pct = 100.0 * counted.alarms / healthy
    shares.append(("wrong_names", "%", wrong_pct, "lower", 5.0, counted.windows))
    shares.append(("healthy_alarms", "%", alarms_pct, "lower", None, healthy))
    return [
        figure(
            f"maintenance.rigs_{name}",
            unit,
            [value],
            direction=direction,
            n=count,
            pressure_pct=pressure.pct,
            target=None if limit is None else Target("value", limit),
            note=NOTE,
        )
        for name, unit, value, direction, limit, count in shares
    ]
