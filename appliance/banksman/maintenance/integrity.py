"""Whether samples may be believed, before anything is concluded from them. Pure.

Rules of this file
- A flaw lowers the quality of the reading and names the conclusions it forbids. It never mends
  samples.
- Limits come from what a sensor on a machine can give, not from records of machines.

    | flaw      | how it shows | forbids |
    |---|---|---|
    | numbers   | NaN or infinity | everything |
    | stuck     | not one sample differs | everything |
    | clipped   | samples pile up at an end of the range | level, impacts, severity |
    | dropped   | more equal samples in a row than chance makes, then a step | impacts, lines |
    | aliased   | the spectrum rises towards half the sampling rate | lines |
    | clock     | more or fewer samples than the time between two bursts holds | impacts, lines |
    | unit      | gravity or the level is what another unit would show | level, severity |
    | uncertain | its driver says so: overruns, an odd rate | impacts, lines, severity |

``level``: rms and its trend. ``impacts``: peak, crest, kurtosis, bearings. ``lines``: shaft lines
and orders. ``severity``: zones of ISO 20816.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.findings import Finding
from banksman.maintenance.wrong_unit import unit_doubt
from banksman_drivers.ports import Burst, Quality

FlawKind = Literal[
    "numbers", "stuck", "clipped", "dropped", "aliased", "clock", "unit", "uncertain"
]
Conclusion = Literal["level", "impacts", "lines", "severity"]

ALL: tuple[Conclusion, ...] = ("level", "impacts", "lines", "severity")
# A sine spends 2.4 times as long in the last thousandth of its range as in the one before.
PILE_MIN, PILE_RATIO = 5, 5
SINE_KURTOSIS, SINE_SLACK = 1.5, 0.1
# It rests a fiftieth of its time in that last thousandth, a twentieth in the last of 128 steps.
# Noise that is cut so hard that it is as flat rests there for a quarter.
SINE_PILE_MAX = 0.1
# A run is no chance when it would turn up in one window of a million.
RUN_ODDS = 1e6
RUN_MIN = 8
# A filter before the converter takes the last twentieth down; four times (6 dB) up is no noise.
TAIL_SHARE, TAIL_RATIO = 0.05, 4.0
# Samples that a burst may lack or have too many: jitter of the box's clock, and of one packet.
CLOCK_SLACK = 0.1


class Flaw(msgspec.Struct, frozen=True):
    """One thing wrong with samples; ``reason`` tells an operator what was seen and what to
    check."""

    kind: FlawKind
    quality: Quality
    forbids: tuple[Conclusion, ...]
    reason: str


class Doubt(msgspec.Struct, frozen=True):
    """What is wrong with a sensor's readings now: they are at most of this quality."""

    sensor: str
    quality: Quality
    reason: str


def doubt_of(sensor: str, flaws: Sequence[Flaw]) -> Doubt | None:
    """What people and rules are told of a sensor with such flaws; None without any."""
    if not flaws:
        return None
    return Doubt(sensor, quality_of(flaws), "; ".join(flaw.reason for flaw in flaws))


def check_burst(burst: Burst, full_scale: float | None = None) -> list[Flaw]:
    """The flaws of a burst's samples, and what its driver doubts.

    How loud an uncertain one is may be said; no fault is named from it, and nothing learned.
    """
    flaws = check_window(burst.samples, burst.unit, full_scale)
    if burst.quality is Quality.UNCERTAIN:
        told = "its driver is not sure of the samples: see the device"
        flaws.append(Flaw("uncertain", Quality.UNCERTAIN, ("impacts", "lines", "severity"), told))
    return flaws


def check_window(
    samples: npt.NDArray[np.floating], unit: str, full_scale: float | None = None
) -> list[Flaw]:
    """The flaws of one window, shape (n,). ``full_scale``: the sensor's range in its unit, if
    known."""
    if not len(samples) or not bool(np.isfinite(samples).all()):
        return [Flaw("numbers", Quality.BAD, ALL, "samples are missing or no numbers")]
    low, high = float(samples.min()), float(samples.max())
    if low == high:
        told = f"all {len(samples)} samples are {low:g}: the sensor is stuck or not connected"
        return [Flaw("stuck", Quality.BAD, ALL, told)]
    steps = np.abs(np.diff(samples))
    moving = steps[steps > 0]
    quantum = float(moving.min())
    found = [
        _clipped(samples, low, high, quantum, full_scale),
        _dropped(samples, steps, low, high, quantum),
        _unit(samples, unit),
    ]
    return [flaw for flaw in found if flaw is not None]


def check_spectrum(power: npt.NDArray[np.float64]) -> list[Flaw]:
    """Hints of aliasing in a window's line powers, shape (lines,), up to half the sampling rate."""
    lines = len(power)
    tail = float(power[-max(1, round(lines * TAIL_SHARE)) :].mean())
    middle = float(power[lines // 2 : max(lines // 2 + 1, round(lines * 0.8))].mean())
    if not tail > TAIL_RATIO * middle:
        return []
    told = (
        f"the spectrum rises {10 * math.log10(tail / max(middle, 1e-300)):.0f} dB towards half the"
        " sampling rate: what lies above may be folded down; sample faster or filter"
    )
    return [Flaw("aliased", Quality.UNCERTAIN, ("lines",), told)]


def check_clock(
    before_ns: int, now_ns: int, samples: int, rate_hz: float, gapless: bool
) -> list[Flaw]:
    """Whether the time between two bursts of one sensor can hold the newer one's samples.

    Times are those of the last sample of each. ``gapless``: bursts follow without pause, so that
    neither may there be more time than samples.
    """
    elapsed_s = (now_ns - before_ns) / 1e9
    needed_s = samples / rate_hz
    if elapsed_s <= 0:
        told = f"the clock went back by {-elapsed_s:.3f} s between two bursts"
    elif elapsed_s < needed_s * (1 - CLOCK_SLACK):
        early_s = needed_s - elapsed_s
        told = f"{samples} samples came {early_s:.3f} s too early: clock or rate is wrong"
    elif gapless and elapsed_s > needed_s * (1 + CLOCK_SLACK):
        lost = round((elapsed_s - needed_s) * rate_hz)
        told = f"about {lost} samples are missing between two bursts, or the clock jumped"
    else:
        return []
    return [Flaw("clock", Quality.UNCERTAIN, ("impacts", "lines"), told)]


def quality_of(flaws: Sequence[Flaw]) -> Quality:
    """The worst of them; GOOD without any."""
    return min((flaw.quality for flaw in flaws), default=Quality.GOOD)


def forbidden(flaws: Sequence[Flaw], conclusion: Conclusion) -> Finding | None:
    """The finding that stands in for a conclusion which a flaw forbids; None where none does."""
    reasons = [flaw.reason for flaw in flaws if conclusion in flaw.forbids]
    if not reasons:
        return None
    return Finding("blocked", "unknown", 0.0, "; ".join(reasons))


def _clipped(
    samples: npt.NDArray[np.floating],
    low: float,
    high: float,
    quantum: float,
    full_scale: float | None,
) -> Flaw | None:
    forbids: tuple[Conclusion, ...] = ("level", "impacts", "severity")
    if full_scale is not None:
        at_end = int(np.count_nonzero(np.abs(samples) >= 0.999 * full_scale))
        if at_end > 1:
            told = f"{at_end} samples reach the sensor's range of {full_scale:g}: use a wider one"
            return Flaw("clipped", Quality.UNCERTAIN, forbids, told)
    # Whole steps of the converter, so that both places hold equally many of its levels.
    step = quantum * max(1, math.ceil((high - low) * 1e-3 / quantum))
    edge = high - step + quantum / 2
    top = int(np.count_nonzero(samples > edge))
    below = int(np.count_nonzero(samples > edge - step)) - top
    edge = low + step - quantum / 2
    bottom = int(np.count_nonzero(samples < edge))
    above = int(np.count_nonzero(samples < edge + step)) - bottom
    for piled, beside, end in ((top, below, high), (bottom, above, low)):
        if piled >= PILE_MIN and piled > PILE_RATIO * (beside + 1):
            if _in_step(samples, piled):
                return None
            told = f"{piled} samples pile up at {end:.4g}: the input is clipped, use a wider range"
            return Flaw("clipped", Quality.UNCERTAIN, forbids, told)
    return None


def _in_step(samples: npt.NDArray[np.floating], piled: int) -> bool:
    """Whether a tone in step with the sampling made the pile: it meets the same places again.

    Then every value occurs often, or, nearly in step, the samples are as flat as a sine.
    """
    usual = float(np.median(np.unique(samples, return_counts=True)[1]))
    centred = samples - samples.mean(dtype=np.float64)
    squares = centred * centred
    kurtosis = float((squares * squares).mean()) / float(squares.mean()) ** 2
    flat = abs(kurtosis - SINE_KURTOSIS) < SINE_SLACK
    return piled <= 2 * usual or (flat and piled < SINE_PILE_MAX * len(samples))


def _dropped(
    samples: npt.NDArray[np.floating],
    steps: npt.NDArray[np.floating],
    low: float,
    high: float,
    quantum: float,
) -> Flaw | None:
    """The longest run of equal samples, if chance does not make it and it ends with a step."""
    changes = np.flatnonzero(steps)
    edges = np.concatenate(([-1], changes, [len(steps)]))
    runs = np.diff(edges)  # in samples
    at = int(runs.argmax())
    run = int(runs[at])
    if run <= RUN_MIN:
        return None
    value = float(samples[edges[at] + 1])
    step_after = float(steps[edges[at + 1]]) if edges[at + 1] < len(steps) else 0.0
    step_before = float(steps[edges[at]]) if edges[at] >= 0 else 0.0
    if value in (low, high) or max(step_after, step_before) <= 2.5 * quantum:
        return None  # a clipped input, or a slow signal that rests at its turning point
    equal = (len(steps) - len(changes) - (run - 1)) / max(1, len(steps) - run)
    likely = min(max(equal, 1e-3), 1 - 1e-9)
    if run <= math.log(len(samples) * RUN_ODDS) / -math.log(likely):
        return None
    told = f"{run} equal samples in a row at {value:.4g}: samples were dropped and filled in"
    return Flaw("dropped", Quality.UNCERTAIN, ("impacts", "lines"), told)


def _unit(samples: npt.NDArray[np.floating], unit: str) -> Flaw | None:
    told = unit_doubt(samples, unit)
    return Flaw("unit", Quality.UNCERTAIN, ("level", "severity"), told) if told else None
