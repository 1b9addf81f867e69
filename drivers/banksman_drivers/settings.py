"""The config of each driver, as a datasheet: bounds, unit and default beside each option.

Values only. The union ``DeviceSettings`` is what an ``[[device]]`` table may be; the daemon's
assembly turns each into its driver.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Ident = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="lower-case letters, digits and _"),
]
Port = Annotated[int, Field(ge=1, le=65535)]


def measured_in(name: str) -> JsonDict:
    """Schema extra that tells an option's unit to ``banksman check`` and the reference page."""
    return {"unit": name}


class Settings(BaseModel):
    """An option that nothing reads is an error; settings never change after load."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PointSettings(Settings):
    """A value that a device delivers. ``unit = "flag"`` marks a 0/1 sensor."""

    name: Ident
    label: str = ""
    unit: str = Field(
        "", max_length=16, description="as in rules: degC, mm/s, kg, flag; empty: none"
    )
    low: float | None = Field(None, description="below this the reading is uncertain")
    high: float | None = Field(None, description="above this the reading is uncertain")
    stale_ms: float = Field(1000.0, ge=1, le=3_600_000, json_schema_extra=measured_in("ms"))


ModbusType = Literal[
    "bit", "uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64"
]


class ModbusPoint(PointSettings):
    """A register, coil or input of a Modbus device. value = raw * scale + offset."""

    table: Literal["coil", "discrete", "holding", "input"]
    address: int = Field(ge=0, le=65535, description="protocol address, from 0")
    type: ModbusType = "uint16"
    word_order: Literal["high_first", "low_first"] = "high_first"
    scale: float = 1.0
    offset: float = 0.0


class OutputSettings(Settings):
    """An output: its safe state is declared, never assumed."""

    name: Ident
    label: str = ""
    safe: bool | float | str
    run_permit: bool = Field(False, description="energised to run; needs supervision")


class ModbusOutput(OutputSettings):
    """A coil or holding register that we write."""

    table: Literal["coil", "holding"]
    address: int = Field(ge=0, le=65535, description="protocol address, from 0")
    type: ModbusType = "bit"
    word_order: Literal["high_first", "low_first"] = "high_first"
    scale: float = Field(1.0, description="raw = (value - offset) / scale; not 0")
    offset: float = 0.0
    readback: bool = Field(False, description="read the register back: an echo is no effect")


class ModbusWatchdog(Settings):
    """A register in the PLC that we count up; the PLC drops its outputs when it stands still."""

    address: int = Field(ge=0, le=65535)
    period_ms: float = Field(250.0, ge=10, le=10_000, json_schema_extra=measured_in("ms"))


class ModbusTcpSettings(Settings):
    """A Modbus TCP server: PLC, remote I/O, transmitter."""

    driver: Literal["modbus_tcp"]
    id: Ident
    label: str = ""
    host: str
    port: Port = 502
    unit_id: int = Field(1, ge=0, le=255)
    poll_ms: float = Field(100.0, ge=1, le=3_600_000, json_schema_extra=measured_in("ms"))
    timeout_ms: float = Field(500.0, ge=10, le=60_000, json_schema_extra=measured_in("ms"))
    back_off_max_ms: float = Field(5000.0, ge=50, le=600_000, json_schema_extra=measured_in("ms"))
    points: list[ModbusPoint] = Field(default_factory=list, alias="point")
    outputs: list[ModbusOutput] = Field(default_factory=list, alias="output")
    watchdog: ModbusWatchdog | None = None


class ReplaySettings(Settings):
    """A recording played back at its true pace, or faster."""

    driver: Literal["replay"]
    id: Ident
    label: str = ""
    file: str = Field(description="CSV (timestamp,value…) or npz with bursts")
    format: Literal["csv", "bursts"] = "csv"
    speed: float = Field(1.0, gt=0, le=1_000_000, description="1 is true pace")
    loop: bool = False
    rate_hz: float = Field(25_600.0, gt=0, le=10_000_000, json_schema_extra=measured_in("Hz"))
    interval_s: float = Field(10.0, gt=0, le=86_400, json_schema_extra=measured_in("s"))
    array: str = Field("acc_milli_g", description="the npz array, shape (bursts, axes, samples)")
    scale: float = 1.0
    points: list[PointSettings] = Field(default_factory=list, alias="point", min_length=1)


class Vda5050Settings(Settings):
    """Automated vehicles that speak VDA 5050 (2.x) through an MQTT broker."""

    driver: Literal["vda5050"]
    id: Ident
    label: str = ""
    host: str = "127.0.0.1"
    port: Port = 1883
    interface_name: str = "uagv"
    manufacturer: str
    serial_number: str
    stale_ms: float = Field(3000.0, ge=100, le=600_000, json_schema_extra=measured_in("ms"))
    order_file: str | None = Field(None, description="JSON order whose base we extend")


class FakeSettings(Settings):
    """A device that ships for trials and tests: sensors that hold what they are told."""

    driver: Literal["fake"]
    id: Ident
    label: str = ""
    poll_ms: float = Field(100.0, ge=1, le=3_600_000, json_schema_extra=measured_in("ms"))
    points: list[PointSettings] = Field(default_factory=list, alias="point")
    outputs: list[OutputSettings] = Field(default_factory=list, alias="output")


DeviceSettings = Annotated[
    ModbusTcpSettings | ReplaySettings | Vda5050Settings | FakeSettings,
    Field(discriminator="driver"),
]


class GuardInput(Settings):
    """A normally-closed circuit that the guard watches: 1 is closed (healthy), 0 is open.

    ``source``: ``gpio:/dev/gpiochip0:17`` or ``fifo:/path`` (bytes '0' and '1').
    ``pair``: the other channel of a dual-channel device, which must agree within
    ``discrepancy_ms``.
    """

    name: Ident
    label: str = ""
    kind: Literal["estop", "reset"]
    source: str = Field(pattern=r"^(gpio:/[^:]+:\d+|fifo:/.+)$")
    pair: str | None = None
    discrepancy_ms: float = Field(500.0, ge=1, le=10_000, json_schema_extra=measured_in("ms"))
    debounce_ms: float = Field(5.0, ge=0, le=1000, json_schema_extra=measured_in("ms"))


class GuardOutput(Settings):
    """A local output held by lease. ``safe`` is what it takes at a trip and without a lease."""

    name: Ident
    label: str = ""
    target: str = Field(pattern=r"^(gpio:/[^:]+:\d+|fifo:/.+)$")
    safe: bool = False
    run_permit: bool = True
    toggle_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="over 0: while held, the level toggles with this half-period for an external"
        " watchdog relay",
    )


class GuardSettings(Settings):
    """The native guard: e-stop edge to safe outputs, and outputs dropped with the lease."""

    lease_ms: float = Field(200.0, ge=10, le=5000, json_schema_extra=measured_in("ms"))
    priority: int = Field(50, ge=0, le=98, description="SCHED_FIFO; 0 leaves it off")
    inputs: list[GuardInput] = Field(default_factory=list, alias="input")
    outputs: list[GuardOutput] = Field(default_factory=list, alias="output")
