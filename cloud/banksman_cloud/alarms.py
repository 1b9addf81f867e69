"""The newest state of each alarm of each node.

States may arrive out of order: a critical one overtakes a backlog, a repeat comes late. The
message's number (epoch and sequence at its node) tells which is newer, never a clock.
"""

from __future__ import annotations

import msgspec

from banksman.wire.messages import AlarmMessage
from banksman_cloud.ingest.checking import Alarm
from banksman_cloud.storage.port import Session

OPEN_SHOWN_MAX = 1_000


class OpenAlarm(msgspec.Struct, frozen=True):
    """An alarm that is active or that nobody has acknowledged, and the node that says so."""

    node: str
    alarm: AlarmMessage


def take_alarm(db: Session, no: int, alarm: Alarm) -> None:
    """Keep this state unless a newer one is known."""
    record, message = alarm.record, alarm.message
    db.run(
        "INSERT INTO alarm (node_no, key, number, active, acknowledged, priority, wall_ns, body) "
        "VALUES (:no, :key, :number, :active, :acknowledged, :priority, :wall, :body) "
        "ON CONFLICT (node_no, key) DO UPDATE SET number = excluded.number, "
        "active = excluded.active, acknowledged = excluded.acknowledged, "
        "priority = excluded.priority, wall_ns = excluded.wall_ns, body = excluded.body "
        "WHERE excluded.number > alarm.number",
        no=no,
        key=record.type,
        number=record.number.order,
        active=int(message.active),
        acknowledged=int(message.acknowledged),
        priority=int(message.priority),
        wall=record.wall_ns,
        body=record.body,
    )


def open_alarms(db: Session, node: str | None = None) -> list[OpenAlarm]:
    """Alarms that concern someone, the most urgent and then the newest first."""
    rows = db.all(
        "SELECT node.name, alarm.body FROM alarm JOIN node ON node.no = alarm.node_no "
        "WHERE (alarm.active = 1 OR alarm.acknowledged = 0) AND (:node = '' OR node.name = :node) "
        "ORDER BY alarm.active DESC, alarm.priority, alarm.wall_ns DESC LIMIT :most",
        node=node or "",
        most=OPEN_SHOWN_MAX,
    )
    return [OpenAlarm(name, msgspec.json.decode(body, type=AlarmMessage)) for name, body in rows]
