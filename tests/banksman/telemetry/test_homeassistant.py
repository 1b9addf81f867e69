from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.telemetry.homeassistant import UNITS, discovery
from banksman.telemetry.topics import Topics

TOPICS = Topics("banksman", "press.1", "homeassistant")
# What Home Assistant demands of a device discovery payload (its DEVICE_DISCOVERY_SCHEMA), and of
# the two platforms that we use.
SCHEMA = {
    "type": "object",
    "required": ["device", "origin", "components"],
    "additionalProperties": False,
    "properties": {
        "device": {
            "type": "object",
            "required": ["identifiers"],
            "additionalProperties": False,
            "properties": {
                "identifiers": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "name": {"type": "string"},
                "manufacturer": {"type": "string"},
                "model": {"type": "string"},
                "sw_version": {"type": "string"},
            },
        },
        "origin": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": {"type": "string"}, "sw_version": {"type": "string"}},
        },
        "availability": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["topic"],
                "additionalProperties": False,
                "properties": {
                    "topic": {"$ref": "#/$defs/topic"},
                    "payload_available": {"type": "string"},
                    "payload_not_available": {"type": "string"},
                },
            },
        },
        "qos": {"enum": [0, 1, 2]},
        "components": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["platform", "unique_id", "name", "state_topic", "value_template"],
                "additionalProperties": False,
                "properties": {
                    "platform": {"enum": ["sensor", "binary_sensor"]},
                    "unique_id": {"type": "string", "pattern": "^[a-z0-9_-]+$"},
                    "name": {"type": "string"},
                    "state_topic": {"$ref": "#/$defs/topic"},
                    "json_attributes_topic": {"$ref": "#/$defs/topic"},
                    "value_template": {"type": "string"},
                    "unit_of_measurement": {"type": "string"},
                    "state_class": {"enum": ["measurement", "total", "total_increasing"]},
                    "device_class": {"type": "string"},
                    "options": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
    "$defs": {"topic": {"type": "string", "minLength": 1, "pattern": "^[^#+]+$"}},
}


def test_the_payload_is_what_home_assistant_demands(make_sensor):
    sensors = [
        make_sensor("plc.oven", 1.0, label="Oven"),
        make_sensor("plc.door", 1.0, unit="flag"),
        make_sensor("plc.count", 1.0, unit=""),
        make_sensor("plc.odd", 1.0, unit="furlong"),
    ]
    found = json.loads(discovery(TOPICS, sensors, "1.2.3"))
    jsonschema.validate(found, SCHEMA)
    components = found["components"]
    assert components["plc-oven"]["unit_of_measurement"] == "°C"
    assert components["plc-oven"]["device_class"] == "temperature"
    assert components["plc-oven"]["state_topic"] == "banksman/press.1/state/plc.oven"
    assert components["plc-door"]["platform"] == "binary_sensor"
    assert "unit_of_measurement" not in components["plc-count"]
    assert components["plc-odd"]["unit_of_measurement"] == "furlong"
    assert "device_class" not in components["plc-odd"]
    assert {"mode", "estop", "alarms"} <= set(components)
    assert found["availability"][0]["topic"] == "banksman/press.1/status"


def test_the_topic_holds_only_what_home_assistant_allows():
    assert TOPICS.discovery == "homeassistant/device/press-1/config"


idents = st.from_regex(r"^[a-z][a-z0-9_]{0,5}\.[a-z][a-z0-9_]{0,5}\Z")


@given(st.sets(idents, max_size=20))
def test_every_sensor_has_an_id_of_its_own(sensors):
    from banksman.control.snapshot import SensorView

    views = [SensorView(one, "", "", 0.0, "good", 0, False, 0, 0, 0, 1) for one in sensors]
    components = json.loads(discovery(TOPICS, views, "1"))["components"]
    ids = [component["unique_id"] for component in components.values()]
    assert len(components) == len(sensors) + 3
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_energy_is_never_called_a_measurement_and_other_classes_are(make_sensor, unit):
    found = json.loads(discovery(TOPICS, [make_sensor("a.b", 1.0, unit=unit)], "1"))
    component = found["components"]["a-b"]
    assert ("state_class" in component) == (component["device_class"] != "energy")
