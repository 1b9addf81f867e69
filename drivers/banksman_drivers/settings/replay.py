"""The config of recordings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from banksman_drivers.settings.base import DeviceBase, Flaw, PointSettings, SensorOffer, measured_in


class ReplaySettings(DeviceBase):
    """A recording played back at its true pace, or faster."""

    driver: Literal["replay"] = Field(description="which driver")
    FILES: ClassVar[tuple[str, ...]] = ("file",)
    file: str = Field(description="CSV (timestamp,value…) or npz with bursts")
    format: Literal["csv", "bursts"] = Field(
        "csv", description="csv: single readings; bursts: blocks of samples"
    )
    speed: float = Field(1.0, gt=0, le=1_000_000, description="1 is true pace")
    loop: bool = Field(False, description="begin again at the end")
    rate_hz: float = Field(
        25_600.0,
        gt=0,
        le=10_000_000,
        json_schema_extra=measured_in("Hz"),
        description="samples per second within a burst",
    )
    interval_s: float = Field(
        10.0,
        gt=0,
        le=86_400,
        json_schema_extra=measured_in("s"),
        description="recorded time between two bursts, or rows without a time",
    )
    array: str = Field("acc_milli_g", description="the npz array, shape (bursts, axes, samples)")
    scale: float = Field(1.0, description="value = recorded * scale; not 0")
    points: list[PointSettings] = Field(
        default_factory=list, alias="point", min_length=1, description="one for each column or axis"
    )

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """The format says whether they give bursts."""
        bursts = self.format == "bursts"
        return [SensorOffer(point.name, point.unit, bursts) for point in self.points]

    def flaws(self) -> Iterator[Flaw]:
        """Options of the other format, and a scale that loses every value."""
        if self.format == "csv":
            for key in ("rate_hz", "array"):
                if key in self.model_fields_set:
                    message = 'nothing reads it with format = "csv"'
                    yield Flaw((key,), message, 'it belongs to format = "bursts"')
        if not math.isfinite(self.scale) or self.scale == 0:
            yield Flaw(("scale",), f"is {self.scale:g}", "a number other than 0")
