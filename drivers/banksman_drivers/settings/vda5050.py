"""The config of automated vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from banksman_drivers.settings.base import DeviceBase, OutputOffer, Port, SensorOffer, measured_in
from banksman_drivers.vda5050_points import VEHICLE_OUTPUTS, VEHICLE_POINTS


class Vda5050Settings(DeviceBase):
    """Automated vehicles that speak VDA 5050 (2.x) through an MQTT broker."""

    driver: Literal["vda5050"] = Field(description="which driver")
    FILES: ClassVar[tuple[str, ...]] = ("order_file",)
    host: str = Field("127.0.0.1", description="the MQTT broker")
    port: Port = 1883
    interface_name: str = Field("uagv", description="first part of the VDA 5050 topics")
    manufacturer: str = Field(description="as the vehicle names itself in its topics")
    serial_number: str = Field(description="as the vehicle names itself in its topics")
    stale_ms: float = Field(
        3000.0,
        ge=100,
        le=600_000,
        json_schema_extra=measured_in("ms"),
        description="without a state message for this long, the vehicle is not known",
    )
    order_file: str | None = Field(None, description="JSON order whose base we extend")

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Every vehicle has the same."""
        return [SensorOffer(point.name, point.unit) for point in VEHICLE_POINTS]

    def output_offers(self) -> Sequence[OutputOffer]:
        """Every vehicle has the same."""
        return [OutputOffer(output.name, output.kind) for output in VEHICLE_OUTPUTS]
