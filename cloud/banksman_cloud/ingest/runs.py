"""Runs of ids: what of a run is new, beside those that are known. Pure.

known      [3..5]        [9..9]
run     [1 ................... 10]
gaps    [1..2]    [6..8]      [10..10]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Run(NamedTuple):
    """The ids ``first`` to ``last``, both of them within."""

    first: int
    last: int


def gaps(run: Run, known: Iterable[Run]) -> list[Run]:
    """The stretches of ``run`` that no known one covers; ``known`` is sorted and disjoint."""
    found: list[Run] = []
    at = run.first
    for other in known:
        if other.last < at:
            continue
        if other.first > run.last:
            break
        if other.first > at:
            found.append(Run(at, other.first - 1))
        at = other.last + 1
    if at <= run.last:
        found.append(Run(at, run.last))
    return found
