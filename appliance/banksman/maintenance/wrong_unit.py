"""Whether the unit that was configured can be the samples' own. Pure.

Rules of this file
- Two things speak against a unit: gravity that reads as it does in another, and a level that no
  machine has. Neither proves one; the reason says what was seen.
- A velocity has no gravity. A sensor that hangs or stands straight reads all of it, a tilted one a
  part: its own, or a part of its own, is no doubt.

    at rest     gn 1      mgn 1000      m/s2 9.81      mm/s2 9807      mm/s 0
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from banksman.maintenance.units import STANDARD_GRAVITY_MS2, kind_of, to_si

GRAVITY_READS = {"gn": 1.0, "m/s2": 9.80665, "mgn": 1000.0, "mm/s2": 9806.65}
GRAVITY_SLACK = 0.05  # bias and mounting
# A tilt of six degrees reads a tenth of gravity: that is another unit's only to a hundredth. Less
# than a twentieth is any sensor's bias.
TILT_SLACK, BIAS_SHARE = 0.01, 1 / 20
# No sensor of this kind is made for more, and machines that shake so have left their bolts.
RMS_MAX_MS2 = 1000.0
RMS_MAX_MM_S = 500.0


def unit_doubt(samples: npt.NDArray[np.floating], unit: str) -> str:
    """What speaks against the unit of one window, shape (n,), for people; empty for nothing.

    Units that are neither of acceleration nor of velocity are not judged.
    """
    kind = kind_of(unit)
    if not kind:
        return ""
    mean = abs(float(samples.mean(dtype=np.float64)))
    other = _whose_gravity(mean, STANDARD_GRAVITY_MS2 / to_si(unit), kind == "acceleration")
    if other:
        return (
            f"the sensor rests at {mean:.4g} {unit}, which is gravity in {other}: is that its unit?"
        )
    rms = float(samples.std(dtype=np.float64))
    most = RMS_MAX_MS2 if kind == "acceleration" else RMS_MAX_MM_S / 1e3
    if rms * to_si(unit) > most:
        return f"an rms of {rms:.3g} {unit} is more than any machine has: check unit and scale"
    return ""


def _whose_gravity(mean: float, own: float, accelerates: bool) -> str:
    """The unit in which gravity would read so, where it is not the configured one's ``own``."""
    if not accelerates:
        own = math.inf  # it has none, and every other one's is a doubt
    for other, gravity in GRAVITY_READS.items():
        if abs(own / gravity - 1) < GRAVITY_SLACK:
            continue
        if accelerates and gravity < own * BIAS_SHARE:
            continue
        slack = TILT_SLACK if accelerates and gravity < own else GRAVITY_SLACK
        if abs(mean / gravity - 1) < slack:
            return other
    return ""
