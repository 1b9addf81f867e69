"""A forklift that keeps the time: it tells where it is, and how long until it is asked to pause.

state: x in the aisle  --broker--> daemon: rule, interlock, driver --broker--> startPause
|<------------------------------- reaction ------------------------------------------>|
the same message       --broker--> echo ---------------------------broker--> the same message
"""

from __future__ import annotations

import json
from typing import Any, Self

import paho.mqtt.client as mqtt

from banksman_drivers.fake.plant.vehicle import Vehicle
from benchmarks.mqtt_stopwatch import MqttStopwatch

MANUFACTURER, SERIAL = "bench", "agv1"
PREFIX = f"uagv/v2/{MANUFACTURER}/{SERIAL}"
ECHO_IN, ECHO_OUT = "bench/echo/in", "bench/echo/out"
CLEAR_X_M, AISLE_X_M = 0.0, 16.0
LOOK_S = 0.01


class Truck(MqttStopwatch):
    """Use as a context manager. The vehicle's protocol is that of the demo's fake."""

    def __init__(self, port: int) -> None:
        self._vehicle = Vehicle(CLEAR_X_M)
        super().__init__(port, "bench-truck", [f"{PREFIX}/instantActions", ECHO_OUT], LOOK_S)

    def __enter__(self) -> Self:
        super().__enter__()
        connection = self._message({"connectionState": "ONLINE"})
        self.client.publish(f"{PREFIX}/connection", connection, qos=1, retain=True)
        return self

    def drive(self, x_m: float, asks_for: str) -> float | None:
        """Be at ``x_m`` and say so; ms until the daemon's ``asks_for``, None when it never comes.

        What is asked is done at once and told in a further state, as a standing vehicle does.
        """
        self._vehicle.x_m = x_m
        return self.timed(f"{PREFIX}/state", self._state(), asks_for)

    def echo(self) -> float | None:
        """ms until the same state comes back from the echo."""
        return self.timed(ECHO_IN, self._state(), ECHO_OUT)

    def rest(self, seconds: float) -> None:
        """Let time pass; the connection is served."""
        self.wait(lambda: False, seconds)

    def came(self, message: mqtt.MQTTMessage, at_s: float) -> None:
        """Of the echo, or for the vehicle."""
        if message.topic == ECHO_OUT:
            self.heard[ECHO_OUT] = at_s
            return
        asked = json.loads(message.payload)
        for action in asked["actions"]:
            self.heard[action["actionType"]] = at_s
        self._vehicle.instant_actions(asked)
        self.client.publish(f"{PREFIX}/state", self._state())

    def _state(self) -> str:
        return self._message(self._vehicle.state())

    def _message(self, body: dict[str, Any]) -> str:
        return self.vda5050(MANUFACTURER, SERIAL, body)
