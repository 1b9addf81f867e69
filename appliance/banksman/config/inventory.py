"""What a config's devices and guard offer to rules, actions and trips, told without opening them.

Points and outputs of every driver are fixed by their settings, so names, types and units can be
checked before anything is plugged in.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from banksman.config.schema import Config
from banksman.deciding.features import Catalogue, Feature, features_of
from banksman_drivers.settings import (
    FakeSettings,
    GuardSettings,
    ModbusOutput,
    ModbusTcpSettings,
    OutputSettings,
    ReplaySettings,
    Vda5050Settings,
)
from banksman_drivers.vda5050_points import VEHICLE_OUTPUTS, VEHICLE_POINTS

# A guard is reached as if it were a device of this id.
GUARD_ID = "guard"
OutputKind = Literal["flag", "number", "text"]


class OutputEntry(msgspec.Struct, frozen=True):
    """An output that actions, trips and permissives may name, and what it takes."""

    id: str
    kind: OutputKind
    supervised: bool
    run_permit: bool


class Inventory(msgspec.Struct, frozen=True):
    """Sensors by id with their unit, outputs by id, and every feature a rule may name."""

    sensors: dict[str, str]
    outputs: dict[str, OutputEntry]
    catalogue: Catalogue


def take_inventory(config: Config, undecided: Collection[str] = frozenset()) -> Inventory:
    """``undecided``: names whose own entry is wrong, about which nothing more is to be said."""
    sensors: dict[str, str] = {}
    features: list[Feature] = []
    outputs: dict[str, OutputEntry] = {}
    for device in config.devices:
        for name, unit in _points(device):
            sensors[f"{device.id}.{name}"] = unit
            features += features_of(f"{device.id}.{name}", unit, bursts=_gives_bursts(device))
        for entry in _outputs(device):
            outputs[entry.id] = entry
    if config.guard is not None:
        for name in ("latched", *(item.name for item in config.guard.inputs)):
            sensors[f"{GUARD_ID}.{name}"] = "flag"
            features.append(Feature(f"{GUARD_ID}.{name}", "", "flag"))
        for entry in _guard_outputs(config.guard):
            outputs[entry.id] = entry
    return Inventory(sensors, outputs, Catalogue(features, undecided))


Device = ModbusTcpSettings | ReplaySettings | Vda5050Settings | FakeSettings


def _points(device: Device) -> list[tuple[str, str]]:
    if isinstance(device, Vda5050Settings):
        return [(point.name, point.unit) for point in VEHICLE_POINTS]
    return [(point.name, point.unit) for point in device.points]


def _gives_bursts(device: Device) -> bool:
    if isinstance(device, ReplaySettings):
        return device.format == "bursts"
    return isinstance(device, FakeSettings)


def _outputs(device: Device) -> list[OutputEntry]:
    if isinstance(device, Vda5050Settings):
        return [
            OutputEntry(f"{device.id}.{output.name}", output.kind, False, False)
            for output in VEHICLE_OUTPUTS
        ]
    if isinstance(device, ReplaySettings):
        return []
    supervised = isinstance(device, ModbusTcpSettings) and device.watchdog is not None
    return [
        OutputEntry(f"{device.id}.{output.name}", kind_of(output), supervised, output.run_permit)
        for output in device.outputs
    ]


def kind_of(output: OutputSettings) -> OutputKind:
    """What an output takes. A fake holds whatever its safe state is of."""
    if isinstance(output, ModbusOutput):
        return "flag" if output.type == "bit" else "number"
    if isinstance(output.safe, bool):
        return "flag"
    return "text" if isinstance(output.safe, str) else "number"


def _guard_outputs(guard: GuardSettings) -> list[OutputEntry]:
    return [
        OutputEntry(f"{GUARD_ID}.{output.name}", "flag", True, output.run_permit)
        for output in guard.outputs
    ]
