"""What every driver's config shares: bounds, unit and default beside each option.

Rules of this folder
- Values only; nothing here opens or reads anything.
- One file for each kind of device, each with a class under `DeviceBase`; ``device.py`` joins them.
- What a device offers and what is wrong with its own table is told here, so that ``banksman check``
  knows every name, type and unit before anything is plugged in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

OutputKind = Literal["flag", "number", "text"]
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
        le=604_800_000,
        json_schema_extra=measured_in("ms"),
        description="without a good reading for this long, rules take their safe action",
    )


class OutputSettings(Settings):
    """An output: its safe state is declared, never assumed."""

    name: Ident
    label: Label = ""
    safe: bool | float | str = Field(description="what it takes at a trip and at shutdown")
    run_permit: bool = Field(False, description="energised to run; needs supervision")

    def kind(self) -> OutputKind:
        """What the output takes: here, whatever its safe state is of."""
        if isinstance(self.safe, bool):
            return "flag"
        return "text" if isinstance(self.safe, str) else "number"


PollMs = Annotated[
    float,
    Field(
        ge=1,
        le=3_600_000,
        json_schema_extra=measured_in("ms"),
        description="time between two polls",
    ),
]


class SensorOffer(msgspec.Struct, frozen=True):
    """A sensor that a device will have; ``bursts``: it gives blocks of samples."""

    name: str
    unit: str
    bursts: bool = False


class OutputOffer(msgspec.Struct, frozen=True):
    """An output that a device will have; ``supervised``: somebody drops it when we die."""

    name: str
    kind: OutputKind
    supervised: bool = False
    run_permit: bool = False


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong within a device's table; ``path`` starts there: ("point", 0, "scale")."""

    path: tuple[str | int, ...]
    message: str
    remedy: str = ""


class Claim(msgspec.Struct, frozen=True):
    """A thing of the box that nobody else may use: the port, line or camera at ``place``.

    ``shared``: devices of the same driver may have it together. ``path`` names the option.
    """

    path: tuple[str | int, ...]
    place: str
    part: str = ""
    shared: bool = False


class DeviceBase(Settings):
    """A ``[[device]]`` table, and what may be asked of it without opening anything.

    A driver with points or outputs of its own making overrides the offers; one whose options
    depend on each other overrides ``flaws``. ``FILES`` names the options that hold paths,
    ``SECRETS`` those among them that nobody else may read.
    """

    FILES: ClassVar[tuple[str, ...]] = ()
    SECRETS: ClassVar[tuple[str, ...]] = ()

    id: Ident
    label: Label = ""

    def declared_points(self) -> Sequence[PointSettings]:
        """The ``[[device.point]]`` tables."""
        return ()

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """The ``[[device.output]]`` tables."""
        return ()

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Every sensor, in the order in which the driver will name them."""
        return [SensorOffer(point.name, point.unit) for point in self.declared_points()]

    def output_offers(self) -> Sequence[OutputOffer]:
        """Every output, in the order in which the driver will name them."""
        return [
            OutputOffer(output.name, output.kind(), self.supervised(), output.run_permit)
            for output in self.declared_outputs()
        ]

    def supervised(self) -> bool:
        """Whether the outputs fall to their safe state when this box dies."""
        return False

    def rooted(self, root: Path) -> Mapping[str, str]:
        """The options that hold paths, with a relative path begun at ``root``."""
        named = ((option, getattr(self, option)) for option in self.FILES)
        return {option: str(root / path) for option, path in named if path is not None}

    def flaws(self) -> Iterator[Flaw]:
        """What bounds and types alone cannot find. Names, doubles and units are checked for all."""
        return iter(())

    def link(self) -> str:
        """The line or gateway that it may share with others, which are lost with it; or empty."""
        return ""

    def claims(self) -> Iterator[Claim]:
        """What of the box it has for itself. Only doubles among devices are looked for here."""
        return iter(())

    def flaws_beside(self, earlier: Sequence[DeviceBase]) -> Iterator[Flaw]:  # noqa: ARG002  who shares reads it
        """What is wrong beside the devices before it, with which it may share a line."""
        return iter(())
