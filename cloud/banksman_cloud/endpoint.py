"""The endpoint without HTTP: what boxes and operators may ask, over one database.

Rules of this file
- ``node`` is always who speaks by its certificate; what a body says of it was checked before.
- Every method is one transaction. Nothing is kept between two calls, so any number of workers
  give the same answers.
- Time is this endpoint's own, from ``now_ns``.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from banksman.wire.uplink import (
    Desired,
    Heartbeat,
    Order,
    Orders,
    Receipt,
    Registration,
    UploadState,
)
from banksman_cloud.alarms import OpenAlarm, open_alarms
from banksman_cloud.ingest.checking import Checked
from banksman_cloud.ingest.keeping import keep
from banksman_cloud.links import LinkPoint, add_point, links_of
from banksman_cloud.nodes import NodeRow, all_nodes, find_node, hear, register, speaking_node
from banksman_cloud.orders import OrderState, check_offered, due, give, orders_of, withdraw
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.readings import ReadingsPage, ReadingsWanted, readings_page
from banksman_cloud.records import Page, Search, search
from banksman_cloud.retention import Swept, last_sweep_ns, swept_in_all
from banksman_cloud.shadow import (
    Shadow,
    check_settable,
    desire,
    must_resend,
    newer_desired,
    shadow_of,
)
from banksman_cloud.storage.port import Engine, Session
from banksman_cloud.uploads import (
    Piece,
    forget_upload,
    joined,
    picture_of,
    take_piece,
    upload_state,
)

T = TypeVar("T")

HEARTBEAT_BUSY_S = 5.0  # while orders wait for their results


class NoSuchNode(LookupError):
    """Nobody of that name has spoken yet."""


class NodeDetails(msgspec.Struct, frozen=True):
    """One node with all that is known of it."""

    node: NodeRow
    shadow: Shadow
    orders: list[OrderState]
    alarms: list[OpenAlarm]
    links: list[LinkPoint]


class Endpoint:
    """See the rules above. ``pictures`` None keeps pictures in the database."""

    def __init__(
        self, engine: Engine, now_ns: Callable[[], int], pictures: PictureFolder | None = None
    ) -> None:
        self.engine = engine
        self._now_ns = now_ns
        self._pictures = pictures

    # What boxes ask.

    async def register(self, registration: Registration) -> None:
        """Keep what a node says it is. Raises NodeRevoked."""
        now_ns = self._now_ns()
        await self.engine.write(lambda db: register(db, registration, now_ns))

    async def ingest(self, node: str, batch: Checked) -> Receipt:
        """Make a batch durable. Raises Unavailable, NodeRevoked, and then nothing was promised."""
        now_ns = self._now_ns()
        if batch.pictures and self._pictures is not None:
            batch.pictures = await asyncio.to_thread(self._pictures.write, batch.pictures)
        if not batch.count:
            return Receipt(0, 0, batch.refused)
        kept = await self.engine.write(lambda db: keep(db, node, batch, now_ns))
        return Receipt(kept.taken, kept.repeated, batch.refused)

    async def upload_state(self, node: str, name: str, sha256: str) -> UploadState:
        """How much of a picture is here. Raises NodeRevoked."""
        return await self.engine.write(
            lambda db: upload_state(db, speaking_node(db, node, self._now_ns()), name, sha256)
        )

    async def upload(self, node: str, sent: Piece) -> UploadState:
        """Keep a piece of a picture; with the last one it is kept as a record of its own.

        Raises Unavailable, NodeRevoked, TooManyUploads, WrongPlace, ItemRefused.
        """
        now_ns = self._now_ns()

        def work(db: Session) -> UploadState:
            db.lock(f"node {node}")
            return take_piece(db, speaking_node(db, node, now_ns), sent, now_ns)

        state = await self.engine.write(work)
        if state.done or state.here < sent.size:
            return state
        whole = await self.engine.read(lambda db: joined(db, node, sent.id))
        batch = await asyncio.to_thread(picture_of, sent, whole)
        if batch is not None:
            await self.ingest(node, batch)
        await self.engine.write(lambda db: forget_upload(db, node, sent.id))
        return UploadState(sent.id, sent.size if batch else 0, done=batch is not None)

    async def heartbeat(self, heartbeat: Heartbeat) -> Orders:
        """Keep a heartbeat; what the node shall do. Raises NodeRevoked."""
        now_ns = self._now_ns()

        def work(db: Session) -> Orders:
            db.lock(f"node {heartbeat.node}")
            no = speaking_node(db, heartbeat.node, now_ns)
            hear(db, no, heartbeat, now_ns)
            add_point(db, no, heartbeat.link, now_ns)
            orders = due(db, no, heartbeat.node, now_ns)
            return Orders(
                orders=orders,
                desired=newer_desired(db, no, heartbeat.shadow_version),
                resend_shadow=must_resend(db, no),
                next_s=HEARTBEAT_BUSY_S if orders else None,
                wall_ns=now_ns,
            )

        return await self.engine.write(work)

    # What operators ask.

    async def nodes(self) -> list[NodeRow]:
        """Every node."""
        return await self.engine.read(all_nodes)

    async def details(self, node: str) -> NodeDetails:
        """One node with all that is known of it. Raises NoSuchNode."""
        now_ns = self._now_ns()

        def work(db: Session) -> NodeDetails:
            row = _known(db, node)
            return NodeDetails(
                node=row,
                shadow=shadow_of(db, row.no),
                orders=orders_of(db, row.no, row.name, now_ns),
                alarms=open_alarms(db, node),
                links=links_of(db, row.no),
            )

        return await self.engine.read(work)

    async def alarms(self) -> list[OpenAlarm]:
        """The alarms of all nodes that concern someone."""
        return await self.engine.read(open_alarms)

    async def search(self, wanted: Search) -> Page:
        """A page of records. Raises BadSearch."""
        return await self.engine.read(lambda db: search(db, wanted))

    async def readings(self, wanted: ReadingsWanted) -> ReadingsPage:
        """A page of one node's readings. Raises BadSearch."""
        return await self.engine.read(lambda db: readings_page(db, wanted))

    async def swept(self) -> tuple[dict[str, Swept], int]:
        """What was deleted of each kind since this database was made, and the last sweep's time."""
        return await self.engine.read(lambda db: (swept_in_all(db), last_sweep_ns(db)))

    async def order(
        self, node: str, name: str, arguments: dict[str, Any], expires_s: float, by: str
    ) -> Order:
        """Give a node an order. Raises NoSuchNode, NotOffered, TooManyOrders."""
        now_ns = self._now_ns()
        expires_ns = now_ns + round(expires_s * 1e9)
        order = Order(f"order-{secrets.token_hex(8)}", name, expires_ns, arguments, node, by)

        def work(db: Session) -> Order:
            db.lock(f"node {node}")
            row = _known(db, node)
            check_offered(row, name)
            give(db, row.no, order, by, now_ns)
            return order

        return await self.engine.write(work)

    async def withdraw(self, node: str, order_id: str) -> None:
        """End an order that has not been sent. Raises NoSuchNode, NotWaiting."""
        now_ns = self._now_ns()

        def work(db: Session) -> None:
            db.lock(f"node {node}")
            withdraw(db, _known(db, node).no, order_id, now_ns)

        await self.engine.write(work)

    async def desire(
        self, node: str, values: dict[str, Any], by: str, if_version: int | None = None
    ) -> Desired:
        """Set a node's desired state. Raises NoSuchNode, NotSettable, VersionConflict."""
        now_ns = self._now_ns()

        def work(db: Session) -> Desired:
            db.lock(f"node {node}")
            row = _known(db, node)
            check_settable(row, values)
            return desire(db, row.no, values, by, now_ns, if_version)

        return await self.engine.write(work)


def _known(db: Session, node: str) -> NodeRow:
    row = find_node(db, node)
    if row is None:
        raise NoSuchNode(f"no node {node} has spoken here yet")
    return row
