"""The config of chips on an I2C bus. Devices that name the same bus share its thread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from banksman_drivers.settings.base import (
    Claim,
    DeviceBase,
    Flaw,
    OutputSettings,
    PointSettings,
    PollMs,
    SensorOffer,
    measured_in,
)
from banksman_drivers.settings.i2c_chips import (
    CHIPS,
    FIFO_DEPTH,
    FULL_SCALES_V,
    RANGES_GN,
    ChipFacts,
    ChipName,
    Option,
)

Path = tuple[str | int, ...]

POLL_MS = 100.0

Channel = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{0,15}$",
        description="x y z, temperature pressure humidity, a0 to a3 and a0_a1 …, bus_voltage "
        "shunt_voltage current power, gpa0 to gpb7",
    ),
]
ActiveLow = Annotated[bool, Field(description="mcp23017: on is 0 V")]


class I2cPoint(PointSettings):
    """A channel of the chip. value = channel * scale + offset."""

    channel: Channel
    scale: float = Field(1.0, description="value = channel * scale + offset; not 0")
    offset: float = Field(0.0, description="in the point's unit")
    pull_up: bool = Field(False, description="mcp23017: the pin's own 100 kOhm to its supply")
    active_low: ActiveLow = False


class I2cOutput(OutputSettings):
    """A pin of an mcp23017 that we drive. It outlives us, so it never carries a run permit."""

    channel: Channel
    active_low: ActiveLow = False


class I2cSettings(DeviceBase):
    """A chip on an I2C bus: accelerometer, climate, voltage, current, temperature, pins."""

    driver: Literal["i2c"] = Field(description="which driver")
    bus: str = Field(
        "/dev/i2c-1",
        pattern=r"^/dev/\S+$",
        description="the bus; devices that name the same one share its thread",
    )
    chip: ChipName = Field(description="its identity is checked at the start")
    address: int = Field(ge=0x08, le=0x77, description="7 bits, as i2cdetect shows it")
    poll_ms: PollMs | None = Field(
        None, description="left out: 100 ms; accelerometers: whenever their FIFO is half full"
    )
    back_off_max_ms: float = Field(
        5000.0,
        ge=250,
        le=600_000,
        json_schema_extra=measured_in("ms"),
        description="longest wait between attempts to find the chip again",
    )
    rate_hz: float | None = Field(
        None,
        gt=0,
        json_schema_extra=measured_in("Hz"),
        description="samples per second; left out: adxl345 800, lis3dh 400, ads1115 128",
    )
    range_gn: int = Field(
        16,
        json_schema_extra=measured_in("gn"),
        description="accelerometers: largest acceleration, 2, 4, 8 or 16",
    )
    burst_samples: int = Field(
        256, ge=16, le=16_384, description="accelerometers: samples that are looked at together"
    )
    full_scale_v: float = Field(
        4.096,
        json_schema_extra=measured_in("V"),
        description="ads1115: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256",
    )
    shunt_ohm: float = Field(
        0.1,
        gt=0,
        le=1000,
        json_schema_extra=measured_in("Ohm"),
        description="ina219: its shunt resistor",
    )
    points: list[I2cPoint] = Field(default_factory=list, alias="point", description="what is read")
    outputs: list[I2cOutput] = Field(
        default_factory=list, alias="output", description="what is written"
    )

    @property
    def facts(self) -> ChipFacts:
        """What the chip can do."""
        return CHIPS[self.chip]

    @property
    def nominal_hz(self) -> float:
        """The sample rate that the chip is set to; 0 where it has none."""
        return self.facts.rate_hz if self.rate_hz is None else self.rate_hz

    @property
    def period_s(self) -> float:
        """The time between two polls."""
        if self.poll_ms is not None:
            return self.poll_ms / 1e3
        return FIFO_DEPTH / 2 / self.nominal_hz if self.facts.fifo else POLL_MS / 1e3

    def declared_points(self) -> Sequence[PointSettings]:
        """As configured."""
        return self.points

    def declared_outputs(self) -> Sequence[OutputSettings]:
        """As configured."""
        return self.outputs

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """Accelerometers give bursts."""
        return [SensorOffer(point.name, point.unit, self.facts.fifo) for point in self.points]

    def flaws(self) -> Iterator[Flaw]:
        """What this chip is not, has not, or cannot keep up with."""
        facts = self.facts
        if self.address not in facts.addresses:
            may = ", ".join(f"0x{address:02x}" for address in facts.addresses)
            message = f"is 0x{self.address:02x}, which no {self.chip} can have"
            yield Flaw(("address",), message, f"one of {may}")
        options: tuple[Option, ...] = (
            "rate_hz",
            "range_gn",
            "burst_samples",
            "full_scale_v",
            "shunt_ohm",
        )
        for option in options:
            if option in self.model_fields_set and option not in facts.options:
                yield Flaw((option,), f"nothing reads it with chip = {self.chip}", "leave it out")
        if self.rate_hz is not None and facts.rates_hz and self.rate_hz not in facts.rates_hz:
            may = ", ".join(f"{rate:g}" for rate in facts.rates_hz)
            yield Flaw(("rate_hz",), f"is {self.rate_hz:g}, which it cannot do", f"one of {may}")
        if self.range_gn not in RANGES_GN:
            yield Flaw(("range_gn",), f"is {self.range_gn}", "one of 2, 4, 8, 16")
        if self.full_scale_v not in FULL_SCALES_V:
            may = ", ".join(str(volts) for volts in FULL_SCALES_V)
            yield Flaw(("full_scale_v",), f"is {self.full_scale_v:g}", f"one of {may}")
        yield from self._pace_flaws()
        yield from self._channel_flaws()

    def link(self) -> str:
        """Its bus."""
        return self.bus

    def claims(self) -> Iterator[Claim]:
        """Two chips at one address of a bus would answer at once."""
        yield Claim(("address",), self.bus, f"address 0x{self.address:02x}")

    def _pace_flaws(self) -> Iterator[Flaw]:
        if self.facts.fifo:
            full_ms = FIFO_DEPTH / self.nominal_hz * 1e3
            if self.poll_ms is not None and self.poll_ms > 0.75 * full_ms:
                message = f"is {self.poll_ms:g} ms, and the FIFO is full after {full_ms:.1f} ms"
                yield Flaw(("poll_ms",), message, f"{0.75 * full_ms:.1f} at most, or leave it out")
            burst_ms = self.burst_samples / self.nominal_hz * 1e3
            for index, point in enumerate(self.points):
                if point.stale_ms < burst_ms:
                    message = f"is {point.stale_ms:g} ms, and a burst takes {burst_ms:.0f} ms"
                    remedy = "a longer stale_ms or fewer burst_samples"
                    yield Flaw(("point", index, "stale_ms"), message, remedy)
        elif self.chip == "ads1115" and self.points:
            channels = len({point.channel for point in self.points})
            needs_ms = channels * 1100 / self.nominal_hz
            if needs_ms > self.period_s * 1e3:
                message = f"{channels} channels need {needs_ms:.0f} ms at {self.nominal_hz:g} Hz"
                yield Flaw(("poll_ms",), message, "a longer poll_ms or a higher rate_hz")

    def _channel_flaws(self) -> Iterator[Flaw]:
        facts = self.facts
        has = ", ".join(facts.channels)
        for index, point in enumerate(self.points):
            path: Path = ("point", index)
            if point.channel not in facts.channels:
                message = f"a {self.chip} has no channel {point.channel}"
                yield Flaw((*path, "channel"), message, f"one of {has}")
                continue
            if point.scale == 0 or not math.isfinite(point.scale):
                yield Flaw((*path, "scale"), f"is {point.scale:g}", "a number other than 0")
            unit = facts.channels[point.channel]
            converts = not point.model_fields_set.isdisjoint(("scale", "offset"))
            if point.unit != unit and not converts:
                message = f'is "{point.unit}", and {point.channel} is in {unit}'
                yield Flaw((*path, "unit"), message, f'unit = "{unit}", or a scale that converts')
            if not facts.outputs:
                for key in ("pull_up", "active_low"):
                    if key in point.model_fields_set:
                        message = f"nothing reads it with chip = {self.chip}"
                        yield Flaw((*path, key), message, "leave it out")
        yield from self._output_flaws()

    def _output_flaws(self) -> Iterator[Flaw]:
        taken = {point.channel: point.name for point in self.points}
        for index, output in enumerate(self.outputs):
            path: Path = ("output", index)
            if not self.facts.outputs:
                yield Flaw(path, f"a {self.chip} drives nothing", "an mcp23017 does")
                continue
            if output.channel not in self.facts.channels:
                has = ", ".join(self.facts.channels)
                message = f"a {self.chip} has no channel {output.channel}"
                yield Flaw((*path, "channel"), message, f"one of {has}")
            other = taken.setdefault(output.channel, output.name)
            if other != output.name:
                message = f"{output.channel} is used by {other} as well"
                yield Flaw((*path, "channel"), message, "one use for each pin")
            if not isinstance(output.safe, bool):
                message = f"is {output.safe!r}, and a pin is on or off"
                yield Flaw((*path, "safe"), message, "write true or false")
            if output.run_permit:
                yield Flaw(
                    (*path, "run_permit"),
                    f"{self.id}.{output.name} would outlive this box: the chip watches nobody",
                    "a guard output, or drop run_permit",
                )
