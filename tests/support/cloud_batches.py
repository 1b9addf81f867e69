"""Batches as a box would send them, for tests of the endpoint."""

from __future__ import annotations

import msgspec
import zstandard

from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage, Priority
from banksman.wire.uplink import Batch, Item, OrderResult, ShadowReport
from banksman_cloud.ingest.checking import Checked, check, decode

NODE = "press-3"
WALL_NS = 1_779_999_000_000_000_000


def item(kind: str, message, wall_ns: int = WALL_NS, priority=Priority.NORMAL) -> Item:
    return Item(message.id, kind, priority, wall_ns, msgspec.json.encode(message))


def decision(number: int, node: str = NODE, **fields) -> Item:
    wall_ns = fields.pop("wall_ns", WALL_NS + number)
    message = DecisionMessage(
        id=f"{node}-1-{number}",
        node=node,
        type=fields.pop("type", "process_control"),
        point=fields.pop("point", "oven_guard"),
        wall_ns=wall_ns,
        mono_ns=number,
        boot_id="b",
        clock_quality="good",
        latency_us=10.0,
        action=fields.pop("action", "none"),
        confidence=1.0,
        source="rule",
        reason=fields.pop("reason", f"oven at {number} degC"),
        inputs={"plc.oven": float(number)},
        rules_version="v",
        **fields,
    )
    return item("decision", message, wall_ns)


def alarm(number: int, node: str = NODE, key: str = "oven", **fields) -> Item:
    message = AlarmMessage(
        id=f"{node}-1-{number}",
        node=node,
        key=key,
        text=fields.pop("text", "the oven is hot"),
        priority=fields.pop("priority", Priority.CRITICAL),
        active=fields.pop("active", True),
        acknowledged=fields.pop("acknowledged", False),
        wall_ns=WALL_NS + number,
        mono_ns=number,
        boot_id="b",
    )
    return item("alarm", message, WALL_NS + number)


def audit(number: int, event: str = "login", **details: str) -> Item:
    message = AuditMessage(f"{NODE}-1-{number}", NODE, event, "anna", WALL_NS, 1, "b", details)
    return item("audit", message)


def report(number: int, version: int, since: int, removed=(), **values) -> Item:
    message = ShadowReport(
        f"{NODE}-1-{number}", NODE, WALL_NS, version, since, values, list(removed)
    )
    return item("shadow", message)


def result(number: int, order: str, outcome: str = "done", node: str = NODE, **fields) -> Item:
    message = OrderResult(f"{node}-1-{number}", order, node, WALL_NS, outcome, **fields)
    return item("result", message)


def block(first: int, last: int, body: bytes = b"readings", epoch: int = 1) -> Item:
    return Item(
        f"{NODE}-{epoch}-{first}", "readings", Priority.NORMAL, WALL_NS, body,
        f"{NODE}-{epoch}-{last}",
    )  # fmt: skip


def picture(number: int, jpeg: bytes = b"\xff\xd8\xff\xe0 a picture") -> Item:
    return Item(f"{NODE}-1-{number}", "picture", Priority.BACKGROUND, WALL_NS, jpeg)


def batch(*items: Item, node: str = NODE) -> Batch:
    return Batch(node, "b", WALL_NS, 1, "good", list(items))


def raw(*items: Item, node: str = NODE) -> bytes:
    return msgspec.msgpack.encode(batch(*items, node=node))


def packed(*items: Item, node: str = NODE) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(raw(*items, node=node))


def checked(*items: Item, node: str = NODE) -> Checked:
    """What the endpoint makes of them."""
    decoded = decode(raw(*items, node=node), node)
    into = Checked(sent_wall_ns=decoded.sent_wall_ns)
    check(decoded.items, into)
    return into
