"""The few statistics that the figures need. Pure; an empty sample gives None, never a guess."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float | None:
    """The middle one, or the mean of the middle two."""
    return statistics.median(values) if values else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least ``percent`` of the sample does not exceed (nearest rank)."""
    if not values:
        return None
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


def percentiles(runs: Sequence[Sequence[float]], percent: float) -> list[float]:
    """The percentile of each run that has any sample."""
    found = (percentile(run, percent) for run in runs)
    return [value for value in found if value is not None]


def spread(values: Sequence[float]) -> float | None:
    """How far the runs lie apart: (largest - smallest) / median; None for a median of 0."""
    middle = median(values)
    return (max(values) - min(values)) / abs(middle) if middle else None
