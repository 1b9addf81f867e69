"""The forklift on MQTT: VDA 5050 2.1 topics around the pure vehicle.

A thin driver. paho's own thread does the network; what arrives is handed to the plant's event
loop, where the vehicle lives, and answered from there at once. Without a broker the vehicle
keeps driving its base and the client keeps trying.

    uagv/v2/<manufacturer>/<serial>/order            in   QoS 0
                                   /instantActions   in   QoS 0
                                   /state            out  QoS 0, on change and each second
                                   /connection       out  QoS 1, retained, with last will
"""

from __future__ import annotations

import asyncio
import datetime
import json
from collections import deque
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from banksman_drivers.fake.plant.vehicle import Vehicle

VERSION = "2.1.0"
STATE_EVERY_S = 1.0
MESSAGE_BYTES_MAX = 1_000_000
INBOX_MESSAGES_MAX = 100


class Forklift:
    """One vehicle on one broker. All methods belong to the event loop that made it."""

    def __init__(
        self,
        vehicle: Vehicle,
        host: str,
        port: int,
        manufacturer: str = "banksman",
        serial_number: str = "agv1",
    ) -> None:
        self.vehicle = vehicle
        self.connected = False
        self.received = 0
        self.refused = 0  # messages that were no JSON, too long or too many
        self._address = (host, port)
        self._identity = {"manufacturer": manufacturer, "serialNumber": serial_number}
        self._prefix = f"uagv/v2/{manufacturer}/{serial_number}"
        self._header_ids: dict[str, int] = {}
        self._since_state_s = 0.0
        self._inbox: deque[tuple[str, bytes]] = deque(maxlen=INBOX_MESSAGES_MAX)
        self._loop = asyncio.get_running_loop()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"{manufacturer}-{serial_number}"
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(min_delay=1, max_delay=4)
        self._client.will_set(
            f"{self._prefix}/connection", self._connection("CONNECTIONBROKEN"), qos=1, retain=True
        )

    def start(self) -> None:
        """Begin to connect; returns at once and keeps trying."""
        self._client.connect_async(*self._address, keepalive=5)
        self._client.loop_start()

    def stop(self) -> None:
        """Say OFFLINE and close; waits for paho's thread."""
        if self.connected:
            self._client.publish(
                f"{self._prefix}/connection", self._connection("OFFLINE"), qos=1, retain=True
            )
        self._client.disconnect()
        self._client.loop_stop()

    def step(self, dt_s: float) -> None:
        """Let the vehicle go on by ``dt_s`` and tell its state when it is due."""
        self.vehicle.step(dt_s)
        self._since_state_s += dt_s
        if self.vehicle.changed or self._since_state_s >= STATE_EVERY_S:
            self._tell_state()

    def _tell_state(self) -> None:
        self.vehicle.changed = False
        self._since_state_s = 0.0
        if self.connected:
            self._client.publish(
                f"{self._prefix}/state", self._message("state", self.vehicle.state())
            )

    def _take(self) -> None:
        """Act on everything that has arrived; on the event loop."""
        while self._inbox:
            topic, payload = self._inbox.popleft()
            self.received += 1
            try:
                message = json.loads(payload)
            except (ValueError, RecursionError):
                self.refused += 1
                continue
            if topic.endswith("/order"):
                self.vehicle.order(message)
            else:
                self.vehicle.instant_actions(message)
        if self.vehicle.changed:
            self._tell_state()

    # paho's thread ---------------------------------------------------------------------

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            return
        client.subscribe([(f"{self._prefix}/order", 0), (f"{self._prefix}/instantActions", 0)])

    def _on_subscribe(self, client: mqtt.Client, *_: object) -> None:
        # Online means that it hears: what is sent to it before would be lost.
        client.publish(f"{self._prefix}/connection", self._connection("ONLINE"), qos=1, retain=True)
        self._hand_over(self._set_connected, True)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._hand_over(self._set_connected, False)

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if len(message.payload) > MESSAGE_BYTES_MAX or len(self._inbox) >= INBOX_MESSAGES_MAX:
            self.refused += 1
            return
        self._inbox.append((message.topic, bytes(message.payload)))
        self._hand_over(self._take)

    def _hand_over(self, call: Any, *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    # -----------------------------------------------------------------------------------

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        self.vehicle.changed = True

    def _connection(self, state: str) -> str:
        return self._message("connection", {"connectionState": state})

    def _message(self, topic: str, body: dict[str, Any]) -> str:
        """Add the header that every message of the protocol carries."""
        header_id = self._header_ids[topic] = self._header_ids.get(topic, -1) + 1
        now = datetime.datetime.now(datetime.UTC)
        header = {
            "headerId": header_id,
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "version": VERSION,
            **self._identity,
        }
        return json.dumps(header | body, separators=(",", ":"))
