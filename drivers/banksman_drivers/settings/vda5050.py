"""The config of automated vehicles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from banksman_drivers.settings.base import (
    Claim,
    DeviceBase,
    Flaw,
    OutputOffer,
    Port,
    SensorOffer,
    measured_in,
)
from banksman_drivers.vda5050_points import VEHICLE_OUTPUTS, VEHICLE_POINTS

# One level of a topic: a wildcard or a slash in it would listen to other vehicles.
TopicLevel = Annotated[str, Field(pattern=r"^[^+#/$\s][^+#/]*$", max_length=64)]
TLS_FILES = ("ca_file", "cert_file", "key_file")


class Vda5050Settings(DeviceBase):
    """Automated vehicles that speak VDA 5050 (2.x) through an MQTT broker."""

    driver: Literal["vda5050"] = Field(description="which driver")
    FILES: ClassVar[tuple[str, ...]] = ("order_file", *TLS_FILES, "password_file")
    SECRETS: ClassVar[tuple[str, ...]] = ("key_file", "password_file")
    host: str = Field("127.0.0.1", min_length=1, description="the MQTT broker")
    port: Port = 1883
    tls: bool = Field(False, description="encrypt, and check the broker's certificate")
    ca_file: str | None = Field(None, description="who may sign for it; default: the system's CAs")
    cert_file: str | None = Field(None, description="our own certificate, with key_file")
    key_file: str | None = Field(None, description="its private key")
    username: str | None = Field(None, description="login at the broker")
    password_file: str | None = Field(None, description="secrets stand in files, never here")
    interface_name: TopicLevel = Field("uagv", description="first part of the VDA 5050 topics")
    manufacturer: TopicLevel = Field(description="as the vehicle names itself in its topics")
    serial_number: TopicLevel = Field(description="as the vehicle names itself in its topics")
    stale_ms: float = Field(
        3000.0,
        ge=100,
        le=600_000,
        json_schema_extra=measured_in("ms"),
        description="without a state message for this long, the vehicle is not known",
    )
    order_file: str | None = Field(None, description="JSON order whose base we extend")

    def flaws(self) -> Iterator[Flaw]:
        """Options that nothing would read, and a certificate without its key."""
        if not self.tls:
            for key in TLS_FILES:
                if getattr(self, key) is not None:
                    yield Flaw((key,), "nothing reads it without tls", "tls = true")
        if (self.cert_file is None) != (self.key_file is None):
            present = "cert_file" if self.key_file is None else "key_file"
            yield Flaw((present,), "needs its partner", "cert_file and key_file go together")
        if self.password_file is not None and self.username is None:
            yield Flaw(("password_file",), "nothing reads it without username", "add username")

    def link(self) -> str:
        """The broker."""
        return f"{self.host}:{self.port}"

    def claims(self) -> Iterator[Claim]:
        """A vehicle has one master: two would number its orders and actions against each other."""
        vehicle = f"{self.interface_name}/{self.manufacturer}/{self.serial_number}"
        yield Claim(("serial_number",), f"{self.host}:{self.port}", f"vehicle {vehicle}")

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Every vehicle has the same."""
        return [SensorOffer(point.name, point.unit) for point in VEHICLE_POINTS]

    def output_offers(self) -> Sequence[OutputOffer]:
        """Every vehicle has the same."""
        return [OutputOffer(output.name, output.kind) for output in VEHICLE_OUTPUTS]
