"""A fleet that keeps the time: one tells that it is in the aisle, and how long until it is asked.

    state of agv3: x in the aisle  --broker--> driver --broker--> startPause
    |<------------------------- reaction --------------------------------->|

One thread, one connection, no Nagle: publishing writes to the socket at once and what comes is
stamped as it is read, so the stopwatch's own part is small and the same for drivers and echo.
"""

from __future__ import annotations

import datetime
import json
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from banksman_drivers.fake.plant.vehicle import Vehicle
from benchmarks.drivers.agvs.answerer import MANUFACTURER

ECHO_IN, ECHO_OUT = "bench/echo/in", "bench/echo/out"
BASE = f"uagv/v2/{MANUFACTURER}"
CLEAR_M, AISLE_M = 0.0, 16.0
ANSWER_S = 2.0
LOOK_S = 0.005


class Stopwatch:
    """Use as a context manager. The vehicles' protocol is that of the demo's fake."""

    def __init__(self, port: int, vehicles: int) -> None:
        self._vehicles = {f"agv{number}": Vehicle(CLEAR_M) for number in range(vehicles)}
        self._header_id = 0
        self._heard: dict[str, float] = {}  # topic -> when, in monotonic s
        self._granted = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-fleet")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_socket_open = self._on_socket_open
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Stopwatch:
        if not self.wait(lambda: self._granted, ANSWER_S):
            raise TimeoutError("the broker took no subscription")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()

    def pause(self, serial: str) -> float | None:
        """Be in the aisle; ms until startPause, None when it never comes. Leaves it again."""
        vehicle = self._vehicles[serial]
        vehicle.x_m, vehicle.paused = AISLE_M, False
        topic = f"{BASE}/{serial}/instantActions"
        taken = self._timed(f"{BASE}/{serial}/state", self._state(serial), topic)
        vehicle.x_m = CLEAR_M
        self.tell(serial)
        return taken

    def echo(self) -> float | None:
        """ms until such a state comes back from the echo."""
        return self._timed(ECHO_IN, self._state("agv0"), ECHO_OUT)

    def tell(self, serial: str) -> None:
        """The vehicle's state, which asks for nothing."""
        self._client.publish(f"{BASE}/{serial}/state", self._state(serial))

    def rest(self, seconds: float, first: int) -> None:
        """Let time pass in which every vehicle tells its state once, number ``first`` at once.

        It is the one that is timed next: two states of one vehicle within 5 ms are a flood.
        """
        serials = list(self._vehicles)
        for serial in serials[first:] + serials[:first]:
            self.tell(serial)
            self.wait(lambda: False, seconds / len(self._vehicles))

    def wait(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Serve the connection until it has happened; False when it did not in time."""
        until_s = time.monotonic() + seconds
        while not happened():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return False
            self._client.loop(min(LOOK_S, left_s))
        return True

    def _timed(self, topic: str, payload: str, answer: str) -> float | None:
        self._heard.pop(answer, None)
        began_s = time.monotonic()
        self._client.publish(topic, payload)
        if not self.wait(lambda: answer in self._heard, ANSWER_S):
            return None
        return (self._heard[answer] - began_s) * 1e3

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._heard[message.topic] = time.monotonic()
        if message.topic != ECHO_OUT:
            serial = message.topic.split("/")[3]
            self._vehicles[serial].instant_actions(json.loads(message.payload))

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(f"{BASE}/+/instantActions", 0), (ECHO_OUT, 0)])

    def _on_subscribe(self, *_: Any) -> None:
        self._granted = True

    def _on_socket_open(self, _client: mqtt.Client, _userdata: Any, own: Any) -> None:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _state(self, serial: str) -> str:
        self._header_id += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        header = {
            "headerId": self._header_id,
            "timestamp": now.replace("+00:00", "Z"),
            "version": "2.1.0",
            "manufacturer": MANUFACTURER,
            "serialNumber": serial,
        }
        return json.dumps(header | self._vehicles[serial].state())
