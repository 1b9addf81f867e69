"""The config of Modbus devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from banksman_drivers.settings.base import (
    DeviceBase,
    Flaw,
    OutputKind,
    OutputSettings,
    PointSettings,
    PollMs,
    Port,
    Settings,
    measured_in,
)

ModbusType = Literal[
    "bit", "uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64"
]


# How many registers a value takes; a type that is not here takes one.
REGISTERS = {"uint32": 2, "int32": 2, "float32": 2, "uint64": 4, "int64": 4, "float64": 4}
INTEGERS = {
    "uint16": (0, 2**16 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
}

WordOrder = Annotated[
    Literal["high_first", "low_first"], Field(description="of values over several registers")
]


class ModbusPoint(PointSettings):
    """A register, coil or input of a Modbus device. value = raw * scale + offset."""

    table: Literal["coil", "discrete", "holding", "input"] = Field(
        description="Modbus table: coils and discrete inputs are bits, the others registers"
    )
    address: int = Field(ge=0, le=65535, description="protocol address, from 0")
    type: ModbusType = Field("uint16", description="what the registers hold; bit: 0 or 1")
    word_order: WordOrder = "high_first"
    scale: float = Field(1.0, description="value = raw * scale + offset; not 0")
    offset: float = Field(0.0, description="in the point's unit")

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be read; ``path`` is the point's own."""
        if self.scale == 0:
            yield Flaw((*path, "scale"), "is 0, so every reading would be the offset", "not 0")
        # uint16 is what a point has that names no type.
        if self.table in ("coil", "discrete") and self.type not in ("bit", "uint16"):
            remedy = 'write type = "bit", or table = "holding" or "input"'
            yield Flaw((*path, "type"), f"a {self.table} holds one bit, no {self.type}", remedy)
        if self.address + REGISTERS.get(self.type, 1) > 65536:
            yield Flaw((*path, "address"), f"{self.type} at {self.address} ends over 65535")


class ModbusOutput(OutputSettings):
    """A coil or holding register that we write."""

    table: Literal["coil", "holding"] = Field(description="Modbus table")
    address: int = Field(ge=0, le=65535, description="protocol address, from 0")
    type: ModbusType = Field("bit", description="what the registers hold; a coil is a bit")
    word_order: WordOrder = "high_first"
    scale: float = Field(1.0, description="raw = (value - offset) / scale; not 0")
    offset: float = Field(0.0, description="in the output's unit")
    readback: bool = Field(False, description="read the register back: an echo is no effect")

    def kind(self) -> OutputKind:
        """A bit is on or off, all else a number."""
        return "flag" if self.type == "bit" else "number"

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be written; ``path`` is the output's own."""
        if self.scale == 0:
            yield Flaw((*path, "scale"), "is 0, so no value could be written", "not 0")
            return
        if self.table == "coil" and self.type != "bit":
            yield Flaw((*path, "type"), f"a coil holds one bit, no {self.type}", 'type = "bit"')
        if self.address + REGISTERS.get(self.type, 1) > 65536:
            yield Flaw((*path, "address"), f"{self.type} at {self.address} ends over 65535")
        yield from self._safe_flaws((*path, "safe"))

    def _safe_flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """The safe state must be something that the register can hold."""
        safe: bool | float | str = self.safe
        if self.type == "bit":
            if not isinstance(safe, bool):
                yield Flaw(path, f"is {safe!r}, and a bit is on or off", "write true or false")
            return
        if isinstance(safe, bool) or not isinstance(safe, (int, float)):
            yield Flaw(path, f"is {safe!r}, and {self.type} is a number", "write a number")
            return
        limits = INTEGERS.get(self.type)
        raw = (safe - self.offset) / self.scale
        if limits is not None and not limits[0] <= round(raw) <= limits[1]:
            low, high = (limit * self.scale + self.offset for limit in limits)
            remedy = f"{self.type} with this scale holds {min(low, high):g} to {max(low, high):g}"
            yield Flaw(path, f"is {safe:g}, outside what the register holds", remedy)


class ModbusWatchdog(Settings):
    """A register in the PLC that we count up; the PLC drops its outputs when it stands still."""

    address: int = Field(ge=0, le=65535, description="holding register, from 0")
    period_ms: float = Field(
        250.0,
        ge=10,
        le=10_000,
        json_schema_extra=measured_in("ms"),
        description="how often it is counted up; well under the PLC's own time-out",
    )


class ModbusTcpSettings(DeviceBase):
    """A Modbus TCP server: PLC, remote I/O, transmitter."""

    driver: Literal["modbus_tcp"] = Field(description="which driver")
    host: str = Field(description="name or address of the device")
    port: Port = 502
    unit_id: int = Field(1, ge=0, le=255, description="Modbus unit (slave) id")
    poll_ms: PollMs = 100.0
    timeout_ms: float = Field(
        500.0,
        ge=10,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="an answer later than this is none",
    )
    back_off_max_ms: float = Field(
        5000.0,
        ge=50,
        le=600_000,
        json_schema_extra=measured_in("ms"),
        description="longest wait between attempts to reconnect",
    )
    points: list[ModbusPoint] = Field(
        default_factory=list, alias="point", description="what is read"
    )
    outputs: list[ModbusOutput] = Field(
        default_factory=list, alias="output", description="what is written"
    )
    watchdog: ModbusWatchdog | None = Field(
        None, description="without it no output of this device may carry a run permit"
    )

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """As configured."""
        return self.outputs

    def supervised(self) -> bool:
        """By the PLC, if it watches a register of ours."""
        return self.watchdog is not None

    def flaws(self) -> Iterator[Flaw]:
        """Registers that cannot be, outputs that would outlive us, two writers of one place."""
        for index, point in enumerate(self.points):
            yield from point.flaws(("point", index))
        for index, output in enumerate(self.outputs):
            yield from output.flaws(("output", index))
            if output.run_permit and self.watchdog is None:
                yield Flaw(
                    ("output", index, "run_permit"),
                    f"{self.id}.{output.name} would outlive this box: nothing in the PLC"
                    " watches us",
                    f"add watchdog = {{ address = … }} to device {self.id}, or drop run_permit",
                )
        yield from self._overlaps()

    def _overlaps(self) -> Iterator[Flaw]:
        """No two writers of one coil or register, our watchdog included."""
        taken: dict[tuple[str, int], str] = {}
        if self.watchdog is not None:
            taken["holding", self.watchdog.address] = "the watchdog register"
        for index, output in enumerate(self.outputs):
            for address in range(output.address, output.address + REGISTERS.get(output.type, 1)):
                other = taken.setdefault((output.table, address), output.name)
                if other != output.name:
                    message = f"{output.table} {address} is written by {other} as well"
                    yield Flaw(("output", index, "address"), message, "one writer each")
                    break
