"""The config of any other instrument on a serial line: where in its messages the values stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.settings.base import (
    Flaw,
    OutputKind,
    OutputSettings,
    PointSettings,
    PollMs,
    Settings,
)
from banksman_drivers.settings.serial_base import SerialBase, SilenceMs, Text

BINARY = {
    "uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "uint32": "I", "int32": "i",
    "float32": "f",
}  # fmt: skip


class SerialFrame(Settings):
    """How the instrument marks its messages."""

    by: Literal["line", "stx_etx", "length", "pause"] = Field(
        "line", description="CR or LF, STX and ETX, a number of bytes, or silence of pause_ms"
    )
    start: Text = Field("", description="of length: bytes that each message begins with")
    length: int = Field(0, ge=0, le=4096, description="of length: bytes of each message")
    length_at: int | None = Field(
        None, ge=0, le=255, description="of length: place of the byte that counts those after it"
    )
    checksum: Literal["none", "xor", "sum"] = Field(
        "none", description="last byte, over all before it; with stx_etx it follows ETX"
    )
    longest_bytes: int = Field(1024, ge=1, le=4096, description="a longer message is none")

    def flaws(self) -> Iterator[Flaw]:
        """Options of another framing."""
        by_length = self.by == "length"
        if by_length and bool(self.length) == (self.length_at is not None):
            yield Flaw(("frame", "length"), "length or length_at, one of the two", "length = 8")
        if not by_length and (self.start or self.length or self.length_at is not None):
            yield Flaw(("frame", "by"), f"{self.by} knows no start or length", 'by = "length"')


class SerialPoint(PointSettings):
    """A value in the message. value = raw * scale + offset."""

    field: Literal["value", "bad_frames"] = Field("value", description="or the count of bad ones")
    after: Text = Field("", description="text: the number stands behind this, as in T=")
    separator: str = Field("", max_length=8, description="text: what parts columns, such as ;")
    column: int = Field(0, ge=0, le=255, description="text: which column, from 0")
    type: Literal["text", "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"] = Field(
        "text", description="a number in digits, or in bytes"
    )
    at: int = Field(0, ge=0, le=4095, description="bytes: place in the message, from 0")
    byte_order: Literal["big", "little"] = Field("big", description="bytes: which comes first")
    scale: float = Field(1.0, description="value = raw * scale + offset; not 0")
    offset: float = Field(0.0, description="in the point's unit")

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be read; ``path`` is the point's own."""
        if self.scale == 0:
            yield Flaw((*path, "scale"), "is 0, so every reading would be the offset", "not 0")
        if self.column and not self.separator:
            yield Flaw((*path, "separator"), "is missing, so there is one column", 'such as ";"')


class SerialOutput(OutputSettings):
    """An output that two messages switch; the instrument answers each."""

    on: Text = Field(min_length=1, description="sent for true, its line end included")
    off: Text = Field(min_length=1, description="sent for false")
    answer: Text = Field(min_length=1, description="a message that begins so confirms it")
    refusal: Text = Field("", description="a message that begins so refuses it")

    def kind(self) -> OutputKind:
        """On or off."""
        return "flag"


class SerialTextSettings(SerialBase):
    """An instrument with messages of its own, in text or bytes; asked, or speaking unasked."""

    driver: Literal["serial"] = Field(description="which driver")
    frame: SerialFrame = Field(SerialFrame(), description="what marks a message")
    ask: Text = Field("", description="sent each poll_ms; empty: the instrument speaks unasked")
    poll_ms: PollMs = 1000.0
    silence_ms: SilenceMs = 3000.0
    points: list[SerialPoint] = Field(
        default_factory=list, alias="point", description="what is read"
    )
    outputs: list[SerialOutput] = Field(
        default_factory=list, alias="output", description="what is written"
    )

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """As configured."""
        return self.outputs

    def flaws(self) -> Iterator[Flaw]:
        """Framing, points, and outputs that nothing drops when this box dies."""
        yield from self.frame.flaws()
        for index, point in enumerate(self.points):
            yield from point.flaws(("point", index))
        for index, output in enumerate(self.outputs):
            if not isinstance(output.safe, bool):
                yield Flaw(("output", index, "safe"), "is on or off", "write true or false")
            if output.run_permit:
                message = f"{self.id}.{output.name} would outlive this box"
                yield Flaw(("output", index, "run_permit"), message, "drop run_permit")
