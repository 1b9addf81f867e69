"""The sensors and outputs of every VDA 5050 vehicle: fixed, so that config can be checked offline.

Values only. A point's full id is ``device.point`` (``forklift.driving``). The unit ``flag``
marks a 0/1 sensor, an empty unit a bare number. Fields behind a # are those of the VDA 5050
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
    VehiclePoint("connected", "flag", "Online"),  # connectionState
    VehiclePoint("driving", "flag", "Driving"),
    VehiclePoint("paused", "flag", "Paused"),
    VehiclePoint("estop", "flag", "Its own e-stop is active"),
    VehiclePoint("battery", "%", "Battery charge"),
    VehiclePoint("speed", "m/s", "Speed over ground"),
    VehiclePoint("x", "m", "Position x on its map"),
    VehiclePoint("y", "m", "Position y on its map"),
    VehiclePoint("errors", "", "Errors it reports"),
    VehiclePoint("node", "", "Last node it passed, of its order"),
    VehiclePoint("stale", "flag", "No state for longer than stale_ms"),
    VehiclePoint("estop_kind", "", "Its e-stop: 0 none, 1 resets itself, 2 by hand, 3 remotely"),
    VehiclePoint("field_violation", "flag", "Something is in its protective field"),
    VehiclePoint("fatal_errors", "", "Errors that need a person"),  # FATAL
    VehiclePoint("automatic", "flag", "Driven by orders"),  # operatingMode AUTOMATIC
    VehiclePoint("charging", "flag", "Charging"),
    VehiclePoint("loads", "", "Loads it carries"),
    VehiclePoint("base_request", "flag", "Near the end of its base"),  # newBaseRequest
)
# What is known even of a vehicle that is not heard: that it is not.
ALWAYS_KNOWN = frozenset({"connected", "stale"})

VEHICLE_OUTPUTS: tuple[VehicleOutput, ...] = (
    VehicleOutput("pause", "flag", safe=True, label="Paused by us"),  # startPause, stopPause
    VehicleOutput(
        "released_nodes", "number", safe=0.0, label="Released nodes of its order"
    ),  # base
)
