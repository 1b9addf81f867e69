"""A fleet that keeps the time: one tells that it is in the aisle, and how long until it is asked.

state of agv3: x in the aisle  --broker--> driver --broker--> startPause
|<------------------------- reaction --------------------------------->|
"""

from __future__ import annotations

import json

import paho.mqtt.client as mqtt

from banksman_drivers.fake.plant.vehicle import Vehicle
from benchmarks.drivers.agvs.answerer import MANUFACTURER
from benchmarks.mqtt_stopwatch import MqttStopwatch

ECHO_IN, ECHO_OUT = "bench/echo/in", "bench/echo/out"
BASE = f"uagv/v2/{MANUFACTURER}"
CLEAR_M, AISLE_M = 0.0, 16.0
LOOK_S = 0.005


class Stopwatch(MqttStopwatch):
    """Use as a context manager. The vehicles' protocol is that of the demo's fake."""

    def __init__(self, port: int, vehicles: int) -> None:
        self._vehicles = {f"agv{number}": Vehicle(CLEAR_M) for number in range(vehicles)}
        super().__init__(port, "bench-fleet", [f"{BASE}/+/instantActions", ECHO_OUT], LOOK_S)

    def pause(self, serial: str) -> float | None:
        """Be in the aisle; ms until startPause, None when it never comes. Leaves it again."""
        vehicle = self._vehicles[serial]
        vehicle.x_m, vehicle.paused = AISLE_M, False
        topic = f"{BASE}/{serial}/instantActions"
        taken = self.timed(f"{BASE}/{serial}/state", self._state(serial), topic)
        vehicle.x_m = CLEAR_M
        self.tell(serial)
        return taken

    def echo(self) -> float | None:
        """ms until such a state comes back from the echo."""
        return self.timed(ECHO_IN, self._state("agv0"), ECHO_OUT)

    def tell(self, serial: str) -> None:
        """The vehicle's state, which asks for nothing."""
        self.client.publish(f"{BASE}/{serial}/state", self._state(serial))

    def rest(self, seconds: float, first: int) -> None:
        """Let time pass in which every vehicle tells its state once, number ``first`` at once.

        It is the one that is timed next: two states of one vehicle within 5 ms are a flood.
        """
        serials = list(self._vehicles)
        for serial in serials[first:] + serials[:first]:
            self.tell(serial)
            self.wait(lambda: False, seconds / len(self._vehicles))

    def came(self, message: mqtt.MQTTMessage, at_s: float) -> None:
        """Of the echo, or for a vehicle."""
        self.heard[message.topic] = at_s
        if message.topic != ECHO_OUT:
            serial = message.topic.split("/")[3]
            self._vehicles[serial].instant_actions(json.loads(message.payload))

    def _state(self, serial: str) -> str:
        return self.vda5050(MANUFACTURER, serial, self._vehicles[serial].state())
