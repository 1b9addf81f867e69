"""How much likelier a spectrum is with a comb of lines in it than without. Pure.

Rules of this file
- A line's power over its noise floor is exponentially distributed with mean 1 where there is only
  noise, and with mean 1 + r where there is a line of unknown strength r. With 1/(1+r) uniform the
  strength drops out and one line weighs

      gain(p) = (e^p - 1 - p) / p^2        p = 0: 1/2    p = 1.79: 1    p = 7: 22    p = 12: 1130

- Lines of a comb may be missing, bands may hold nothing of it (how many is not known before), and
  the frequency slips: each is averaged over, so that looking in more places costs what it must (no
  threshold grows with the search).
- A part whose speed wanders within a window has broader lines: `broad_gain` looks at five
  neighbours of a spectrum padded twice, which hold two independent values.
- No single line counts for more than LINE_GAIN_MAX: one mains harmonic in the wrong place is no
  fault.
- What noise does not explain (gears, belts, a rattling guard) is no noise: the same comb is laid at
  stretched frequencies where no part of the bearing turns. A `lead` is over the best tenth of
  these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LINE_GAIN_MAX = 8.0  # e^8 = 3000 to 1
BROAD_LINES = 5
# Before looking, nobody knows in how many of the bands a fault is heard: in half of them, or in one
# resonance among a hundred. Each is as likely.
BAND_SHARES: Floats = np.array([1 / 2, 1 / 8, 1 / 32])
CONTROL_QUANTILE = 0.9
# Stretched by at least twice the slip that is allowed for, by no more than a quarter: the
# surroundings there are still alike. Steps of about 1 %.
CONTROLS: Floats = np.concatenate([np.linspace(0.80, 0.955, 14), np.linspace(1.045, 1.25, 16)])
# What is neither for nor against a line.
NEUTRAL = 1.7932821
LOG_MAX = 500.0


class Line(msgspec.Struct, frozen=True):
    """One line of a comb: its order, its name, how likely the fault shows it at all.

    ``pair``: sidebands at the same distance below and above a line share a number; 0 for none.
    """

    order: float
    label: str
    likely: float
    pair: int = 0


class Comb(msgspec.Struct, frozen=True):
    """The lines that one fault makes, and how far they may slip together (0.02 is 2 %).

    ``broad``: the speed behind them wanders within a window, so that they are a few lines wide.
    ``placed``: another comb gave their place away; the slip is only how well it is read there.
    """

    lines: tuple[Line, ...]
    slip: float
    broad: bool = False
    placed: bool = False


class Weighed(msgspec.Struct, frozen=True):
    """A comb against a spectrum. Logarithms are natural.

    ``evidence``: with the comb against noise; ``lead``: over the same comb where nothing turns.
    ``scale``: the best fitting slip, 1.003 is 0.3 % high; ``by_band``: (bands,), evidence at that
    slip.
    """

    evidence: float
    lead: float
    scale: float
    by_band: Floats


def line_gain(over_floor: Floats) -> Floats:
    """The logarithm of each line's gain, bounded. Same shape; a line of 0 gives ln(1/2)."""
    power = np.clip(over_floor, 1e-3, 60.0)
    gain: Floats = np.minimum(np.log((np.expm1(power) - power) / (power * power)), LINE_GAIN_MAX)
    return gain


def broad_gain(over_floor: Floats) -> Floats:
    """The same for the mean of BROAD_LINES neighbours, shape (bands, lines).

    That mean is Gamma distributed with shape 2 (measured: 2.1); the strength drops out as before:
    2 (e^z - 1 - z - z^2 / 2) / z^3 with z twice the mean.
    """
    half = BROAD_LINES // 2
    padded = np.pad(over_floor, ((0, 0), (half + 1, half)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    twice = np.clip(
        2.0 * (sums[:, BROAD_LINES:] - sums[:, :-BROAD_LINES]) / BROAD_LINES, 0.01, 60.0
    )
    ratio = 2.0 * (np.expm1(twice) - twice - twice * twice / 2.0) / twice**3
    gain: Floats = np.minimum(np.log(ratio), LINE_GAIN_MAX)
    return gain


def weigh(gain: Floats, step_hz: float, shaft_hz: float, comb: Comb, worth_bar: float) -> Weighed:
    """Weigh a comb. ``gain``: (bands, lines) of `line_gain`.

    The controls cost thirty times the rest: under an evidence of ``worth_bar`` they are left out,
    and the evidence stands for the lead, which it bounds.
    """
    if not comb.lines:
        return Weighed(0.0, 0.0, 1.0, np.zeros(len(gain)))
    scales = slip_grid(comb, step_hz, shaft_hz, gain.shape[1])
    gains = _likely_gains(gain, comb)
    pooled, by_band = _pooled(gains, step_hz, shaft_hz, comb, scales)
    evidence = _mean_exp(pooled)
    best = int(np.argmax(pooled))
    lead = evidence
    if evidence > worth_bar:
        others = [
            _mean_exp(_pooled(gains, step_hz, shaft_hz, comb, scales * control)[0])
            for control in CONTROLS
        ]
        lead = evidence - max(0.0, float(np.quantile(others, CONTROL_QUANTILE)))
    return Weighed(evidence, lead, float(scales[best]), by_band[:, best])


def slip_grid(comb: Comb, step_hz: float, shaft_hz: float, lines: int) -> Floats:
    """Scales from 1 - slip to 1 + slip, so dense that the highest line moves a bin at a time."""
    reach = max(line.order for line in comb.lines) * shaft_hz
    reach = min(reach, lines * step_hz)
    half = min(100, max(1, math.ceil(comb.slip * reach / step_hz)))
    grid: Floats = np.linspace(1.0 - comb.slip, 1.0 + comb.slip, 2 * half + 1)
    return grid


def places(
    orders: Sequence[float], step_hz: float, shaft_hz: float, lines: int
) -> npt.NDArray[np.int64]:
    """The bins of lines at these orders, -1 beyond the spectrum."""
    bins = np.rint(np.asarray(orders) * (shaft_hz / step_hz)).astype(np.int64)
    return np.where((bins > 0) & (bins < lines), bins, -1)


def _likely_gains(gain: Floats, comb: Comb) -> dict[float, Floats]:
    """For each likelihood of a line: ln(1 - likely + likely * gain), once for all places."""
    ratio = np.exp(gain)
    return {
        likely: np.log1p(likely * (ratio - 1.0)) for likely in {line.likely for line in comb.lines}
    }


def _pooled(
    gains: dict[float, Floats], step_hz: float, shaft_hz: float, comb: Comb, scales: Floats
) -> tuple[Floats, Floats]:
    """Evidence at each scale: over all bands (scales,) and in each (bands, scales)."""
    bands, lines = next(iter(gains.values())).shape
    total = np.zeros((bands, len(scales)))
    for line in comb.lines:
        bins = np.rint(line.order * scales * (shaft_hz / step_hz)).astype(np.int64)
        inside = bins < lines
        found = gains[line.likely][:, np.minimum(bins, lines - 1)]
        total += found if inside.all() else found * inside
    surplus = np.expm1(np.minimum(total, LOG_MAX))
    shared = np.stack([np.log1p(share * surplus).sum(axis=0) for share in BAND_SHARES])
    top: Floats = shared.max(axis=0)
    return top + np.log(np.exp(shared - top).mean(axis=0)), total


def _mean_exp(values: Floats) -> float:
    """The logarithm of the mean of e^values."""
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).mean()))
