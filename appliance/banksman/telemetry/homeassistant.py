"""The one message that makes the node a device in Home Assistant. Pure.

Source: Home Assistant, integration "MQTT", chapter "MQTT discovery", single device discovery
(since 2024.11): ``<prefix>/device/<object_id>/config`` with ``device``, ``origin``,
``components`` (each with ``platform`` and ``unique_id``) and ``availability``, retained.

Rules of this file
- Ids never change: Home Assistant keeps a person's names and dashboards by them.
- A unit is translated only where Home Assistant knows it; a device class is given only with a
  unit that fits, else Home Assistant refuses the component.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from banksman.control.snapshot import SensorView
from banksman.telemetry.topics import OFFLINE, ONLINE, Topics

# Our unit -> Home Assistant's unit and device class.
UNITS: dict[str, tuple[str, str | None]] = {
    "degC": ("°C", "temperature"),
    "K": ("K", "temperature"),
    "mm/s": ("mm/s", "speed"),
    "m/s": ("m/s", "speed"),
    "kg": ("kg", "weight"),
    "g": ("g", "weight"),
    "bar": ("bar", "pressure"),
    "Pa": ("Pa", "pressure"),
    "kPa": ("kPa", "pressure"),
    "A": ("A", "current"),
    "V": ("V", "voltage"),
    "W": ("W", "power"),
    "kW": ("kW", "power"),
    "kWh": ("kWh", "energy"),
    "Hz": ("Hz", "frequency"),
    "m": ("m", "distance"),
    "mm": ("mm", "distance"),
}
Component = dict[str, object]


def discovery(topics: Topics, sensors: Sequence[SensorView], version: str) -> bytes:
    """The discovery payload of the node with these sensors."""
    node = f"banksman_{topics.object_id}"
    components: dict[str, Component] = {
        sensor.id.replace(".", "-"): _sensor(topics, sensor) for sensor in sensors
    }
    components |= _node_components(topics)
    for key, component in components.items():
        component["unique_id"] = f"{node}_{key}"
    device: dict[str, object] = {
        "identifiers": [node],
        "name": f"Banksman {topics.node}",
        "manufacturer": "Banksman",
        "model": "edge appliance",
        "sw_version": version,
    }
    return msgspec.json.encode(
        {
            "device": device,
            "origin": {"name": "banksman", "sw_version": version},
            "availability": [
                {
                    "topic": topics.status,
                    "payload_available": ONLINE.decode(),
                    "payload_not_available": OFFLINE.decode(),
                }
            ],
            "components": components,
            "qos": 0,
        }
    )


def _sensor(topics: Topics, sensor: SensorView) -> Component:
    component: Component = {
        "name": sensor.label or sensor.id,
        "state_topic": topics.state(sensor.id),
        "json_attributes_topic": topics.state(sensor.id),
    }
    if sensor.unit == "flag":
        # "None" is Home Assistant's word for unknown.
        template = "{{ {0: 'OFF', 1: 'ON'}.get(value_json.value, 'None') }}"
        return component | {"platform": "binary_sensor", "value_template": template}
    component |= {
        "platform": "sensor",
        "value_template": "{{ value_json.value }}",
        "state_class": "measurement",
    }
    unit, device_class = UNITS.get(sensor.unit, (sensor.unit, None))
    if unit:
        component["unit_of_measurement"] = unit
    if device_class == "energy":
        del component["state_class"]  # a measurement is no energy class of Home Assistant's
    if device_class is not None:
        component["device_class"] = device_class
    return component


def _node_components(topics: Topics) -> dict[str, Component]:
    return {
        "mode": {
            "platform": "sensor",
            "name": "Mode",
            "state_topic": topics.state("mode"),
            "value_template": "{{ value_json.value }}",
            "device_class": "enum",
            "options": ["observe", "armed"],
        },
        "estop": {
            "platform": "binary_sensor",
            "name": "Emergency stop",
            "device_class": "problem",
            "state_topic": topics.state("estop"),
            "json_attributes_topic": topics.state("estop"),
            "value_template": "{{ 'ON' if value_json.value == 'tripped' else 'OFF' }}",
        },
        "alarms": {
            "platform": "sensor",
            "name": "Alarms",
            "state_topic": topics.state("alarms"),
            "json_attributes_topic": topics.state("alarms"),
            "value_template": "{{ value_json.value }}",
            "state_class": "measurement",
        },
    }
