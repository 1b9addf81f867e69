"""The config of position receivers that speak NMEA 0183."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from banksman_drivers.serial_line.nmea import FIELDS
from banksman_drivers.settings.base import Flaw, PointSettings
from banksman_drivers.settings.serial_base import Baud, SerialBase, SilenceMs


class NmeaPoint(PointSettings):
    """One thing that the sentences tell."""

    field: Literal[
        "latitude", "longitude", "altitude", "speed", "course", "satellites", "hdop", "fix",
        "bad_frames",
    ] = Field(description="fix: 0 none, 1 alone, 2 differential, 4 and 5 RTK")  # fmt: skip

    def flaws(self, path: tuple[str | int, ...]) -> Iterator[Flaw]:
        """A unit that is not the receiver's; ``path`` is the point's own."""
        unit = FIELDS.get(self.field, "")
        if self.unit != unit:
            remedy = f'unit = "{unit}"' if unit else "leave the unit out"
            yield Flaw((*path, "unit"), f"is {self.unit!r}, and {self.field} is not", remedy)


class NmeaSettings(SerialBase):
    """A GPS or other position receiver: sentences GGA, RMC, VTG and GLL."""

    driver: Literal["nmea"] = Field(description="which driver")
    baud: Baud = 4800
    silence_ms: SilenceMs = 3000.0
    points: list[NmeaPoint] = Field(default_factory=list, alias="point", description="what is read")

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def flaws(self) -> Iterator[Flaw]:
        """Units."""
        for index, point in enumerate(self.points):
            yield from point.flaws(("point", index))
