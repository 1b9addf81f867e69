"""What the config of every device on a serial line shares: the port and how the line is set.

Values only. A device on a line of its own; Modbus RTU, which shares a bus, has its own file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from banksman_drivers.settings.base import Claim, DeviceBase, measured_in

Text = Annotated[str, Field(max_length=256)]
Baud = Annotated[
    int,
    Field(
        ge=50,
        le=4_000_000,
        json_schema_extra=measured_in("bit/s"),
        description="speed; the device's own setting must be the same",
    ),
]
SilenceMs = Annotated[
    float,
    Field(
        ge=0,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="without a readable message for this long it is lost; 0: it may be silent",
    ),
]


class SerialBase(DeviceBase):
    """The port of a device and its line."""

    port: str = Field(
        min_length=1,
        max_length=256,
        description="best by its udev name: /dev/serial/by-id/…, or by-path/… where two"
        " adapters are alike",
    )
    baud: Baud = 9600
    data_bits: Literal[7, 8] = Field(8, description="of each character")
    parity: Literal["none", "even", "odd"] = Field("none", description="as the device has it")
    stop_bits: Literal[1, 2] = Field(1, description="as the device has it")
    flow: Literal["none", "rts_cts", "xon_xoff"] = Field("none", description="flow control")
    pause_ms: float = Field(
        200.0,
        ge=1,
        le=60_000,
        json_schema_extra=measured_in("ms"),
        description="silence after which half a message is given up",
    )
    timeout_ms: float = Field(
        3000.0,
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
        description="longest wait between attempts to open the port again",
    )
    silence_ms: SilenceMs = 0.0

    def claims(self) -> Iterator[Claim]:
        """Its port: nobody can tell whose bytes came."""
        yield Claim(("port",), self.port)
