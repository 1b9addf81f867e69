"""The config of devices that ship for trials and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.settings.base import (
    DeviceBase,
    OutputSettings,
    PointSettings,
    PollMs,
    SensorOffer,
)


class FakeSettings(DeviceBase):
    """A device that ships for trials and tests: sensors that hold what they are told."""

    driver: Literal["fake"] = Field(description="which driver")
    poll_ms: PollMs = 100.0
    points: list[PointSettings] = Field(
        default_factory=list, alias="point", description="what is read"
    )
    outputs: list[OutputSettings] = Field(
        default_factory=list, alias="output", description="what is written"
    )

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """As configured."""
        return self.outputs

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Any point may be told to give bursts."""
        return [SensorOffer(point.name, point.unit, bursts=True) for point in self.points]
