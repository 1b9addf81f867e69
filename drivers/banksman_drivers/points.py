"""What every driver makes of its declared points: sensors for the port, and a value's quality.

Pure. A value that is no number is BAD; one out of the point's plausible range is UNCERTAIN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from banksman_drivers.ports import Quality, SensorInfo
from banksman_drivers.settings.base import PointSettings


def sensors_of(device: str, points: Iterable[PointSettings]) -> list[SensorInfo]:
    """The sensors of ``device``, in the order of the config."""
    return [
        SensorInfo(
            id=f"{device}.{point.name}",
            unit=point.unit,
            label=point.label,
            stale_ms=point.stale_ms,
            low=point.low,
            high=point.high,
        )
        for point in points
    ]


def judge(point: PointSettings, lowest: float, highest: float) -> Quality:
    """The quality of values that lie between ``lowest`` and ``highest``."""
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        return Quality.BAD
    low = -math.inf if point.low is None else point.low
    high = math.inf if point.high is None else point.high
    return Quality.GOOD if low <= lowest and highest <= high else Quality.UNCERTAIN
