"""How long will it do? From limits that its trends reach, and from machines of its kind. Pure.

Rules of this file
- Both ways are asked; what tells the soonest end is told, with its interval and its assumption.
- "Unknown" is an answer: it says what is missing, of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from banksman.maintenance.life import Remaining
from banksman.maintenance.trend import Forecast, duration


class Prognosis(msgspec.Struct, frozen=True):
    """Hours left, None: unknown; ``low`` to ``high`` hold 80 % of the cases; ``reason`` says why.

    ``assumption`` is what must be true for it, in words; "" where nothing is known.
    """

    hours: float | None
    low_hours: float
    high_hours: float
    reason: str
    assumption: str = ""


NOTHING = Prognosis(None, 0.0, math.inf, "no window was judged yet")


def prognosis(forecasts: Sequence[Forecast], life: Remaining | None) -> Prognosis:
    """The soonest of what is known. ``life``: of machines like it; None: it cannot be compared."""
    told = [_of_limit(each) for each in forecasts[:1]]
    if life is not None:
        told.append(_of_life(life))
    if not told:
        return Prognosis(None, 0.0, math.inf, "no limit is configured")
    known = [each for each in told if each.hours is not None]
    if known:
        return min(known, key=_end)
    return Prognosis(None, 0.0, math.inf, "; ".join(each.reason for each in told))


def _of_limit(forecast: Forecast) -> Prognosis:
    crossing = forecast.told
    assumption = "" if crossing.hours is None else "the trend goes on as it is"
    return Prognosis(
        crossing.hours, crossing.low_hours, crossing.high_hours, forecast.words, assumption
    )


def _of_life(life: Remaining) -> Prognosis:
    if life.hours is None:
        return Prognosis(None, 0.0, math.inf, life.assumption)
    words = (
        f"{duration(life.hours)} left (80 %: {duration(life.low_hours)} to"
        f" {duration(life.high_hours)}), if {life.assumption}"
    )
    return Prognosis(life.hours, life.low_hours, life.high_hours, words, life.assumption)


def _end(prognosis: Prognosis) -> float:
    return math.inf if prognosis.hours is None else prognosis.hours
