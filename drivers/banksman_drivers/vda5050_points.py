"""The sensors and outputs of every VDA 5050 vehicle: fixed, so that config can be checked offline.

Values only. A point's full id is ``device.point`` (``forklift.driving``). The unit ``flag``
marks a 0/1 sensor, an empty unit a bare number. Fields in brackets are those of the VDA 5050
``state`` and ``connection`` messages (VDA 5050 2.0, chapters 6.10 and 6.14).
"""

from __future__ import annotations

from typing import Literal

import msgspec


class VehiclePoint(msgspec.Struct, frozen=True):
    """What a vehicle tells: ``unit`` as in rules."""

    name: str
    unit: str
    label: str


class VehicleOutput(msgspec.Struct, frozen=True):
    """What a vehicle takes. ``safe`` is declared by us: paused, and nothing released."""

    name: str
    kind: Literal["flag", "number"]
    safe: bool | float
    label: str


VEHICLE_POINTS: tuple[VehiclePoint, ...] = (
    VehiclePoint("connected", "flag", "the vehicle is online [connectionState]"),
    VehiclePoint("driving", "flag", "it moves [driving]"),
    VehiclePoint("paused", "flag", "it is paused [paused]"),
    VehiclePoint("estop", "flag", "its own e-stop is active [safetyState.eStop is not NONE]"),
    VehiclePoint("battery", "%", "charge [batteryState.batteryCharge]"),
    VehiclePoint("speed", "m/s", "over ground, from [velocity]"),
    VehiclePoint("x", "m", "position on its map [agvPosition.x]"),
    VehiclePoint("y", "m", "position on its map [agvPosition.y]"),
    VehiclePoint("errors", "", "how many errors it reports [errors]"),
    VehiclePoint("node", "", "index in the order of the last node it passed [lastNodeId]"),
    VehiclePoint("stale", "flag", "no state message for longer than stale_ms"),
)

VEHICLE_OUTPUTS: tuple[VehicleOutput, ...] = (
    VehicleOutput("pause", "flag", safe=True, label="startPause and stopPause instant actions"),
    VehicleOutput(
        "released_nodes", "number", safe=0.0, label="how many nodes of the order are its base"
    ),
)
