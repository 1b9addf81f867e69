"""What the box would send, in bytes on the wire, beside sending every reading. Pure counting.

Both sides are messages of the daemon's own encoders in MQTT PUBLISH packets, with topic and header:
a state of some 80 bytes pays for its topic as a poll of 25 values does. TCP, TLS and
acknowledgements are left out on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from banksman import records
from banksman.clock import Clock
from banksman.control.snapshot import Snapshot
from banksman.deciding.decision import Decision
from banksman.telemetry.homeassistant import discovery
from banksman.telemetry.state import StateReport
from banksman.telemetry.topics import Topics
from banksman.wire.messages import AlarmMessage, AuditMessage
from banksman_drivers.ports import Reading


def publish_bytes(topic: str, payload: bytes, qos: int) -> int:
    """The size of a PUBLISH packet (MQTT 3.1.1, chapters 2.2.3 and 3.3)."""
    remaining = 2 + len(topic.encode()) + (2 if qos else 0) + len(payload)
    length_bytes = max(1, -(-remaining.bit_length() // 7))
    return 1 + length_bytes + remaining


class Traffic:
    """``every_reading`` counts one message a poll; ``by_exception`` what is sent instead."""

    def __init__(self, node: str, clock: Clock, next_id: Callable[[], str]) -> None:
        self.every_reading = 0
        self.by_exception = 0
        self._node = node
        self._clock = clock
        self._next_id = next_id
        self._topics = Topics("banksman", node, "homeassistant")
        self._report = StateReport()
        self._announced = False

    def readings(self, device: str, batch: Sequence[Reading]) -> None:
        """One poll, as the readings topic would carry it."""
        clock = self._clock
        stamp = records.Stamp(
            id=self._next_id(),
            node=self._node,
            device=device,
            boot_id=clock.boot_id,
            wall_offset_ns=clock.wall_ns() - clock.mono_ns(),
            next_id=self._next_id,
        )
        topic = self._topics.readings(device)
        for message in records.readings_messages(batch, stamp):
            self.every_reading += publish_bytes(topic, records.to_json(message), 1)

    def decision(self, decision: Decision) -> None:
        """A recorded decision."""
        self._record("decision", records.decision_message(decision))

    def alarm(self, alarm: AlarmMessage) -> None:
        """An alarm that changed."""
        self._record("alarm", alarm)

    def audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """What the interlock or a person did."""
        clock = self._clock
        message = AuditMessage(
            id=self._next_id(),
            node=self._node,
            event=event,
            by=by,
            wall_ns=clock.wall_ns(),
            mono_ns=clock.mono_ns(),
            boot_id=clock.boot_id,
            details=details,
        )
        self._record("audit", message)

    def states(self, snapshot: Snapshot, alarms: Sequence[AlarmMessage]) -> None:
        """What has moved since the last time, and once the announcement."""
        if not self._announced and snapshot.sensors:
            self._announced = True
            payload = discovery(self._topics, snapshot.sensors, "0")
            self.by_exception += publish_bytes(self._topics.discovery, payload, 1)
        for name, payload in self._report.changes(snapshot, alarms):
            self.by_exception += publish_bytes(self._topics.state(name), payload, 0)

    def _record(self, kind: str, message: records.Wire) -> None:
        self.by_exception += publish_bytes(self._topics.record(kind), records.to_json(message), 1)
