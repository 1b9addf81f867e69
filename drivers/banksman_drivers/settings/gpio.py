"""The config of ordinary GPIO lines: buttons, lamps, sirens, counters, encoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from banksman_drivers.settings.base import (
    Claim,
    DeviceBase,
    Flaw,
    Label,
    OutputSettings,
    PointSettings,
    PollMs,
    SensorOffer,
    Settings,
    measured_in,
)

Line = Annotated[
    int, Field(ge=0, le=1023, description="line of the chip, from 0; on a Pi the GPIO number")
]
Pull = Annotated[
    Literal["up", "down", "none"], Field(description="the chip's own resistor; none: wire one")
]
# Suffixes make sensor names of it, which have at most 32 characters.
GroupIdent = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,21}$", description="lower-case letters, digits and _")
]

GUARD_REMEDY = "put it under [guard], whose outputs are held by lease, or drop run_permit"


class GpioPoint(PointSettings):
    """A contact: button, switch, light barrier. 1 while it is active."""

    unit: str = Field("flag", pattern="^flag$", description="always flag")
    line: Line
    active: Literal["high", "low"] = Field("high", description="the level that reads 1")
    pull: Pull = "down"
    debounce_ms: float = Field(
        5.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="after a change, which counts at once, further ones wait this long",
    )


class GpioCounter(PointSettings):
    """A pulse counter: flow meter, energy meter, pieces. value = pulses * scale + offset."""

    line: Line
    active: Literal["high", "low"] = Field("high", description="the level of a pulse")
    pull: Pull = "down"
    debounce_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="for a reed or relay contact; 0 for electronic ones",
    )
    scale: float = Field(1.0, description="units per pulse; not 0")
    offset: float = Field(0.0, description="the value at the start of the program")


class GpioEncoder(Settings):
    """An incremental encoder on a conveyor: position, speed, direction, missed edges."""

    name: GroupIdent
    label: Label = ""
    line_a: Line
    line_b: Line
    pull: Pull = "none"
    mm_per_count: float = Field(
        json_schema_extra=measured_in("mm"),
        description="belt travel per edge: circumference / (4 * cycles per turn); negative turns"
        " the direction round; not 0",
    )
    stale_ms: float = Field(
        1000.0, ge=1, le=3_600_000, json_schema_extra=measured_in("ms"), description="as of points"
    )

    def points(self) -> list[PointSettings]:
        """Its sensors."""
        label = self.label or self.name
        return [
            PointSettings(
                name=f"{self.name}_{name}",
                label=f"{label}, {name}",
                unit=unit,
                stale_ms=self.stale_ms,
            )
            for name, unit in (
                ("position", "mm"),
                ("speed", "mm/s"),
                ("direction", ""),
                ("missed", ""),
            )
        ]


class GpioStation(PointSettings):
    """A place down the belt: 1 while a part that the eye saw passes it."""

    unit: str = Field("flag", pattern="^flag$", description="always flag")
    encoder: str = Field(description="name of an encoder of this device")
    eye: str = Field(description="name of a point of this device: it becomes 1 at a part's front")
    distance_mm: float = Field(
        gt=0,
        le=1_000_000,
        json_schema_extra=measured_in("mm"),
        description="from the eye down the belt",
    )
    length_mm: float = Field(
        gt=0,
        le=100_000,
        json_schema_extra=measured_in("mm"),
        description="for so much of the belt's way it reads 1",
    )


class GpioOutput(OutputSettings):
    """A lamp, a siren, a valve. Safe at start, when the chip was lost, and at the end."""

    safe: StrictBool = Field(description="what it takes at a trip and at shutdown")
    line: Line
    active: Literal["high", "low"] = Field("high", description="the level of true")


class GpioSettings(DeviceBase):
    """Lines of one GPIO chip, through gpiozero. E-stops and run permits belong under [guard]."""

    driver: Literal["gpio"] = Field(description="which driver; pip install 'banksman[gpio]'")
    chip: str = Field(
        "/dev/gpiochip0",
        min_length=1,
        max_length=200,
        description="device or udev link, or the chip's label as banksman gpio list shows it",
    )
    poll_ms: PollMs = 100.0
    report_ms: float = Field(
        10.0,
        ge=1,
        le=1000,
        json_schema_extra=measured_in("ms"),
        description="counters and encoders are told at most this often; contacts at once",
    )
    back_off_max_ms: float = Field(
        5000.0,
        ge=50,
        le=600_000,
        json_schema_extra=measured_in("ms"),
        description="longest wait between attempts to open the chip",
    )
    counters: list[GpioCounter] = Field(
        default_factory=list, alias="counter", description="pulses that are counted"
    )
    encoders: list[GpioEncoder] = Field(default_factory=list, alias="encoder", description="belts")
    points: list[GpioPoint] = Field(default_factory=list, alias="point", description="contacts")
    stations: list[GpioStation] = Field(
        default_factory=list, alias="station", description="places down a belt"
    )
    outputs: list[GpioOutput] = Field(
        default_factory=list, alias="output", description="what is written"
    )

    def sensor_points(self) -> list[PointSettings]:
        """Every sensor as a point, in the driver's order."""
        belts = [point for encoder in self.encoders for point in encoder.points()]
        return [*self.counters, *belts, *self.points, *self.stations]

    def declared_points(self) -> Sequence[PointSettings]:
        """The contacts alone: what else is a sensor has tables of its own."""
        return self.points

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Every sensor."""
        return [SensorOffer(point.name, point.unit) for point in self.sensor_points()]

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """As configured."""
        return self.outputs

    def flaws(self) -> Iterator[Flaw]:
        """Two users of one line, parts that are not there, permits that would outlive us."""
        yield from self._line_flaws()
        yield from self._name_flaws()
        yield from self._station_flaws()
        for index, counter in enumerate(self.counters):
            if counter.scale == 0:
                message = "is 0, so every reading would be the offset"
                yield Flaw(("counter", index, "scale"), message, "not 0")
        for index, encoder in enumerate(self.encoders):
            if encoder.mm_per_count == 0:
                message = "is 0, so the belt would never move"
                yield Flaw(("encoder", index, "mm_per_count"), message, "not 0")
        for index, output in enumerate(self.outputs):
            if output.run_permit:
                yield Flaw(
                    ("output", index, "run_permit"),
                    f"{self.id}.{output.name} would outlive this box: nothing drops an ordinary"
                    " GPIO line when the daemon dies",
                    GUARD_REMEDY,
                )

    def claims(self) -> Iterator[Claim]:
        """Its lines."""
        for path, _, line in self._lines():
            yield Claim(path, self.chip, f"line {line}")

    def _line_flaws(self) -> Iterator[Flaw]:
        taken: dict[int, str] = {}
        for path, name, line in self._lines():
            other = taken.setdefault(line, name)
            if other != name:
                yield Flaw(path, f"line {line} is used by {other} as well", "one user each")

    def _lines(self) -> Iterator[tuple[tuple[str | int, ...], str, int]]:
        for index, counter in enumerate(self.counters):
            yield ("counter", index, "line"), f"counter {counter.name}", counter.line
        for index, encoder in enumerate(self.encoders):
            name = f"encoder {encoder.name}"
            yield ("encoder", index, "line_a"), f"{name} (A)", encoder.line_a
            yield ("encoder", index, "line_b"), f"{name} (B)", encoder.line_b
        for index, point in enumerate(self.points):
            yield ("point", index, "line"), f"point {point.name}", point.line
        for index, output in enumerate(self.outputs):
            yield ("output", index, "line"), f"output {output.name}", output.line

    def _name_flaws(self) -> Iterator[Flaw]:
        """Sensors of all tables share their names; doubles among contacts are told elsewhere."""
        taken = {point.name: "a point" for point in self.points}
        for key, names in (
            ("counter", [[counter.name] for counter in self.counters]),
            ("encoder", [[p.name for p in encoder.points()] for encoder in self.encoders]),
            ("station", [[station.name] for station in self.stations]),
        ):
            for index, group in enumerate(names):
                for name in group:
                    if name in taken:
                        message = f"sensor {name} is the name of {taken[name]} as well"
                        yield Flaw((key, index, "name"), message, "choose another")
                    taken[name] = f"a sensor of {key} {index + 1}"

    def _station_flaws(self) -> Iterator[Flaw]:
        encoders = sorted(encoder.name for encoder in self.encoders)
        eyes = sorted(point.name for point in self.points)
        for index, station in enumerate(self.stations):
            for option, name, there in (
                ("encoder", station.encoder, encoders),
                ("eye", station.eye, eyes),
            ):
                if name not in there:
                    remedy = f"one of: {', '.join(there)}" if there else "declare it first"
                    kind = "encoder" if option == "encoder" else "point"
                    message = f"this device has no {kind} {name!r}"
                    yield Flaw(("station", index, option), message, remedy)
