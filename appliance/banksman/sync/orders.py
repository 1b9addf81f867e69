"""Carries out what the endpoint orders: little, named here, and each order at most once.

    heartbeat --Orders--> known? expired? repeated? --> do --> OrderResult, sent until taken

Rules of this file
- Only names of the table are carried out. None of them writes an output, arms, or resets a trip:
  what moves a machine is decided on the box.
- An order is noted before it is begun. A crash in between leaves it undone and answered "failed":
  at most once, never twice.
- Results are kept until the endpoint has them, over restarts; all of it bounded.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from banksman.clock import Clock
from banksman.wire.messages import Priority
from banksman.wire.uplink import Item, Order, OrderResult

STATE_KEY = "sync.orders"
REMEMBERED = 256
RESULTS = 64
MESSAGE_CHARS = 500

# Does one thing and says what came of it; raises OrderFailed with the reason.
Deed = Callable[[Order], Awaitable[str]]
Outcome = Literal["done", "failed", "expired", "refused", "unknown_name"]

log = logging.getLogger(__name__)


class OrderFailed(Exception):
    """The order could not be carried out; the message says why."""


class _Kept(msgspec.Struct):
    """What is known over restarts. ``begun``: orders without a result yet."""

    seen: list[str] = []
    begun: list[str] = []
    results: list[OrderResult] = []


class OrderBook:
    """See the rules above; the main loop only."""

    def __init__(
        self,
        node: str,
        clock: Clock,
        next_id: Callable[[], str],
        deeds: Mapping[str, Deed],
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
    ) -> None:
        self.carried_out = 0
        self._node = node
        self._clock = clock
        self._next_id = next_id
        self._deeds = deeds
        self._save_state = save
        try:
            self._kept = msgspec.json.decode(load(STATE_KEY) or b"{}", type=_Kept)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._kept = _Kept()
        for order in self._kept.begun:
            self._answer(order, "failed", "this box stopped while it was carried out")
        self._kept.begun.clear()

    def items(self) -> list[Item]:
        """The results that the endpoint does not have yet."""
        return [
            Item(
                result.id,
                "result",
                Priority.IMPORTANT,
                max(0, result.wall_ns),
                msgspec.json.encode(result),
            )
            for result in self._kept.results
        ]

    def taken(self, ids: set[str]) -> None:
        """The endpoint has these results."""
        kept = [result for result in self._kept.results if result.id not in ids]
        if len(kept) < len(self._kept.results):
            self._kept.results = kept
            self._save()

    async def carry_out(self, order: Order) -> None:
        """Do it unless it was seen before."""
        kept = self._kept
        if order.id in kept.seen:
            return
        kept.seen = [*kept.seen, order.id][-REMEMBERED:]
        deed = self._deeds.get(order.name)
        if self._clock.wall_ns() >= order.expires_wall_ns:
            self._answer(order.id, "expired", "it came after its time")
        elif deed is None:
            known = ", ".join(sorted(self._deeds))
            self._answer(order.id, "unknown_name", f"this box knows {known}")
        else:
            kept.begun.append(order.id)
            self._save()
            outcome, message = await _do(deed, order)
            kept.begun.remove(order.id)
            self.carried_out += outcome == "done"
            self._answer(order.id, outcome, message)
        self._save()

    def _answer(self, order: str, outcome: Outcome, message: str) -> None:
        log.info("order %s: %s %s", order, outcome, message)
        result = OrderResult(
            self._next_id(),
            order,
            self._node,
            self._clock.wall_ns(),
            outcome,
            message[:MESSAGE_CHARS],
        )
        self._kept.results = [*self._kept.results, result][-RESULTS:]

    def _save(self) -> None:
        self._save_state(STATE_KEY, msgspec.json.encode(self._kept))


async def _do(deed: Deed, order: Order) -> tuple[Outcome, str]:
    try:
        return "done", await deed(order)
    except OrderFailed as failed:
        return "failed", str(failed)
