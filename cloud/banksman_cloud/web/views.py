"""What the fleet page and the API show, made from what the database holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from banksman.wire.uplink import LinkReport
from banksman_cloud.alarms import OpenAlarm
from banksman_cloud.endpoint import NodeDetails
from banksman_cloud.links import LinkPoint
from banksman_cloud.nodes import NodeRow
from banksman_cloud.orders import OrderState
from banksman_cloud.records import Found
from banksman_cloud.retention import KINDS, Keep, Swept
from banksman_cloud.shadow import Shadow

LATE_BEATS = 3  # a node is late when so many have not come
HEARTBEAT_S = 30.0  # of a node that does not say when it will speak next
SILENT_NS = 15 * 60 * 10**9
SILENT_BEATS = 5
NEXT_MOST_S = 86_400.0
SHORT_NS = 15 * 86_400 * 10**9  # boxes renew when 30 days are left
CLOCK_OFF_NS = 60 * 10**9  # a node's clock this far from ours is pointed out

NodeState = Literal["up", "late", "silent", "new"]


class NodeView(msgspec.Struct, frozen=True):
    """A node in the fleet's list. ``state`` tells how long ago it was heard."""

    name: str
    state: NodeState
    site: str
    location: str
    version: str
    mode: str
    hardware: str
    devices: int
    ready: bool
    summary: str
    uptime_s: float
    heard_ns: int
    ingested_ns: int
    clock_off_s: float
    outbox: dict[str, int]
    behind: int
    dropped: dict[str, int]
    alarms_active: int
    latched: list[str]
    link: LinkReport
    revoked: bool
    certificate_ends_ns: int  # of the newest that may speak; 0: it has none
    certificate_short: bool  # it should have renewed it by now


class FleetView(msgspec.Struct, frozen=True):
    """Every node at one instant. ``worker`` counts what this worker did since its start."""

    wall_ns: int
    nodes: list[NodeView]
    worker: dict[str, int]


class DetailsView(msgspec.Struct, frozen=True):
    """One node with all that is known of it."""

    node: NodeView
    hardware: dict[str, Any]
    capabilities: dict[str, Any]
    devices: list[dict[str, Any]]
    shadow: Shadow
    orders: list[OrderState]
    alarms: list[OpenAlarm]
    links: list[LinkPoint]  # the newest heartbeats' links, oldest first


class AlarmsView(msgspec.Struct, frozen=True):
    """Alarms that are active or that nobody has acknowledged, of all nodes."""

    alarms: list[OpenAlarm]


class RecordsView(msgspec.Struct, frozen=True):
    """A page of records, newest first. ``cursor`` leads on; empty when there is no more."""

    records: list[Found]
    cursor: str


class KindKept(msgspec.Struct, frozen=True):
    """How long and how much of a kind is kept (0: no limit), and what was deleted of it."""

    kind: str
    days: float
    mb: float
    deleted_rows: int
    deleted_bytes: int
    deleted_ns: int  # the last time; 0: never


class RetentionView(msgspec.Struct, frozen=True):
    """What this endpoint keeps, and what it has deleted for being old or too much."""

    kinds: list[KindKept]
    swept_ns: int  # when the last sweep began; 0: none has


class SessionView(msgspec.Struct, frozen=True):
    """Who is logged in here, and whether one has to be."""

    signed_in: bool
    name: str
    csrf: str
    login_to_read: bool
    operators: bool


def retention_view(
    rules: Mapping[str, Keep], swept: Mapping[str, Swept], last_ns: int
) -> RetentionView:
    """Every kind's line; one without a rule is kept for ever."""
    kinds: list[KindKept] = []
    for kind in KINDS:
        keep, gone = rules.get(kind, Keep()), swept.get(kind, Swept())
        kinds.append(KindKept(kind, keep.days, keep.mb, gone.rows, gone.bytes, gone.last_ns))
    return RetentionView(kinds, last_ns)


def fleet_view(nodes: Iterable[NodeRow], worker: Mapping[str, int], now_ns: int) -> FleetView:
    """Every node's line."""
    return FleetView(now_ns, [node_view(node, now_ns) for node in nodes], dict(worker))


def node_view(node: NodeRow, now_ns: int) -> NodeView:
    """One node's line. What it never told is empty."""
    told, beat = node.registration, node.heartbeat
    return NodeView(
        name=node.name,
        state=state_of(node, now_ns),
        site=told.site if told else "",
        location=told.location if told else "",
        version=told.version if told else "",
        mode=beat.mode if beat else told.mode if told else "",
        hardware=_model(told.hardware) if told else "",
        devices=len(told.devices) if told else 0,
        ready=beat.ready if beat else False,
        summary=beat.summary if beat else "",
        uptime_s=beat.uptime_s if beat else 0.0,
        heard_ns=node.heard_ns,
        ingested_ns=node.ingested_ns,
        clock_off_s=node.clock_off_ns / 1e9 if abs(node.clock_off_ns) > CLOCK_OFF_NS else 0.0,
        outbox=beat.outbox if beat else {},
        behind=beat.behind if beat else 0,
        dropped=beat.dropped if beat else {},
        alarms_active=beat.alarms_active if beat else 0,
        latched=beat.latched if beat else [],
        link=beat.link if beat else LinkReport(),
        revoked=node.revoked_ns > 0,
        certificate_ends_ns=node.certificate_ends_ns,
        certificate_short=0 < node.certificate_ends_ns < now_ns + SHORT_NS,
    )


def state_of(node: NodeRow, now_ns: int) -> NodeState:
    """How long ago a node was heard, as a word; in beats of its own, over a metered link slow."""
    if not node.heard_ns:
        return "new"
    ago_ns = now_ns - node.heard_ns
    beat_ns = round(max(HEARTBEAT_S, _next_s(node)) * 1e9)
    if ago_ns < LATE_BEATS * beat_ns:
        return "up"
    return "late" if ago_ns < max(SILENT_NS, SILENT_BEATS * beat_ns) else "silent"


def _next_s(node: NodeRow) -> float:
    """When it meant to speak again; a node may say nonsense."""
    told = node.heartbeat.next_s if node.heartbeat else 0.0
    return told if 0 < told <= NEXT_MOST_S else 0.0


def details_view(details: NodeDetails, now_ns: int) -> DetailsView:
    """One node's page."""
    told = details.node.registration
    return DetailsView(
        node=node_view(details.node, now_ns),
        hardware=told.hardware if told else {},
        capabilities=told.capabilities if told else {},
        devices=told.devices if told else [],
        shadow=details.shadow,
        orders=details.orders,
        alarms=details.alarms,
        links=details.links,
    )


def _model(hardware: Mapping[str, Any]) -> str:
    """The board's name, where its profile gives one."""
    for key in ("model", "soc", "cpu_model", "family"):
        value = hardware.get(key)
        if isinstance(value, str) and value:
            return value
    return ""
