"""Counts at the far end which readings arrived: a QoS 1 subscriber with a lasting session.

Nothing that the broker accepted is missed, even over the broker's restarts. Where a peer's
messages carry an id, a reading that arrives again must carry the same one.
"""

from __future__ import annotations

import re
import threading
import time
from types import TracebackType
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

CONNECT_S = 15.0


class Subscriber:
    """``first_at`` maps each reading's number to its first arrival (monotonic s)."""

    def __init__(self, port: int, topic: str, sequence: str, message_id: str | None) -> None:
        """``sequence`` and ``message_id`` are patterns with one group, sought in the payload."""
        self.first_at: dict[int, float] = {}
        self.ids: dict[int, str] = {}
        self.messages = 0
        self.repeated = 0
        self.repeated_with_other_id = 0
        self._sequence = re.compile(sequence.encode())
        self._message_id = re.compile(message_id.encode()) if message_id else None
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._topic = topic
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="bench-subscriber", clean_session=False
        )
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port, keepalive=600)

    def __enter__(self) -> Subscriber:
        self._client.loop_start()
        if not self._subscribed.wait(CONNECT_S):
            raise TimeoutError(f"the broker took no subscription within {CONNECT_S} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def arrived(self) -> int:
        """How many different readings so far."""
        return len(self.first_at)

    def missing(self, first: int, last: int) -> list[int]:
        """Which numbers of first..last have not arrived, in order."""
        with self._lock:
            return [number for number in range(first, last + 1) if number not in self.first_at]

    def highest_up_to(self, message_id: str) -> int:
        """The highest number that came with an id of the same epoch, not above this one; 0 if none.

        An id is ``node-epoch-sequence``.
        """
        epoch, _, limit = message_id.rpartition("-")
        with self._lock:
            return max(
                (
                    number
                    for number, (own_epoch, _, counted) in (
                        (number, own.rpartition("-")) for number, own in self.ids.items()
                    )
                    if own_epoch == epoch and int(counted) <= int(limit)
                ),
                default=0,
            )

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(self._topic, qos=1)

    def _on_subscribe(self, *_: Any) -> None:
        self._subscribed.set()

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        at = time.monotonic()
        own = self._message_id.search(message.payload) if self._message_id else None
        own_id = own.group(1).decode() if own else ""
        with self._lock:
            self.messages += 1
            for found in self._sequence.findall(message.payload):
                number = int(float(found))
                if number not in self.first_at:
                    self.first_at[number] = at
                    if own_id:
                        self.ids[number] = own_id
                else:
                    self.repeated += 1
                    self.repeated_with_other_id += self.ids.get(number, "") != own_id
