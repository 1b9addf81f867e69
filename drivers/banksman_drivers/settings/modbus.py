"""The config of Modbus devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.settings.base import (
    DeviceBase,
    Flaw,
    Ident,
    OutputKind,
    OutputSettings,
    PointSettings,
    PollMs,
    Port,
    Settings,
    measured_in,
)
from banksman_drivers.settings.modbus_values import (
    ALL_BITS,
    INTEGERS,
    REGISTERS,
    Bit,
    Bits,
    ByteOrder,
    ModbusType,
    WordOrder,
    WriteWith,
    field_flaws,
    field_of,
)


class ModbusPoint(PointSettings):
    """A register, coil or input of a Modbus device. value = raw * scale + offset."""

    table: Literal["coil", "discrete", "holding", "input"] = Field(
        description="Modbus table: coils and discrete inputs are bits, the others registers"
    )
    address: int = Field(ge=0, le=65535, description="protocol address, from 0")
    type: ModbusType = Field("uint16", description="what the registers hold; bit: 0 or 1")
    word_order: WordOrder = "high_first"
    byte_order: ByteOrder = "high_first"
    bit: Bit = None
    bits: Bits = None
    scale: float = Field(1.0, description="value = raw * scale + offset; not 0")
    offset: float = Field(0.0, description="in the point's unit")

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be read; ``path`` is the point's own."""
        if self.scale == 0:
            yield Flaw((*path, "scale"), "is 0, so every reading would be the offset", "not 0")
        yield from field_flaws(path, self.table, self.type, self.bit, self.bits)
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
    byte_order: ByteOrder = "high_first"
    bit: Bit = None
    bits: Bits = None
    scale: float = Field(1.0, description="raw = (value - offset) / scale; not 0")
    offset: float = Field(0.0, description="in the output's unit")
    write_with: WriteWith = "auto"
    readback: bool = Field(False, description="read the register back: an echo is no effect")

    def kind(self) -> OutputKind:
        """A bit is on or off, all else a number."""
        if self.bits is not None:
            return "number"
        return "flag" if self.type == "bit" or self.bit is not None else "number"

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be written; ``path`` is the output's own."""
        if self.scale == 0:
            yield Flaw((*path, "scale"), "is 0, so no value could be written", "not 0")
            return
        if self.table == "coil" and self.type != "bit":
            yield Flaw((*path, "type"), f"a coil holds one bit, no {self.type}", 'type = "bit"')
        if self.address + REGISTERS.get(self.type, 1) > 65536:
            yield Flaw((*path, "address"), f"{self.type} at {self.address} ends over 65535")
        yield from field_flaws(path, self.table, self.type, self.bit, self.bits)
        yield from self.function_flaws((*path, "write_with"))
        yield from self._safe_flaws((*path, "safe"))

    def function_flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """The function must be able to write what the output is."""
        several = REGISTERS.get(self.type, 1) > 1
        if field_of(self.bit, self.bits) is not None:
            if several:
                yield Flaw((*path[:-1], "type"), "a mask write reaches one register", "uint16")
            if self.write_with != "auto":
                yield Flaw(path, "a bit field is written by mask (function 22) only", "drop it")
        elif self.write_with == "single" and several:
            yield Flaw(path, f"single writes one register, and {self.type} has more", "multiple")
        elif self.write_with == "read_write" and self.table == "coil":
            yield Flaw(path, "function 23 writes registers, no coils", "single or multiple")

    def _safe_flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """The safe state must be something that the register can hold."""
        safe: bool | float | str = self.safe
        if self.kind() == "flag":
            if not isinstance(safe, bool):
                yield Flaw(path, f"is {safe!r}, and a bit is on or off", "write true or false")
            return
        if isinstance(safe, bool) or not isinstance(safe, (int, float)):
            yield Flaw(path, f"is {safe!r}, and {self.type} is a number", "write a number")
            return
        field = field_of(self.bit, self.bits)
        limits = INTEGERS.get(self.type) if field is None else (0, 2 ** field[1] - 1)
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


class ModbusBase(DeviceBase):
    """What a Modbus device has on any wire."""

    unit_id: int = Field(1, ge=0, le=255, description="Modbus unit (slave) id")
    timeout_ms: float = Field(
        500.0,
        ge=10,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="an answer later than this is none",
    )
    poll_ms: PollMs = 100.0
    profile: str | None = Field(
        None,
        max_length=64,
        description="a known device, whose points are then declared (banksman modbus profiles)",
    )
    profile_points: list[Ident] | None = Field(
        None, description="only these points of the profile, in this order; none given: all"
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
        if self.profile_points is not None and self.profile is None:
            remedy = "name the profile, or drop it"
            yield Flaw(("profile_points",), "nothing reads it without profile", remedy)
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
        """No two writers of one coil, register or bit of it, our watchdog included."""
        taken: dict[tuple[str, int], list[tuple[str, int]]] = {}
        if self.watchdog is not None:
            own = ("the watchdog register", ALL_BITS)
            taken["holding", self.watchdog.address] = [own]
        for index, output in enumerate(self.outputs):
            field = field_of(output.bit, output.bits)
            mask = ALL_BITS if field is None else (1 << field[1]) - 1 << field[0]
            for address in range(output.address, output.address + REGISTERS.get(output.type, 1)):
                others = taken.setdefault((output.table, address), [])
                other = next((name for name, bits in others if bits & mask), None)
                others.append((output.name, mask))
                if other is not None:
                    message = f"{output.table} {address} is written by {other} as well"
                    yield Flaw(("output", index, "address"), message, "one writer each")
                    break


class ModbusTcpSettings(ModbusBase):
    """A Modbus TCP server: PLC, remote I/O, transmitter."""

    driver: Literal["modbus_tcp"] = Field(description="which driver")
    host: str = Field(min_length=1, description="name or address of the device")
    port: Port = 502

    def link(self) -> str:
        """A gateway answers for all of its units."""
        return f"{self.host}:{self.port}"
