"""The config of scales on a serial line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.serial_line.weight import GRAMS
from banksman_drivers.settings.base import Flaw, OutputKind, OutputSettings, PointSettings, PollMs
from banksman_drivers.settings.serial_base import SerialBase, SilenceMs


class ScalePoint(PointSettings):
    """One thing that a scale tells. A weight in motion is uncertain, one out of range is bad."""

    field: Literal["weight", "tare", "stable", "net", "overload", "underload", "bad_frames"] = (
        Field(description="weight and tare in the point's unit, which is converted; flags 0 or 1")
    )

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be told; ``path`` is the point's own."""
        if self.field in ("weight", "tare") and self.unit not in GRAMS:
            yield Flaw((*path, "unit"), f"is {self.unit!r}, no unit of weight", 'unit = "kg"')


class ScaleOutput(OutputSettings):
    """What the scale is told to do: written true, it is done once; false does nothing."""

    action: Literal["tare", "zero"] = Field(description="MT-SICS T or Z; the scale confirms it")

    def kind(self) -> OutputKind:
        """Done or not."""
        return "flag"


class ScaleSettings(SerialBase):
    """A scale that speaks MT-SICS, or sends Toledo's continuous output."""

    driver: Literal["scale"] = Field(description="which driver")
    protocol: Literal["mt_sics", "toledo"] = Field(description="as the scale is set")
    command: Literal["SI", "S", "SIR"] = Field(
        "SI",
        description="MT-SICS: SI asks for the weight each poll_ms, S waits for a stable one,"
        " SIR asks once and the scale goes on sending",
    )
    poll_ms: PollMs = 200.0
    checksum: bool = Field(False, description="Toledo: a checksum follows each frame")
    silence_ms: SilenceMs = 3000.0
    points: list[ScalePoint] = Field(
        default_factory=list, alias="point", description="what is read"
    )
    outputs: list[ScaleOutput] = Field(
        default_factory=list, alias="output", description="what is written"
    )

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """As configured."""
        return self.outputs

    def flaws(self) -> Iterator[Flaw]:
        """Commands for a scale that takes none, and actions that a stop would cause."""
        for index, point in enumerate(self.points):
            yield from point.flaws(("point", index))
        for index, output in enumerate(self.outputs):
            if self.protocol == "toledo":
                message = "continuous output takes no commands that it confirms"
                yield Flaw(("output", index), message, 'protocol = "mt_sics"')
            if output.safe is not False:
                message = "at a trip the scale would be told to act"
                yield Flaw(("output", index, "safe"), message, "safe = false")
            if output.run_permit:
                yield Flaw(
                    ("output", index, "run_permit"), "a scale can carry none", "leave it out"
                )
