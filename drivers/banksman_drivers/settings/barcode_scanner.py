"""The config of barcode scanners on a serial line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.serial_line.gs1_table import IDENTIFIERS, WITH_DECIMALS
from banksman_drivers.settings.base import Flaw, PointSettings
from banksman_drivers.settings.serial_base import SerialBase

# Told for as long as the port is there; all else belongs to the newest scan.
COUNTS = ("scanned", "no_reads", "bad_frames")


class ScannerPoint(PointSettings):
    """One thing that a scan tells.

    ``scanned``, ``no_reads`` and ``bad_frames`` count and are always fresh; the others are as old
    as the scan, so their ``stale_ms`` says for how long a code is believed.
    """

    field: Literal["scanned", "no_reads", "bad_frames", "valid", "gtin", "match", "element"] = (
        Field(
            description="scanned: counts codes, and its text is the newest; valid: 1 when the check"
            " digit and elements are right; gtin: item number; match: 1 when the text fits pattern;"
            " element: one GS1 element"
        )
    )
    pattern: str = Field(
        "", max_length=100, description="of match: * any text, ? one character, [ab] one of these"
    )
    ai: str = Field(
        "",
        pattern=r"^(\d{2,4})?$",
        description="of element, or of match: GS1 application identifier; 310 fits 3100 to 3105."
        " A number has its decimals, a date is the days from today, other text is 1",
    )

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """What cannot be told; ``path`` is the point's own."""
        if (self.field == "match") != bool(self.pattern):
            message = "match needs a pattern" if not self.pattern else "nothing reads it here"
            yield Flaw((*path, "pattern"), message, 'field = "match", pattern = "PALLET-*"')
        if self.ai and self.field not in ("element", "match"):
            yield Flaw((*path, "ai"), "nothing reads it here", 'field = "element" or "match"')
        if self.field == "element" and not self.ai:
            yield Flaw((*path, "ai"), "is missing", 'for a net weight in kg: ai = "310"')
        if not self.ai:
            return
        identifier = IDENTIFIERS.get(self.ai)
        if identifier is None and self.ai[:-1] in WITH_DECIMALS:
            remedy = f'the scan tells the decimals: ai = "{self.ai[:-1]}"'
            yield Flaw((*path, "ai"), f"{self.ai} names its decimals", remedy)
        elif identifier is None:
            yield Flaw((*path, "ai"), f"({self.ai}) is no GS1 application identifier")
        elif self.field == "element" and self.unit != identifier.unit:
            message = f"is {self.unit!r}, and ({self.ai}) {identifier.title} is not"
            remedy = f'unit = "{identifier.unit}"' if identifier.unit else "leave the unit out"
            yield Flaw((*path, "unit"), message, remedy)


class BarcodeScannerSettings(SerialBase):
    """A barcode scanner: hand-held, at a conveyor, or a keyboard wedge with a serial port."""

    driver: Literal["barcode_scanner"] = Field(description="which driver")
    frame: Literal["line", "stx_etx", "pause"] = Field(
        "line", description="what ends a code: CR or LF, ETX after STX, or silence of pause_ms"
    )
    assume: Literal["item", "gs1", "text"] = Field(
        "item",
        description="a code without AIM prefix is taken for: a retail item number where its"
        " length fits, GS1 elements, or plain text",
    )
    no_read: str = Field(
        "", max_length=40, description="what the scanner sends when it saw no code, such as NR"
    )
    points: list[ScannerPoint] = Field(
        default_factory=list, alias="point", description="what a scan tells"
    )

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def flaws(self) -> Iterator[Flaw]:
        """Points that could never tell anything."""
        for index, point in enumerate(self.points):
            yield from point.flaws(("point", index))
            if point.field == "no_reads" and not self.no_read:
                yield Flaw(("no_read",), "is empty, so none is ever counted", 'no_read = "NR"')
