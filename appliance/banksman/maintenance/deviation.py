"""Is it leaving its normal? A robust score of windows against the baseline, in sigmas.

Rules of this file
- Pure. One window is the median of the readings of some seconds or minutes, of one sensor in one
  machine state; a window of another state is another row.
- What counts is what lasts: `HITS` of the newest `OF` windows must be out on the same side, so a
  spike and a single odd window raise nothing.
- The score is in sigmas of the baseline. Where a healthy machine itself wanders further than its
  sigma says (slow, heavy-tailed or seasonal streams), its greatest healthy excursion counts as one
  sigma: twice it is a warning. 5 000 healthy streams must not ring all day, and a warning rings.
- Over 2.5: alarm, act now. Over 2: warning. Back below 1.5 before either is over (hysteresis).
- Nothing is learned from windows that are warned of or alarmed, nor from the ones just before.
- What is judged by a provisional baseline has wider limits (NIST handbook 7.2.6.3: so much wider
  must limits be that hold 95 % for sure, when they are known from 30 windows).
- No baseline, no verdict: UNKNOWN, also where nothing ever moved and no floor was given.
- A row may have a ceiling to either side: what is worth a look only is never called an alarm.

    sigmas  3 |        .--.                 HITS of OF windows above
          2.5 |-------/----\\---------  alarm
            2 |------/------\\--------  warning
          1.5 |-----/--------\\-------  over
              |.--./          `-----
"""

from __future__ import annotations

from enum import IntEnum

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.baseline import Band, BaselineBank
from banksman.maintenance.keeping import Packed, packed, unpacked
from banksman.maintenance.rarity import Floats

HITS = 5
OF = 6
ALARM_SIGMAS = 2.5
WARNING_SIGMAS = 2.0
OVER_SIGMAS = 1.5
PROVISIONAL_WIDER = 1.3
# Rows are worked through so many at a time, so that other threads get the interpreter in between.
CHUNK = 512


class Verdict(IntEnum):
    """What a row's newest windows say."""

    UNKNOWN = 0
    NORMAL = 1
    WARNING = 2
    ALARM = 3


class Standing(msgspec.Struct, frozen=True):
    """What the store keeps of the verdicts: the newest windows (rows, OF), sigmas and verdicts."""

    newest: Packed
    sigmas: Packed
    verdict: Packed


class DeviationBank:
    """Windows of many (sensor, state) pairs against their baselines."""

    def __init__(
        self, baselines: BaselineBank, floors: Floats, hits: int = HITS, of: int = OF
    ) -> None:
        """``floors``: the least sigma of each row in its unit, shape (rows,); 0: as learned.

        A floor is what a deviation must be to matter at all: the sensor's resolution, or such
        that 2.5 of it are a change which the plant calls significant. Raises ValueError for
        ``hits`` that ``of`` windows cannot hold.
        """
        if not 1 <= hits <= of:
            raise ValueError(f"{hits} of {of} windows can never be out")
        self.baselines = baselines
        self.sigmas = np.full(len(baselines.keys), np.nan)  # signed, of the newest verdict
        self.verdict = np.full(len(baselines.keys), Verdict.UNKNOWN, dtype=np.int8)
        self.now = np.full(len(baselines.keys), np.nan)  # sigmas of the newest window alone
        # The most that a row above, and one below, its normal may be called.
        self.ceilings = np.full((2, len(baselines.keys)), Verdict.ALARM, dtype=np.int8)
        self.floors = floors
        self._hits, self._of = hits, of
        self._newest = np.full((len(baselines.keys), of), np.nan)

    def update(
        self, levels: Floats, *, learn: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.int8]:
        """Take one window of each row, NaN where it has none now; returns the verdicts.

        Shapes (rows,). A row without a window keeps its verdict. ``learn`` False: nothing is
        learned of this row, because the machine is not well or its reading uncertain.
        """
        rows = np.flatnonzero(np.isfinite(levels))
        for first in range(0, len(rows), CHUNK):
            chunk = rows[first : first + CHUNK]
            self._take(chunk, levels[chunk], None if learn is None else learn[chunk])
        return self.verdict

    def renew(self, row: int) -> None:
        """The present is the new normal of this row (a person says so): learn it anew."""
        self.baselines.renew(row)
        self._newest[row] = np.nan
        self.sigmas[row] = self.now[row] = np.nan
        self.verdict[row] = Verdict.UNKNOWN

    def saved(self) -> Standing:
        """What stands now, for the store."""
        verdict = self.verdict.astype(np.float64)
        return Standing(packed(self._newest), packed(self.sigmas), packed(verdict))

    def restore(self, kept: Standing) -> bool:
        """Let what was warned of or alarmed stand on; False: it is not of these rows.

        Only that: to call a machine well takes new windows.
        """
        rows = len(self.baselines.keys)
        newest = unpacked(kept.newest, rows, self._of)
        sigmas, verdict = unpacked(kept.sigmas, rows), unpacked(kept.verdict, rows)
        if newest is None or sigmas is None or verdict is None:
            return False
        stood = np.isin(verdict, (Verdict.WARNING, Verdict.ALARM)) & np.isfinite(sigmas)
        stood &= self.baselines.known | self.baselines.provisional
        self._newest[stood], self.sigmas[stood] = newest[stood], sigmas[stood]
        self.verdict[stood] = verdict[stood].astype(np.int8)
        return True

    def limits(self, rows: npt.NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """(low, centre, high): what lasts beyond low or high is an alarm; NaN while not known."""
        band = self.baselines.band(rows)
        downward, upward = self._sigmas_of(rows, band)
        low, high = band.centre - ALARM_SIGMAS * downward, band.centre + ALARM_SIGMAS * upward
        return low, band.centre, high

    def _take(
        self, rows: npt.NDArray[np.intp], level: Floats, learn: npt.NDArray[np.bool_] | None
    ) -> None:
        newest = self._newest[rows]
        newest[:, 1:] = newest[:, :-1].copy()
        newest[:, 0] = level
        self._newest[rows] = newest
        young = np.isnan(newest).any(axis=1)
        ordered = np.sort(newest, axis=1)
        high = np.where(young, level, ordered[:, self._of - self._hits])
        low = np.where(young, level, ordered[:, self._hits - 1])
        band = self.baselines.band(rows)
        sigmas = self._score(rows, band, high, low)
        sigmas[young] = np.nan
        self.sigmas[rows] = sigmas
        judged = _judge(self.verdict[rows], np.abs(sigmas))
        self.verdict[rows] = np.minimum(judged, self.ceilings[(sigmas < 0.0).astype(int), rows])
        self.now[rows] = now = self._score(rows, band, level, level)
        healthy = self.verdict[rows] <= Verdict.NORMAL
        if learn is not None:
            healthy &= learn
        # A single window far out may be the first of a lasting deviation.
        centred = healthy & ~(np.abs(now) > ALARM_SIGMAS)
        self.baselines.learn(rows[centred], level[centred], high[centred], low[centred])

    def _score(self, rows: npt.NDArray[np.intp], band: Band, high: Floats, low: Floats) -> Floats:
        """Signed sigmas by which the lasting levels are out; NaN where normal is not known."""
        downward, upward = self._sigmas_of(rows, band)
        above, below = high - band.centre, band.centre - low
        blank = np.full_like(above, np.nan)
        up = np.divide(above, upward, out=blank.copy(), where=upward > 0.0)
        down = np.divide(below, downward, out=blank, where=downward > 0.0)
        return np.where(up >= down, np.maximum(up, 0.0), -np.maximum(down, 0.0))

    def _sigmas_of(self, rows: npt.NDArray[np.intp], band: Band) -> tuple[Floats, Floats]:
        """(downward, upward): what counts as one sigma to either side."""
        sigma = np.maximum(band.sigma, self.floors[rows])
        wider = np.where(self.baselines.provisional[rows], PROVISIONAL_WIDER, 1.0)
        upward = np.maximum(sigma, band.highest - band.centre) * wider
        downward = np.maximum(sigma, band.centre - band.lowest) * wider
        # What only ever went to one side is measured on the other by that one.
        return np.where(downward > 0.0, downward, upward), np.where(upward > 0.0, upward, downward)


def _judge(before: npt.NDArray[np.int8], size: Floats) -> npt.NDArray[np.int8]:
    # Comparisons with NaN are false: what is not known stays UNKNOWN.
    held = np.where(before >= Verdict.WARNING, before, Verdict.NORMAL)
    found = np.where(size >= OVER_SIGMAS, held, Verdict.NORMAL)
    found = np.where(size >= WARNING_SIGMAS, np.maximum(found, Verdict.WARNING), found)
    found = np.where(size >= ALARM_SIGMAS, Verdict.ALARM, found)
    return np.where(np.isnan(size), Verdict.UNKNOWN, found).astype(np.int8)
