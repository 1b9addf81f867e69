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
Port = Annotated[int, Field(ge=1, le=65535, description="TCP port")]
Label = Annotated[str, Field(max_length=80, description="what people see instead of the id")]


def measured_in(name: str) -> JsonDict:
    """Schema extra that tells an option's unit to ``banksman check`` and the reference page."""
    return {"unit": name}


class Settings(BaseModel):
    """An option that nothing reads is an error; settings never change after load."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PointSettings(Settings):
    """A value that a device delivers. ``unit = "flag"`` marks a 0/1 sensor."""

    name: Ident
    label: Label = ""
    unit: str = Field(
        "", max_length=16, description="as in rules: degC, mm/s, kg, flag; empty: none"
    )
    low: float | None = Field(None, description="below this the reading is uncertain")
    high: float | None = Field(None, description="above this the reading is uncertain")
    stale_ms: float = Field(
        1000.0,
        ge=1,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="without a good reading for this long, rules take their safe action",
    )


ModbusType = Literal[
    "bit", "uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64"
]


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


class OutputSettings(Settings):
    """An output: its safe state is declared, never assumed."""

    name: Ident
    label: Label = ""
    safe: bool | float | str = Field(description="what it takes at a trip and at shutdown")
    run_permit: bool = Field(False, description="energised to run; needs supervision")


class ModbusOutput(OutputSettings):
    """A coil or holding register that we write."""

    table: Literal["coil", "holding"] = Field(description="Modbus table")
    address: int = Field(ge=0, le=65535, description="protocol address, from 0")
    type: ModbusType = Field("bit", description="what the registers hold; a coil is a bit")
    word_order: WordOrder = "high_first"
    scale: float = Field(1.0, description="raw = (value - offset) / scale; not 0")
    offset: float = Field(0.0, description="in the output's unit")
    readback: bool = Field(False, description="read the register back: an echo is no effect")


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


PollMs = Annotated[
    float,
    Field(
        ge=1,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="time between two polls",
    ),
]


class ModbusTcpSettings(Settings):
    """A Modbus TCP server: PLC, remote I/O, transmitter."""

    driver: Literal["modbus_tcp"] = Field(description="which driver")
    id: Ident
    label: Label = ""
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


class ReplaySettings(Settings):
    """A recording played back at its true pace, or faster."""

    driver: Literal["replay"] = Field(description="which driver")
    id: Ident
    label: Label = ""
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


class Vda5050Settings(Settings):
    """Automated vehicles that speak VDA 5050 (2.x) through an MQTT broker."""

    driver: Literal["vda5050"] = Field(description="which driver")
    id: Ident
    label: Label = ""
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


class FakeSettings(Settings):
    """A device that ships for trials and tests: sensors that hold what they are told."""

    driver: Literal["fake"] = Field(description="which driver")
    id: Ident
    label: Label = ""
    poll_ms: PollMs = 100.0
    points: list[PointSettings] = Field(
        default_factory=list, alias="point", description="what is read"
    )
    outputs: list[OutputSettings] = Field(
        default_factory=list, alias="output", description="what is written"
    )


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
    label: Label = ""
    kind: Literal["estop", "reset"] = Field(
        description="estop: open latches the guard; reset: its release opens the latch"
    )
    source: str = Field(
        pattern=r"^(gpio:/[^:]+:\d+|fifo:/.+)$",
        description="gpio:/dev/gpiochip0:17, or fifo:/path for trials",
    )
    pair: str | None = Field(None, description="the other channel of a dual-channel device")
    discrepancy_ms: float = Field(
        500.0,
        ge=1,
        le=10_000,
        json_schema_extra=measured_in("ms"),
        description="how long the two channels may differ",
    )
    debounce_ms: float = Field(
        5.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="how long a closed input must stay so; opening counts at once",
    )


class GuardOutput(Settings):
    """A local output held by lease. ``safe`` is what it takes at a trip and without a lease."""

    name: Ident
    label: Label = ""
    target: str = Field(
        pattern=r"^(gpio:/[^:]+:\d+|fifo:/.+)$",
        description="gpio:/dev/gpiochip0:27, or fifo:/path for trials",
    )
    safe: bool = Field(False, description="the level at a trip and without a lease")
    run_permit: bool = Field(True, description="energised to run")
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

    lease_ms: float = Field(
        200.0,
        ge=10,
        le=5000,
        json_schema_extra=measured_in("ms"),
        description="outputs drop when the control loop is silent for this long",
    )
    priority: int = Field(50, ge=0, le=98, description="SCHED_FIFO; 0 leaves it off")
    inputs: list[GuardInput] = Field(
        default_factory=list, alias="input", description="circuits it watches"
    )
    outputs: list[GuardOutput] = Field(
        default_factory=list, alias="output", description="outputs it holds"
    )
