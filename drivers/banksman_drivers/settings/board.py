"""The config of the board itself as a device: temperature, supply, free memory and disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from banksman_drivers.settings.base import DeviceBase, Flaw, PointSettings, measured_in

BoardValue = Literal[
    "cpu_temperature", "undervoltage", "throttled", "memory_free", "disk_free", "file"
]

UNITS: Mapping[BoardValue, str] = {
    "cpu_temperature": "degC",
    "undervoltage": "flag",
    "throttled": "flag",
    "memory_free": "MiB",
    "disk_free": "MiB",
}
_LABELS: Mapping[BoardValue, str] = {
    "cpu_temperature": "CPU temperature",
    "undervoltage": "Supply under-voltage",
    "throttled": "CPU slowed down",
    "memory_free": "Free memory",
    "disk_free": "Free disk",
}
STALE_POLLS = 3

# No option that names a file of ours: neither is relative to the config's folder.
Absolute = Annotated[str, Field(pattern=r"^/")]


class BoardPoint(PointSettings):
    """A value of the board; ``file`` is any number that the kernel shows in a file."""

    value: BoardValue = Field(description="what is read; file: the number in path")
    path: str | None = Field(None, description="of file, under root: sys/class/hwmon/hwmon1/…")
    scale: float = Field(1.0, description="of file: value = number * scale; not 0")
    stale_ms: float = Field(
        15_000.0,
        ge=1,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="without a good reading for this long, rules take their safe action",
    )

    def complete(self) -> BoardPoint:
        """With the unit that its value has."""
        return self.model_copy(update={"unit": UNITS.get(self.value, self.unit)})

    def flaws(self, path: tuple[str | int, ...], poll_ms: float) -> Iterator[Flaw]:
        """Options that contradict each other; ``path`` is the point's own."""
        unit = UNITS.get(self.value, self.unit)
        if self.unit not in ("", unit):
            message = f"is {self.unit}, and {self.value} comes in {unit}"
            yield Flaw((*path, "unit"), message, "leave it out")
        if self.value == "file":
            if self.path is None:
                yield Flaw((*path, "path"), "is missing", "name the file whose number it is")
            if self.scale == 0 or not math.isfinite(self.scale):
                yield Flaw((*path, "scale"), f"is {self.scale:g}", "a number other than 0")
        else:
            for key in ("path", "scale"):
                if key in self.model_fields_set:
                    remedy = 'it belongs to value = "file"'
                    yield Flaw((*path, key), f"nothing reads it with {self.value}", remedy)
        if self.stale_ms <= poll_ms:
            message = f"is {self.stale_ms:g}, and a reading comes each {poll_ms:g} ms"
            yield Flaw((*path, "stale_ms"), message, "write more than poll_ms")


class BoardSettings(DeviceBase):
    """The board that this runs on. Without points it has the five usual ones."""

    driver: Literal["board"] = Field(description="which driver")
    poll_ms: float = Field(
        5000.0,
        ge=5,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="time between two looks; they take some milliseconds of a worker thread",
    )
    root: Absolute = Field("/", description="where proc and sys are; in a container: the host's")
    disk: Absolute = Field("/", description="disk_free is of the file system that this lies on")
    points: list[BoardPoint] = Field(
        default_factory=list, alias="point", description="what is read; none: the usual five"
    )

    def board_points(self) -> Sequence[BoardPoint]:
        """As configured, with their units; else the usual ones."""
        if self.points:
            return [point.complete() for point in self.points]
        stale_ms = min(3_600_000.0, max(1000.0, STALE_POLLS * self.poll_ms))
        return [
            BoardPoint(name=value, value=value, unit=unit, label=_LABELS[value], stale_ms=stale_ms)
            for value, unit in UNITS.items()
        ]

    def declared_points(self) -> Sequence[PointSettings]:
        """The same, for those who need no more than names and units."""
        return self.board_points()

    def flaws(self) -> Iterator[Flaw]:
        """What is wrong in the points."""
        for index, point in enumerate(self.points):
            yield from point.flaws(("point", index), self.poll_ms)
