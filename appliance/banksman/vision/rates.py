"""How often it is wrong, as far as people have looked, with the interval of so few. Pure.

    false stops    of the critical parts that a person has looked at: how many were good
    false doubts   of the doubtful ones: how many were good
    escapes        of the passes that were drawn by chance and looked at: how many were defects

Rules of this file
- Escapes are of all passes, since chance drew them (`passes`). What people see of the others is
  what the box was unsure of: that share is told by itself, and is higher than over all passes.
- A rate is of one bundle. A share of few is known badly, which its interval says.
- What people saw has Wilson's interval (JASA 22, 1927): its mean coverage is close to the stated
  one, also near 0 (Brown, Cai and DasGupta, Statistical Science 16, 2001). What a threshold
  promises has the exact one, which never promises too much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from banksman.vision.answers import AnswerCounts
from banksman.vision.exhibit import Exhibit

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054  # of 97.5 %: both tails
_STEPS = 60


class Share(msgspec.Struct, frozen=True):
    """``count`` of ``of``; the true share lies between ``low`` and ``high`` (95 %)."""

    count: int
    of: int
    low: float
    high: float


class Rates(msgspec.Struct, frozen=True):
    """One station's, of the bundle in use. ``of`` of each: how many people have looked at."""

    station: str
    bundle: str
    false_stops: Share
    false_doubts: Share
    escapes: Share
    unsure_escapes: Share  # of the passes that waited for a person, as the box was unsure


def rates_of(
    station: str, bundle: str, exhibits: Iterable[Exhibit], gone: AnswerCounts | None = None
) -> Rates:
    """From the pictures that are there, and from ``gone``, those that gave way (kept unchanged)."""
    counts = msgspec.structs.replace(gone) if gone is not None else AnswerCounts()
    for exhibit in exhibits:
        if exhibit.bundle == bundle:
            counts.add(exhibit)
    return Rates(
        station,
        bundle,
        false_stops=estimate(counts.stops_wrong, counts.stops),
        false_doubts=estimate(counts.doubts_wrong, counts.doubts),
        escapes=estimate(counts.drawn_wrong, counts.drawn),
        unsure_escapes=estimate(counts.unsure_wrong, counts.unsure),
    )


def estimate(count: int, of: int) -> Share:
    """With Wilson's score interval. Raises ValueError."""
    _check(count, of)
    if not of:
        return Share(0, 0, 0.0, 1.0)
    z2 = NORMAL_QUANTILE**2
    found = count / of
    middle = (found + z2 / (2 * of)) / (1 + z2 / of)
    reach = NORMAL_QUANTILE * math.sqrt(found * (1 - found) / of + z2 / (4 * of * of))
    reach /= 1 + z2 / of
    low = 0.0 if count == 0 else max(0.0, middle - reach)
    high = 1.0 if count == of else min(1.0, middle + reach)
    return Share(count, of, low, high)


def share(count: int, of: int) -> Share:
    """With its exact interval (Clopper and Pearson, Biometrika 26, 1934). Raises ValueError."""
    _check(count, of)
    tail = (1.0 - CONFIDENCE) / 2.0
    low = 0.0 if count == 0 else _solve(lambda p: 1.0 - _at_most(count - 1, of, p), tail)
    high = 1.0 if count == of else 1.0 - _solve(lambda p: _at_most(count, of, 1.0 - p), tail)
    return Share(count, of, low, high)


def _check(count: int, of: int) -> None:
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")


def _solve(rising: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2.0


def _at_most(count: int, of: int, p: float) -> float:
    """P(X <= count) of a binomial variable."""
    if p <= 0.0:
        return 1.0
    if p >= 1.0:
        return 1.0 if count >= of else 0.0
    log_p, log_q = math.log(p), math.log1p(-p)
    terms = (
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * log_p + (of - k) * log_q
        for k in range(count + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(math.exp(each) for each in terms))
