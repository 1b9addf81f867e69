"""The features that rules and models may name, and the unit each has.

A feature is ``device.point`` for the newest value, or ``device.point.feature``. The stream
step computes them; rules are checked against this table at load.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
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

# These measure a spread, not a value: of a temperature in degC they are told in K.
DIFFERENCES = frozenset({"std", "rms", "peak"})
DIFFERENCE_UNITS = {"degC": "K", "degF": "diffF"}

Kind = Literal["number", "flag"]


class Feature(msgspec.Struct, frozen=True):
    """One name a rule may use. ``flag`` features are 0 or 1.

    ``difference``: it tells a distance between values, so degC and K mean different things.
    """

    name: str
    unit: str
    kind: Kind = "number"
    difference: bool = False


class Catalogue:
    """Every feature that exists on this box, by name.

    ``undecided`` names devices or sensors whose own entry in the config is wrong: nothing is
    said about names under them, so that one slip is reported once.
    """

    def __init__(
        self, features: Iterable[Feature], undecided: Collection[str] = frozenset()
    ) -> None:
        self.features = {feature.name: feature for feature in features}
        self.undecided = frozenset(undecided)

    @classmethod
    def of_sensors(cls, sensors: Iterable[tuple[str, str]]) -> Catalogue:
        """Build it from (sensor id, unit) pairs; the unit "flag" marks a 0/1 sensor."""
        found: list[Feature] = []
        for sensor, unit in sensors:
            found.extend(features_of(sensor, unit))
        return cls(found)

    def is_undecided(self, name: str) -> bool:
        """Whether ``name`` lies under something whose entry could not be read."""
        parts = name.split(".")
        return any(".".join(parts[:end]) in self.undecided for end in range(len(parts) + 1))

    def nearest(self, name: str) -> str | None:
        """The known name most like ``name``, for the hint of an error message."""
        near = difflib.get_close_matches(name, self.features, n=1, cutoff=0.6)
        return near[0] if near else None


def features_of(sensor: str, unit: str, *, bursts: bool = True) -> list[Feature]:
    """The sensor itself and everything computed from it; ``bursts``: it delivers samples."""
    kind: Kind = "flag" if unit == "flag" else "number"
    own = "" if unit == "flag" else unit
    found = [Feature(sensor, own, kind)]
    derived = SCALAR_FEATURES | BURST_FEATURES if bursts else SCALAR_FEATURES
    for suffix, pattern in derived.items():
        difference = suffix in DIFFERENCES
        found.append(
            Feature(f"{sensor}.{suffix}", _unit_of(pattern, own, difference), "number", difference)
        )
    return found


def _unit_of(pattern: str, own: str, difference: bool) -> str:
    """The pattern with the sensor's own unit: ``u/s`` is ``mm/s`` of ``mm``, ``1/s`` of none."""
    if not pattern.startswith("u"):
        return pattern
    if len(pattern) > 1:
        return pattern.replace("u", own or "1", 1)
    return DIFFERENCE_UNITS.get(own, own) if difference else own
