"""The features that rules and models may name, and the unit each has.

A feature is ``device.point`` for the newest value, or ``device.point.feature``. The stream
step computes them; rules are checked against this table at load.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

# Computed for every sensor. "u" stands for the sensor's own unit, "" for no unit.
SCALAR_FEATURES: dict[str, str] = {
    "mean": "u",  # exponentially weighted, over the stream's window
    "std": "u",
    "low": "u",  # extremes of the window
    "high": "u",
    "rate": "u/s",  # slope between the newest readings, smoothed
    "score": "",  # anomaly score 0..1
    "age": "s",  # since the newest good reading
}
# Computed besides those for sensors that deliver bursts of samples.
BURST_FEATURES: dict[str, str] = {"rms": "u", "peak": "u", "crest": "", "kurtosis": ""}

Kind = Literal["number", "flag"]


class Feature(msgspec.Struct, frozen=True):
    """One name a rule may use. ``flag`` features are 0 or 1."""

    name: str
    unit: str
    kind: Kind = "number"


class Catalogue:
    """Every feature that exists on this box, by name."""

    def __init__(self, features: Iterable[Feature]) -> None:
        self.features = {feature.name: feature for feature in features}

    @classmethod
    def of_sensors(cls, sensors: Iterable[tuple[str, str]]) -> Catalogue:
        """Build it from (sensor id, unit) pairs; the unit "flag" marks a 0/1 sensor."""
        found: list[Feature] = []
        for sensor, unit in sensors:
            kind: Kind = "flag" if unit == "flag" else "number"
            own = "" if unit == "flag" else unit
            found.append(Feature(sensor, own, kind))
            for suffix, pattern in (SCALAR_FEATURES | BURST_FEATURES).items():
                derived = pattern.replace("u", own) if pattern.startswith("u") else pattern
                found.append(Feature(f"{sensor}.{suffix}", derived.strip("/"), "number"))
        return cls(found)
