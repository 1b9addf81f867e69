"""Registration and heartbeat: says who and how this box is, takes orders. Main loop.

    PUT /v1/node        at the start, and when what it says has changed
    POST /v1/heartbeat  every ``next_s`` -> Orders: carried out, desired state taken

Rules of this file
- The endpoint may ask for heartbeats sooner or later, within `NEXT_LEAST_S` and `NEXT_MOST_S`.
- What an answer asks for is bounded: so many orders, so many bytes, and no name but ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from banksman.status import SyncStatus
from banksman.sync.courier import Courier, Delivered, Fate, TooLarge, Trouble, fate_of
from banksman.sync.orders import OrderBook
from banksman.sync.shadow import Shadow
from banksman.sync.transport import NoAnswer
from banksman.wire.uplink import Heartbeat, Item, LinkReport, Orders, Registration

NEXT_LEAST_S = 1.0
NEXT_MOST_S = 3600.0
ORDERS_MOST = 32
METERED_SLOWER = 10.0

log = logging.getLogger(__name__)


class Beat:
    """See the rules above."""

    def __init__(
        self,
        courier: Courier,
        registration: Callable[[], Registration],
        heartbeat: Callable[[LinkReport, int], Heartbeat],
        reported: Callable[[], Mapping[str, Any]],
        orders: OrderBook,
        shadow: Shadow,
        every_s: float,
        wall_ns: Callable[[], int],
    ) -> None:
        """``heartbeat`` makes one of the link's report and the desired version carried out."""
        self.next_s = every_s
        self._courier = courier
        self._registration = registration
        self._heartbeat = heartbeat
        self._reported = reported
        self._orders = orders
        self._shadow = shadow
        self._every_s = every_s
        self._wall_ns = wall_ns
        self._registered: Registration | None = None

    def items(self) -> list[Item]:
        """What orders and the shadow have to say."""
        report = self._shadow.item(self._reported(), self._wall_ns())
        return [*self._orders.items(), *([report] if report is not None else [])]

    def taken(self, ids: set[str]) -> None:
        """The endpoint has these."""
        self._orders.taken(ids)
        self._shadow.taken(ids)

    async def knock(self, status: SyncStatus) -> Fate:
        """Register if there is news, then a heartbeat; what became of it."""
        registration = self._registration()
        try:
            if registration != self._registered:
                body = msgspec.json.encode(registration)
                answer = await self._courier.call("PUT", "/v1/node", body)
                if answer.status != 204:
                    return _not_200(fate_of(answer, ()), answer.status)
                self._registered = registration
            report = LinkReport(
                interface=status.interface,
                metered=status.metered,
                goodput_mbit=status.goodput_mbit,
                round_trip_ms=status.round_trip_ms,
                reliability=status.reliability,
                profile=status.profile,
            )
            heartbeat = msgspec.structs.replace(
                self._heartbeat(report, self._shadow.desired_version), next_s=self.next_s
            )
            body = msgspec.json.encode(heartbeat)
            answer = await self._courier.call("POST", "/v1/heartbeat", body)
        except NoAnswer as none:
            return Trouble(str(none), none.reached)
        if answer.status != 200:
            return _not_200(fate_of(answer, ()), answer.status)
        try:
            orders = msgspec.json.decode(answer.body, type=Orders)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return Trouble("the answer to a heartbeat is none: is something else in between?", True)
        await self._obey(orders, status.metered)
        return Delivered((), 0)

    async def _obey(self, orders: Orders, metered: bool) -> None:
        if orders.desired is not None:
            self._shadow.desire(orders.desired)
        own_s = self._shadow.desired.get("heartbeat_s", self._every_s)
        wanted_s = own_s if orders.next_s is None else orders.next_s
        if not orders.orders and metered:
            wanted_s = max(wanted_s, own_s * METERED_SLOWER)
        if not NEXT_LEAST_S <= wanted_s <= NEXT_MOST_S:  # NaN is neither
            wanted_s = own_s
        self.next_s = wanted_s
        if orders.resend_shadow:
            self._shadow.resend()
        for order in orders.orders[:ORDERS_MOST]:
            await self._orders.carry_out(order, orders.wall_ns)


def _not_200(fate: Fate, status: int) -> Fate:
    """An answer that is no receipt is no success either."""
    if isinstance(fate, Delivered | TooLarge):
        return Trouble(f"it answers with status {status} where none was expected", reached=True)
    return fate
