"""What each field of a state becomes; what the vehicle does not know, nobody does."""

from __future__ import annotations

import json

import pytest

from banksman_drivers.ports import Quality
from banksman_drivers.vda5050_vehicle import Vehicle

SECOND = 1_000_000_000


@pytest.fixture
def read(make_state):
    """``read("loads", loads=[…])``: the value of one point, None where it is BAD."""

    def read(point: str, **changes: object) -> float | None:
        vehicle = Vehicle("agv", "acme", "7", SECOND, None)
        assert vehicle.take_state(json.dumps(make_state(1, **changes)).encode(), False, SECOND)
        reading = next(
            one for one in vehicle.readings(SECOND, True) if one.sensor == f"agv.{point}"
        )
        return reading.value if reading.quality is Quality.GOOD else None

    return read


@pytest.mark.parametrize(
    ("word", "active", "kind"),
    [
        ("NONE", 0.0, 0.0),
        ("AUTOACK", 1.0, 1.0),
        ("MANUAL", 1.0, 2.0),
        ("REMOTE", 1.0, 3.0),
        ("SOMETHING_NEW", 1.0, None),
    ],
)
def test_every_e_stop_kind_is_an_e_stop_an_unknown_one_too(read, word, active, kind):
    safety = {"eStop": word, "fieldViolation": False}
    assert read("estop", safetyState=safety) == active
    assert read("estop_kind", safetyState=safety) == kind


def test_a_violated_field_charging_mode_and_loads_are_told(read):
    assert read("field_violation", safetyState={"eStop": "NONE", "fieldViolation": True}) == 1.0
    assert read("charging", batteryState={"batteryCharge": 5, "charging": True}) == 1.0
    assert read("automatic") == 1.0
    assert read("automatic", operatingMode="MANUAL") == 0.0
    assert read("loads", loads=[{"loadId": "p1"}, {}]) == 2.0
    assert read("base_request", newBaseRequest=True) == 1.0


def test_errors_are_counted_and_the_fatal_ones_apart(read):
    errors = [
        {"errorType": "batteryLow", "errorLevel": "WARNING"},
        {"errorType": "driveFault", "errorLevel": "FATAL"},
    ]
    assert read("errors", errors=errors) == 2.0
    assert read("fatal_errors", errors=errors) == 1.0


@pytest.mark.parametrize(
    ("point", "changes"),
    [
        ("paused", {"paused": None}),
        ("loads", {"loads": None}),
        ("base_request", {"newBaseRequest": None}),
        ("speed", {"velocity": None}),
        ("x", {"agvPosition": None}),
        ("battery", {"batteryState": {"batteryCharge": 101, "charging": False}}),
        ("battery", {"batteryState": {"batteryCharge": -1, "charging": False}}),
    ],
)
def test_what_the_vehicle_does_not_tell_is_unknown_and_not_zero(read, point, changes):
    assert read(point, **changes) is None


def test_a_position_that_is_not_initialised_is_no_position(read):
    guess = {"x": 1.0, "y": 2.0, "theta": 0.0, "mapId": "hall", "positionInitialized": False}
    assert read("x", agvPosition=guess) is None
    assert read("y", agvPosition=guess) is None
