"""How one machine stands: what is said of it after a window, and every row of it. Values, words.

Rules of this file
- Words say what, how far, from where to where, and since when, in UTC: they are read on the page,
  in an alarm, on MQTT and by a cloud in another country.
- Levels of vibration are logarithms; people are told "1.6 times".
"""

from __future__ import annotations

import math
import time

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.maintenance.deviation import Verdict
from banksman.maintenance.loading import State
from banksman.maintenance.prognosis import Prognosis
from banksman.maintenance.rarity import Floats
from banksman.maintenance.rows import Row
from banksman.maintenance.together import Changed
from banksman.maintenance.trend import Forecast


class Judgement(msgspec.Struct, frozen=True):
    """What is said of the machine after a window.

    ``sigmas`` and ``since_s`` (when it left its normal, seconds since 1970) are NaN while not
    known. ``warming``: so many windows more until it is judged. ``change``: what its slow sensors
    just did together, ``change_score`` how rare that is, 0..1; ``growth`` of its vibration for
    good, 0.5 being half as loud again. ``hours_run`` since new, with ``runs`` known lives like it.
    """

    state: State
    verdict: Verdict
    sigmas: float
    what: str  # the row that is furthest out, and in words how far
    since_s: float
    score: float
    scored: str
    warming: int
    prognosis: Prognosis
    change: Changed | None = None
    change_score: float = 0.0
    growth: float = 0.0
    hours_run: float = 0.0
    runs: int = 0


class RowsNow(msgspec.Struct, frozen=True):
    """Every row of one state as it stands: what a page draws. Arrays of shape (rows,).

    ``low`` to ``high``: the band beyond which it is an alarm; NaN while its normal is not known.
    ``version`` counts the normals of each row, ``hours`` (n,) since 1970 and ``levels`` (n, rows)
    are the newest windows, oldest first. Levels of vibration are logarithms.
    """

    state: State
    rows: tuple[Row, ...]
    verdict: npt.NDArray[np.int8]
    sigmas: Floats
    version: npt.NDArray[np.int64]
    low: Floats
    centre: Floats
    high: Floats
    hours: Floats
    levels: Floats
    forecasts: tuple[Forecast, ...]


def words_of(
    row: Row, state: str, sigmas: float, level: float, centre: float, since_s: float
) -> str:
    """How far a row is from its normal: "heat is +3.1 sigma when loaded: 63.2, normal 50.1, …"."""
    told = f"{row.name} is {sigmas:+.1f} sigma when {state}"
    if math.isfinite(level) and math.isfinite(centre):
        if row.kind in ("loud", "shape", "band"):
            told += f": {math.exp(min(level - centre, 50.0)):.3g} times its normal"
        elif row.kind == "beyond":
            told += f": {level:+.4g} beside what they let expect"
        else:
            told += f": {level:.4g}, normal {centre:.4g}"
    return told if math.isnan(since_s) else f"{told}, since {moment(since_s)}"


def change_words(changed: Changed) -> str:
    """What changed, by how much, since when."""
    by = changed.after - changed.before
    return (
        f"{changed.sensor} changed by {by:+.4g} when {changed.state}, from {changed.before:.4g}"
        f" to {changed.after:.4g}, since {moment(changed.since_s)}"
    )


def moment(wall_s: float) -> str:
    """A time for people; "?" for one that no clock of ours tells."""
    try:
        return time.strftime("%d %b %H:%M:%S UTC", time.gmtime(wall_s))
    except (OverflowError, ValueError, OSError):
        return "?"
