"""The config of Modbus RTU: units that share a serial line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from banksman_drivers.settings.base import Claim, DeviceBase, Flaw, measured_in
from banksman_drivers.settings.modbus import ModbusBase


class ModbusRtuSettings(ModbusBase):
    """A Modbus RTU unit on a serial line. Devices with the same ``port`` share its bus."""

    driver: Literal["modbus_rtu"] = Field(description="which driver")
    port: str = Field(
        min_length=1,
        description="serial port, best by its udev name: /dev/serial/by-id/...; devices with the"
        " same port share the bus",
    )
    unit_id: int = Field(1, ge=1, le=247, description="Modbus unit (slave) id")
    baud: int = Field(
        19_200, ge=300, le=4_000_000, json_schema_extra=measured_in("bit/s"), description="speed"
    )
    parity: Literal["even", "odd", "none"] = Field("even", description="as all units have it")
    stop_bits: Literal[1, 2] = Field(1, description="the standard has 2 where parity is none")
    rs485: bool = Field(
        False, description="the kernel turns the line round (a UART with RTS as driver enable)"
    )
    echo: bool = Field(False, description="the adapter gives back what it sends")
    turnaround_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="more silence before a request than the standard's 3.5 characters",
    )
    timeout_ms: float = Field(
        300.0,
        ge=10,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="an answer later than this, beside the time on the wire, is none",
    )
    retries: int = Field(
        1, ge=0, le=3, description="how often a request is repeated before the unit is lost"
    )

    LINE: ClassVar[tuple[str, ...]] = (
        "baud",
        "parity",
        "stop_bits",
        "rs485",
        "echo",
        "turnaround_ms",
    )

    def flaws(self) -> Iterator[Flaw]:
        """As of any Modbus device, and outputs whose loss nobody would notice."""
        yield from super().flaws()
        if self.outputs and not self.points:
            message = f"nothing of {self.id} is read, so nobody would notice that it is gone"
            yield Flaw(("output",), message, "add a point, such as an output's own register")

    def link(self) -> str:
        """Its bus."""
        return self.port

    def claims(self) -> Iterator[Claim]:
        """Its port, which is a bus for units of its kind."""
        yield Claim(("port",), self.port, shared=True)

    def flaws_beside(self, earlier: Sequence[DeviceBase]) -> Iterator[Flaw]:
        """A bus has one speed, and each of its units a number of its own."""
        for other in earlier:
            if not isinstance(other, ModbusRtuSettings) or other.port != self.port:
                continue
            yield from self.line_flaws(other)
            if other.unit_id == self.unit_id:
                message = f"unit {self.unit_id} of {self.port} is {other.id} already"
                yield Flaw(("unit_id",), message, "each unit has a number of its own")

    def line_flaws(self, other: ModbusRtuSettings) -> Iterator[Flaw]:
        """Where this device and ``other`` do not see their common line alike."""
        for key in self.LINE:
            mine, theirs = getattr(self, key), getattr(other, key)
            if mine != theirs:
                message = f"is {mine}, and {other.id} on the same port has {theirs}"
                yield Flaw((key,), message, "one bus, one set of line parameters")
