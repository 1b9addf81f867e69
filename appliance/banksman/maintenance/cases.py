"""One fault against one window: how its comb weighs, how deep it is, and what is shown of it. Pure.

Rules of this file
- It decides nothing; naming.py does.
- A comb whose best slip lies at the end of what is allowed has found some other line, and says so.
- Depth is the variance of the comb's own lines in squares of the mean envelope, in the band where
  it is deepest; noise alone has 1 in all lines together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance import combs
from banksman.maintenance.envelope import EnvelopeBands
from banksman.maintenance.evidence import (
    BROAD_LINES,
    Comb,
    Line,
    Weighed,
    broad_gain,
    line_gain,
    places,
    weigh,
)
from banksman.maintenance.findings import WORDS, Certainty, Fault, Finding, Peak

CLEAR = math.log(20)  # strong odds: between two names, or that a band holds a comb at all
SHOWN_PEAKS = 8
CHANCE_SHOWN = 1e-3
OWN_MIN = 2  # of a comb's own lines, that may be read
PAIR_ALIKE, PAIRS_MIN = 10.0, 2
EDGE = 0.99  # of the allowed slip

Floats = npt.NDArray[np.float64]


class EnvelopeShown(msgspec.Struct, frozen=True):
    """The band in which the evidence is strongest: what a page draws. ``over_floor``: (lines,)."""

    low_hz: float
    high_hz: float
    step_hz: float
    over_floor: Floats


class Diagnosis(msgspec.Struct, frozen=True):
    """A finding and the envelope spectrum it was read from; None where nothing could be read."""

    finding: Finding
    shown: EnvelopeShown | None = None


class Case(msgspec.Struct, frozen=True):
    """One fault, weighed. ``heard``: in how many of the bands; ``lines_seen``: of its main
    lines."""

    fault: Fault
    comb: Comb
    weighed: Weighed
    depth: float
    heard: float
    lines_seen: int

    @property
    def lead(self) -> float:
        """Over the same comb where nothing turns; none for a comb that slipped onto other lines."""
        at_end = abs(self.weighed.scale - 1.0) > EDGE * self.comb.slip
        slipped = at_end and not self.comb.placed
        return -math.inf if slipped else self.weighed.lead

    @property
    def order(self) -> float:
        """Where its first line was found."""
        return self.weighed.scale * self.comb.lines[0].order


class Taken(msgspec.Struct, frozen=True):
    """A race's comb that is explained already: its order, how many of its sidebands are its own.

    ``fall``: by what factor those beyond may lose power from one to the next (combs.explained); 0
    where they are not asked for.
    """

    order: float
    sides: int
    fall: float = 0.0


class Window:
    """The envelope spectra of one window and what each of its lines weighs."""

    def __init__(self, bands: EnvelopeBands, shaft_hz: float) -> None:
        self.bands = bands
        self.shaft_hz = shaft_hz
        self._gain = line_gain(bands.over_floor)
        # What noise puts into a line is no depth.
        noise = 1.0 / np.maximum(bands.over_floor, 1.0)
        self._depth = bands.depth * (1.0 - noise)

    def weigh(self, fault: Fault, comb: Comb, taken: Sequence[Taken] = ()) -> Case:
        """Weigh a fault's comb in what the shaft and the races ``taken`` leave unexplained.

        A shaft has lines of its own in any machine: they speak neither for nor against a bearing.
        """
        step_hz = self.bands.step_hz
        lines = self._gain.shape[1]
        own = [(race.order, tuple(range(-race.sides, race.sides + 1))) for race in taken]
        left = combs.unexplained(lines, step_hz, self.shaft_hz, own)
        falls = [(race.order, race.fall) for race in taken if race.fall]
        over, gain = self.bands.over_floor, self._gain
        if falls:
            over = over / combs.explained(over, step_hz, self.shaft_hz, falls)
            gain = line_gain(over)
        gain = broad_gain(np.where(left, over, 1.0)) if comb.broad else np.where(left, gain, 0.0)
        weighed = weigh(gain, step_hz, self.shaft_hz, comb, worth_bar=CLEAR)
        best = self.bands.over_floor[int(np.argmax(weighed.by_band))]
        own_lines = [line for line in comb.lines if line.likely == combs.MAIN]
        bins = self._readable(own_lines, weighed.scale, left)
        if len(bins) < OWN_MIN:  # the shaft's lie upon the others: sidebands stand for them
            alike = self._in_pairs(comb, weighed.scale, left, best)
            bins = self._readable(alike, weighed.scale, left)
        around = self._around(bins, comb)
        depth = self._depth[:, around].max(axis=2).sum(axis=1)
        seen = int(np.sum(best[around].max(axis=1) > -math.log(CHANCE_SHOWN)))
        heard = float(np.mean(weighed.by_band > CLEAR))
        return Case(fault, comb, weighed, float(depth.max()), heard, seen)

    def _readable(
        self, lines: Sequence[Line], scale: float, left: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Where those lines lie that may be read."""
        orders = [line.order * scale for line in lines]
        bins = places(orders, self.bands.step_hz, self.shaft_hz, self._gain.shape[1])
        readable: npt.NDArray[np.int64] = bins[(bins >= 0) & left[bins]]
        return readable

    def _in_pairs(
        self, comb: Comb, scale: float, left: npt.NDArray[np.bool_], spectrum: Floats
    ) -> list[Line]:
        """The sidebands that a modulation makes: below and above, neither ten times the other."""
        pairs: dict[int, list[tuple[Line, float]]] = {}
        for line in comb.lines:
            bins = self._readable([line], scale, left)
            if line.pair and len(bins):
                power = float(spectrum[self._around(bins, comb)].max())
                pairs.setdefault(line.pair, []).append((line, power))
        found = []
        for both in pairs.values():
            powers = [power for _, power in both]
            if len(both) == 2 and max(powers) < PAIR_ALIKE * min(powers):
                found += [line for line, _ in both]
        return found if len(found) >= 2 * PAIRS_MIN else []

    def _around(self, bins: npt.NDArray[np.int64], comb: Comb) -> npt.NDArray[np.int64]:
        """Where a line's highest point may lie, shape (bins, 1 or BROAD_LINES)."""
        half = BROAD_LINES // 2 if comb.broad else 0
        places_ = bins[:, None] + np.arange(-half, half + 1)
        inside: npt.NDArray[np.int64] = np.clip(places_, 0, self._gain.shape[1] - 1)
        return inside

    def found(self, case: Case, certainty: Certainty, lead: float, why: str = "") -> Diagnosis:
        """The case as a finding; ``unknown`` keeps its name to the reason, which ``why`` begins."""
        best = int(np.argmax(case.weighed.by_band))
        peaks = self._peaks(case, best)
        count = len(case.weighed.by_band)
        low_hz = float(self.bands.low_hz[best])
        reason = (
            f"{why}{', '.join(peak.label for peak in peaks[:4]) or 'many faint lines'}"
            f" in {round(case.heard * count)} of {count} bands, most at"
            f" {low_hz:.0f}-{low_hz + self.bands.width_hz:.0f} Hz,"
            f" slip {100 * (case.weighed.scale - 1):+.1f} %"
        )
        fault = case.fault
        if certainty == "unknown":
            fault = "bearing"
            reason = f"points to {WORDS[case.fault]}, not clearly enough for a name: {reason}"
        confidence = 1.0 / (1.0 + math.exp(-min(lead, 50.0)))
        weighed = case.weighed
        finding = Finding(
            fault, certainty, confidence, reason, weighed.evidence, weighed.lead, peaks
        )
        return Diagnosis(finding, self.shown(best))

    def shown(self, band: int) -> EnvelopeShown:
        """One band for people."""
        bands = self.bands
        low_hz = float(bands.low_hz[band])
        return EnvelopeShown(low_hz, low_hz + bands.width_hz, bands.step_hz, bands.over_floor[band])

    def _peaks(self, case: Case, band: int) -> tuple[Peak, ...]:
        """The comb's lines that noise alone would hardly show, strongest first."""
        spectrum = self.bands.over_floor[band]
        orders = [line.order * case.weighed.scale for line in case.comb.lines]
        bins = places(orders, self.bands.step_hz, self.shaft_hz, len(spectrum))
        peaks = []
        for line, order, at in zip(case.comb.lines, orders, bins.tolist(), strict=True):
            if at < 0:
                continue
            around = self._around(np.array([at]), case.comb)[0]
            top = int(around[spectrum[around].argmax()])
            over = float(spectrum[top])
            if over > -math.log(CHANCE_SHOWN):
                hz = order * self.shaft_hz if top == at else top * self.bands.step_hz
                chance = math.exp(-min(700.0, over))
                peaks.append(Peak(hz, hz / self.shaft_hz, line.label, over, chance))
        peaks.sort(key=lambda peak: peak.times_floor, reverse=True)
        return tuple(peaks[:SHOWN_PEAKS])
