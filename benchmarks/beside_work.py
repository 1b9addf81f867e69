"""Runs in real time of a part that shares its process with other work, as in the daemon."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from benchmarks.context import Context
from benchmarks.pressure import REST_S, Pressure

T = TypeVar("T")
SWITCH_S = 0.0005  # as the daemon sets it


def runs_beside_work(context: Context, one: Callable[[], T]) -> tuple[list[T], Pressure, Pressure]:
    """``one`` for each round, with the machine's pressure at rest before and while it ran."""
    resting, loaded = Pressure(), Pressure()
    runs: list[T] = []
    ours_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        for _ in range(context.rounds):
            resting.rest(REST_S)
            with loaded:
                runs.append(one())
    finally:
        sys.setswitchinterval(ours_s)
    return runs, resting, loaded
