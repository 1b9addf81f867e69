"""One connection to a broker, from CONNECT to its end: paho's client on a `Pipe`.

A session is used once. Each reconnect makes a new client, so that nothing a broken broker sent
(half a packet, a forced downgrade, message ids) reaches the next connection, and nothing is
sent again behind the caller's back: who published learns that the fate is unknown and decides.

Rules of this file
- All on one loop. Callbacks of the caller never run inside paho's parser, so what they
  raise is not mistaken for a broken packet.
- At most `PACKETS_A_TURN` packets are handled in one turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from banksman_drivers.mqtt_pipe import Pipe
from banksman_drivers.ports import Ticks

PACKETS_A_TURN = 32

Done = Callable[[bool], None]
OnMessage = Callable[[str, bytes, bool], None]


class Will(msgspec.Struct, frozen=True):
    """What the broker shall publish for us when we vanish; always retained, QoS 1."""

    topic: str
    payload: bytes


class SessionLimits(msgspec.Struct, frozen=True):
    """The bounds of one connection."""

    max_in_flight: int = 100
    max_packet_bytes: int = 256 * 1024
    max_unsent_bytes: int = 1024 * 1024
    keepalive_s: int = 10
    ack_timeout_s: float = 30.0


class _Client(mqtt.Client):
    """Paho's client on a socket that it is given, so that it never connects (and blocks) itself.

    ``_create_socket`` is paho's own seam for transports (TCP, Unix, WebSocket). It is no public
    API: the link's tests fail at once should a new paho move it.
    """

    def __init__(self, client_id: str, pipe: Pipe) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=True,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        self.max_inflight_messages_set(0)  # the session counts them itself
        self._pipe = pipe

    def _create_socket(self) -> Any:
        return self._pipe


class Session:
    """Speaks MQTT 3.1.1 over one pipe. ``ready`` and ``lost`` are its two turning points."""

    def __init__(self, ticks: Ticks, limits: SessionLimits, on_message: OnMessage) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[str] = loop.create_future()
        self.pipe = Pipe(
            limits.max_packet_bytes, limits.max_unsent_bytes, self._on_packets, self._end
        )
        self.published = 0
        self.acknowledged = 0
        self.malformed = 0
        self.round_trip_ms = 0.0
        self._loop = loop
        self._ticks = ticks
        self._limits = limits
        self._on_message = on_message
        self._client: _Client | None = None
        self._topics: Sequence[str] = ()
        self._pending: dict[int, tuple[Done | None, int]] = {}
        self._arrived: list[mqtt.MQTTMessage] = []
        self._acked: list[int] = []
        self._refusal = ""

    def start(
        self,
        client_id: str,
        topics: Sequence[str],
        will: Will | None,
        username: str | None,
        password: str | None,
    ) -> None:
        """Send CONNECT over the pipe, which stands; ``ready`` tells when we may publish.

        ``topics`` are subscribed at QoS 0 before the session counts as ready.
        """
        client = self._client = _Client(client_id, self.pipe)
        self._topics = topics
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_publish = self._published
        client.on_message = self._took
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        if username is not None:
            client.username_pw_set(username, password)
        # The address is a name only here: the pipe is connected already.
        client.connect("broker", 1883, keepalive=self._limits.keepalive_s)

    @property
    def in_flight(self) -> int:
        """How many QoS 1 messages wait for the broker's acknowledgement."""
        return len(self._pending)

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool, done: Done | None
    ) -> bool:
        """Write one message; False when the session takes none now and nothing was written."""
        client = self._client
        if client is None or not self.ready.done() or self.lost.done() or self.pipe.congested:
            return False
        if qos and len(self._pending) >= self._limits.max_in_flight:
            return False
        info = client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            return False
        self.published += 1
        if qos:
            self._pending[info.mid] = (done, self._ticks.mono_ns())
        return True

    def tick(self) -> None:
        """Keep-alive, and an end to a broker that pings but acknowledges nothing."""
        client = self._client
        if client is None or self.lost.done():
            return
        if client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
            self._end(f"the broker said nothing for {2 * self._limits.keepalive_s} s")
            return
        oldest = next(iter(self._pending.values()), None)
        if oldest is not None:
            age_s = (self._ticks.mono_ns() - oldest[1]) / 1e9
            if age_s > self._limits.ack_timeout_s:
                self._end(f"the broker acknowledged nothing for {age_s:.0f} s")

    def close(self) -> None:
        """Say goodbye (the last will is not sent then) and end."""
        if self._client is not None and not self.lost.done():
            self._client.disconnect()
        self._end("we closed it")

    # Called by the pipe

    def _on_packets(self) -> None:
        if self.lost.done() or self._client is None:
            return
        for _ in range(PACKETS_A_TURN):
            try:
                if not self.pipe.load():
                    self.pipe.pause(False)
                    return
                code = self._client.loop_read()
            # The parser is not ours and is fed by the network: whatever it raises (2.1 raises
            # struct.error, IndexError and UnicodeDecodeError) means that the bytes were bad.
            except Exception as error:  # noqa: BLE001
                self._end_malformed(f"the broker sent what is no MQTT ({error!r})")
                return
            self._hand_out()
            if code != mqtt.MQTT_ERR_SUCCESS:
                self._end_refused(code)
                return
            if self._client.want_write():  # paho does not write inside its callbacks
                self._client.loop_write()
            if self.lost.done():
                return
        self.pipe.pause(True)
        self._loop.call_soon(self._on_packets)

    def _hand_out(self) -> None:
        for message in self._arrived:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                self.malformed += 1
                continue
            self._on_message(topic, bytes(message.payload), message.retain)
        self._arrived.clear()
        for mid in self._acked:
            done, sent_ns = self._pending.pop(mid, (None, 0))
            if sent_ns:
                self.acknowledged += 1
                self.round_trip_ms = (self._ticks.mono_ns() - sent_ns) / 1e6
            if done is not None:
                done(True)
        self._acked.clear()

    # Called by paho, inside its parser: they only note down

    def _connected(
        self, _client: object, _userdata: object, _flags: object, reason: ReasonCode, _: object
    ) -> None:
        if reason.is_failure:
            self._refusal = f"the broker refused us: {reason}"
        elif self._topics and self._client is not None:
            self._client.subscribe([(topic, 0) for topic in self._topics])
        else:
            self._become_ready()

    def _subscribed(
        self,
        _client: object,
        _userdata: object,
        _mid: int,
        reasons: Sequence[ReasonCode],
        _: object,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._loop.call_soon(
                self._end, f"the broker refused our subscription to {', '.join(self._topics)}"
            )
        else:
            self._become_ready()

    def _published(
        self, _client: object, _userdata: object, mid: int, _reason: object, _: object
    ) -> None:
        self._acked.append(mid)

    def _took(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self._arrived.append(message)

    def _become_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    # The end

    def _end_malformed(self, reason: str) -> None:
        self.malformed += 1
        self._end(reason)

    def _end_refused(self, code: MQTTErrorCode) -> None:
        if self._refusal:
            self._end(self._refusal)
        else:
            self._end_malformed(f"the broker broke the protocol ({mqtt.error_string(code)})")

    def _end(self, reason: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self.pipe.close()
        pending = [done for done, _ in self._pending.values() if done is not None]
        self._pending.clear()
        for done in pending:
            done(False)
