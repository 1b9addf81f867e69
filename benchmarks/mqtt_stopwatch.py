"""A client of a broker that keeps the time: what was published when, and when its answer came.

One thread, one connection, no Nagle: publishing writes to the socket at once, and what comes is
stamped as it is read. So the stopwatch's own part is small, and the same for whoever is timed.
"""

from __future__ import annotations

import datetime
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

ANSWER_S = 2.0


class MqttStopwatch:
    """Use as a context manager. A subclass notes in ``heard`` what came, in monotonic seconds."""

    def __init__(self, port: int, client_id: str, topics: Sequence[str], look_s: float) -> None:
        """``look_s``: how long one look at the connection takes at most."""
        self.heard: dict[str, float] = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._topics = [(topic, 0) for topic in topics]
        self._look_s = look_s
        self._granted = False
        self._header_id = 0
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        self.client.on_socket_open = self._on_socket_open
        self.client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        if not self.wait(lambda: self._granted, ANSWER_S):
            raise TimeoutError("the broker took no subscription")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.disconnect()

    def came(self, message: mqtt.MQTTMessage, at_s: float) -> None:
        """A message came at ``at_s``."""
        raise NotImplementedError

    def wait(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Serve the connection until it has happened; False when it did not in time."""
        until_s = time.monotonic() + seconds
        while not happened():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return False
            self.client.loop(min(self._look_s, left_s))
        return True

    def timed(self, topic: str, payload: str, answer: str) -> float | None:
        """Milliseconds from publishing to ``answer`` among what was heard; None: it never came."""
        self.heard.pop(answer, None)
        began_s = time.monotonic()
        self.client.publish(topic, payload)
        if not self.wait(lambda: answer in self.heard, ANSWER_S):
            return None
        return (self.heard[answer] - began_s) * 1e3

    def vda5050(self, manufacturer: str, serial: str, body: Mapping[str, Any]) -> str:
        """A message with its header (VDA 5050 2.1, chapter 6.2)."""
        self._header_id += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        header = {
            "headerId": self._header_id,
            "timestamp": now.replace("+00:00", "Z"),
            "version": "2.1.0",
            "manufacturer": manufacturer,
            "serialNumber": serial,
        }
        return json.dumps({**header, **body})

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(self._topics)

    def _on_subscribe(self, *_: Any) -> None:
        self._granted = True

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self.came(message, time.monotonic())

    def _on_socket_open(self, _client: mqtt.Client, _userdata: Any, own: Any) -> None:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
