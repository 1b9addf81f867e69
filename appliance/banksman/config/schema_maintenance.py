"""``[[machine]]`` of appliance.toml: sensors that belong to one machine, and what is known of it.

A machine is reached as if it were a device of its ``id``: rules see ``pump.verdict`` and
``pump.fault``. It has no outputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from banksman_drivers.settings.base import Ident, Label, OutputOffer, SensorOffer, Settings
from banksman_drivers.settings.base import measured_in as measured

DAY_S = 86_400.0
LEARN_WINDOWS_LEAST = 240
LEARN_VIBRATION_S = 4 * 3600.0

# name, unit, label. Of every machine, in the order of a batch.
MACHINE_POINTS = (
    ("verdict", "", "verdict: 0 unknown, 1 normal, 2 warning, 3 alarm"),
    ("deviation", "", "sigmas from its normal, of the sensor furthest out"),
    ("score", "", "how rare the newest readings are, 0 to 1"),
    ("change", "", "how rare what its slow sensors just did together is, 0 to 1"),
    ("fault", "", "fault: 0 none, 1 odd, 2 suspected, 3 named"),
    ("fault_confidence", "", "how sure the fault's name is"),
    ("zone", "", "ISO 20816-3 zone: 0 unknown, 1 A, 2 B, 3 C, 4 D"),
    ("growth", "%", "by how much most of its vibration has grown for good"),
    ("remaining_known", "", "whether the hours left are known: 0 or 1"),
    ("remaining", "h", "hours left; bad: unknown"),
    ("remaining_soonest", "h", "one in ten ends before; bad: unknown"),
    ("remaining_latest", "h", "one in ten lasts longer; bad: unknown, or it may last for ever"),
)


class VibrationSettings(Settings):
    """A sensor that gives bursts: on which bearing it sits."""

    sensor: str = Field(description="a sensor with bursts, as press.x")
    bearing: str | None = Field(
        None,
        description="designation (6205), dimensions or orders; left out: no fault of it is named",
    )
    full_scale: float | None = Field(
        None, gt=0, le=1e9, description="the sensor's range, in its unit; tells a clipped input"
    )
    limit_rms: float | None = Field(
        None, gt=0, le=1e9,
        description="what its rms must not reach, in its unit; `remaining` says when it would",
    )  # fmt: skip


class SlowSettings(Settings):
    """A sensor with single readings: temperature, pressure, current, anything."""

    sensor: str = Field(description="a sensor, as plc.oven_temperature")
    floor: float = Field(
        0.0, ge=0, le=1e9, description="the least sigma that matters, in its unit; 0: as learned"
    )
    limit: float | None = Field(
        None, description="what it must not reach; `remaining` says when it would"
    )
    limit_low: float | None = Field(
        None, description="what it must not fall to; `remaining` says when it would"
    )


class TachoSettings(Settings):
    """Pulses of the shaft, sampled beside the vibration: faults are then read by angle."""

    sensor: str = Field(description="a sensor with bursts, of the device that samples vibration")
    pulses_per_turn: int = Field(1, ge=1, le=1000, description="marks on the shaft")


class LoadSettings(Settings):
    """What tells stopped, idle and loaded apart: each has a normal of its own."""

    sensor: str = Field(description="speed, current or power of the machine")
    idle_above: float | None = Field(
        None, description="under it the machine is stopped; left out: its states are learned"
    )
    loaded_above: float | None = Field(None, description="from here on it is loaded")


def _window_s(given: dict[str, Any]) -> float:
    """Slow sensors are judged by the minute; what only vibrates, twice as soon."""
    return 60.0 if given.get("slow") else 30.0


def _windows_to_learn(given: dict[str, Any]) -> int:
    """A day of windows where a sensor may follow the day, else a few hours of them.

    ``given``: what was read before it.
    """
    learn_s = DAY_S if given.get("slow") else LEARN_VIBRATION_S
    window_s: float = given.get("window_s", learn_s)
    return max(LEARN_WINDOWS_LEAST, math.ceil(learn_s / window_s))


class MachineSettings(Settings):
    """One machine with its sensors."""

    id: Ident
    label: Label = ""
    kind: Label = Field(
        "", description="machines of one kind share their known runs to failure; left out: its id"
    )
    vibration: list[VibrationSettings] = Field(
        default_factory=list, max_length=16, description="sensors with bursts"
    )
    slow: list[SlowSettings] = Field(
        default_factory=list, max_length=64, description="sensors with single readings"
    )
    load: LoadSettings | None = Field(None, description="left out: it is always loaded")
    speed_rpm: float | None = Field(
        None, gt=0, le=1_000_000, json_schema_extra=measured("1/min"), description="of the shaft"
    )
    speed_nominal: bool = Field(
        False, description="speed_rpm is from the plate: the true one is sought near it"
    )
    speed: str | None = Field(
        None, description="sensor with the shaft's speed in 1/min, in place of speed_rpm"
    )
    tacho: TachoSettings | None = Field(
        None, description="left out: lines are read at the speed that is given, told or estimated"
    )
    group: Literal[1, 2] | None = Field(
        None, description="of ISO 20816-3: 1 over 300 kW, 2 from 15 kW; left out: no zone is told"
    )
    foundation: Literal["rigid", "flexible"] | None = Field(None, description="of ISO 20816-3")
    window_s: float = Field(
        default_factory=_window_s, ge=0.1, le=3600, json_schema_extra=measured("s"),
        description="readings of so long make one window, which is judged as one; left out: 60, and"
        " without slow sensors 30",
    )  # fmt: skip
    learn_windows: int = Field(
        default_factory=_windows_to_learn, ge=20, le=1_000_000,
        description="windows of a state until its normal is known; left out: four hours of them"
        " (vibration is judged provisionally after one), and with slow sensors a day, because a day"
        " has a night; 240 at least",
    )  # fmt: skip
    settle_windows: int = Field(
        10, ge=0, le=10_000,
        description="windows of warm-up: nothing is judged or learned in so many after a start",
    )  # fmt: skip

    def sensor_offers(self) -> Sequence[SensorOffer]:
        """What rules may name."""
        return [SensorOffer(name, unit) for name, unit, _ in MACHINE_POINTS]

    def output_offers(self) -> Sequence[OutputOffer]:
        """None."""
        return []
