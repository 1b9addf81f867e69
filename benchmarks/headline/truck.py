"""A forklift that keeps the time: it tells where it is, and how long until it is asked to pause.

    state: x in the aisle  --broker--> daemon: rule, interlock, driver --broker--> startPause
    |<------------------------------- reaction ------------------------------------------>|
    the same message       --broker--> echo ---------------------------broker--> the same message

One thread and one connection: publishing writes to the socket at once, and what comes is stamped
as it is read. So the stopwatch's own part is small, and it is the same for daemon and echo.
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

MANUFACTURER, SERIAL = "bench", "agv1"
PREFIX = f"uagv/v2/{MANUFACTURER}/{SERIAL}"
ECHO_IN, ECHO_OUT = "bench/echo/in", "bench/echo/out"
CLEAR_X_M, AISLE_X_M = 0.0, 16.0
ANSWER_S = 2.0
LOOK_S = 0.01


class Truck:
    """Use as a context manager. The vehicle's protocol is that of the demo's fake."""

    def __init__(self, port: int) -> None:
        self._vehicle = Vehicle(CLEAR_X_M)
        self._header_id = 0
        self._heard: dict[str, float] = {}  # what came -> when, in monotonic s
        self._granted = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-truck")
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_socket_open = self._on_socket_open
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Truck:
        if not self.wait(lambda: self._granted > 0, ANSWER_S):
            raise TimeoutError("the broker took no subscription")
        connection = self._message({"connectionState": "ONLINE"})
        self._client.publish(f"{PREFIX}/connection", connection, qos=1, retain=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()

    def drive(self, x_m: float, asks_for: str) -> float | None:
        """Be at ``x_m`` and say so; ms until the daemon's ``asks_for``, None when it never comes.

        What is asked is done at once and told in a further state, as a standing vehicle does.
        """
        self._vehicle.x_m = x_m
        return self._timed(f"{PREFIX}/state", self._state(), asks_for)

    def echo(self) -> float | None:
        """ms until the same state comes back from the echo."""
        return self._timed(ECHO_IN, self._state(), ECHO_OUT)

    def rest(self, seconds: float) -> None:
        """Let time pass; the connection is served."""
        self.wait(lambda: False, seconds)

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
        at_s = time.monotonic()
        if message.topic == ECHO_OUT:
            self._heard[ECHO_OUT] = at_s
            return
        asked = json.loads(message.payload)
        for action in asked["actions"]:
            self._heard[action["actionType"]] = at_s
        self._vehicle.instant_actions(asked)
        self._client.publish(f"{PREFIX}/state", self._state())

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(f"{PREFIX}/instantActions", 0), (ECHO_OUT, 0)])

    def _on_subscribe(self, *_: Any) -> None:
        self._granted += 1

    def _on_socket_open(self, _client: mqtt.Client, _userdata: Any, own: Any) -> None:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _state(self) -> str:
        return self._message(self._vehicle.state())

    def _message(self, body: dict[str, Any]) -> str:
        self._header_id += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        header = {
            "headerId": self._header_id,
            "timestamp": now.replace("+00:00", "Z"),
            "version": "2.1.0",
            "manufacturer": MANUFACTURER,
            "serialNumber": SERIAL,
        }
        return json.dumps(header | body)
