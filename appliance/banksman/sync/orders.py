"""Carries out what the endpoint orders: little, named in a table, and each order at most once.

    heartbeat --Orders--> mine? known? in time? repeated? --> do --> OrderResult, sent until taken
                                                              '---> audit

Rules of this file
- Only names of the table (`deeds`) are carried out. None of them writes an output, arms, or resets
  a trip: what moves a machine is decided on the box.
- An order is noted before it is begun. A crash in between leaves it undone and answered "failed":
  at most once, never twice.
- An id is remembered until its order has expired, so no replay is carried out however many came in
  between; with too many of them in their time, new ones are refused.
- In time is judged by the endpoint's clock where its answer tells it: a box whose clock is wrong
  obeys no old order, and misses no new one.
- Results are kept until the endpoint has them, over restarts; all of it bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from banksman.clock import Clock
from banksman.wire.messages import Priority
from banksman.wire.uplink import Item, Order, OrderResult

STATE_KEY = "sync.orders"
REMEMBERED = 1_000
RESULTS = 64
MESSAGE_CHARS = 500
ID_CHARS = 100
ARGUMENTS_BYTES = 4 * 1024
DETAILS_BYTES = 32 * 1024  # of one result
DETAILS_BYTES_KEPT = 128 * 1024  # of all that wait; the oldest give way
WITHIN_S = 60.0
LIFE_MOST_NS = 31 * 86_400 * 10**9

Outcome = Literal["done", "failed", "expired", "refused", "unknown_name"]
# (event, by, details) for the audit.
Note = Callable[[str, str, dict[str, str]], None]

log = logging.getLogger(__name__)


class OrderFailed(Exception):
    """The order could not be carried out; the message says why."""


class OrderRefused(Exception):
    """The order is none that this box takes so; nothing was begun."""


class Done(msgspec.Struct, frozen=True):
    """What came of an order: words for people, and what they asked for."""

    message: str
    details: dict[str, Any] = {}


# Does one thing and says what came of it; raises OrderFailed or OrderRefused with the reason.
Deed = Callable[[Order], Awaitable[Done]]


class _Kept(msgspec.Struct):
    """What is known over restarts: ids with their expiry, and orders without a result yet."""

    known: dict[str, int] = {}
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
        note: Note = lambda _event, _by, _details: None,
    ) -> None:
        self.carried_out = 0
        self._node = node
        self._clock = clock
        self._next_id = next_id
        self._deeds = deeds
        self._save_state = save
        self._note = note
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

    async def carry_out(self, order: Order, endpoint_wall_ns: int = 0) -> None:
        """Do it unless it was seen before. ``endpoint_wall_ns``: its time now; 0: not told."""
        kept, now_ns = self._kept, endpoint_wall_ns or self._clock.wall_ns()
        if order.id in kept.known or len(order.id) > ID_CHARS:
            return
        wrong = self._wrong(order, now_ns)
        if wrong is None or len(kept.known) < REMEMBERED:
            kept.known[order.id] = min(order.expires_wall_ns, now_ns + LIFE_MOST_NS)
        if wrong is not None:
            self._answer(order.id, *wrong)
            self._tell(order, *wrong)
        else:
            kept.begun.append(order.id)
            self._save()
            outcome, done = await _do(self._deeds[order.name], order)
            kept.begun.remove(order.id)
            self.carried_out += outcome == "done"
            self._answer(order.id, outcome, done.message, done.details)
            self._tell(order, outcome, done.message)
        self._save()

    def _wrong(self, order: Order, now_ns: int) -> tuple[Outcome, str] | None:
        """Why it is not begun; None: it may be."""
        known = self._kept.known
        if order.node not in ("", self._node):
            return "refused", f"it is for node {order.node[:80]}, and this is {self._node}"
        if now_ns >= order.expires_wall_ns:
            return "expired", "it came after its time"
        if order.expires_wall_ns - now_ns > LIFE_MOST_NS:
            return "refused", "an order holds for 31 days at most"
        if order.name not in self._deeds:
            return "unknown_name", f"this box knows {', '.join(sorted(self._deeds))}"
        if len(msgspec.json.encode(order.arguments)) > ARGUMENTS_BYTES:
            return "refused", f"its arguments have over {ARGUMENTS_BYTES} bytes"
        for gone in [each for each, ends_ns in known.items() if ends_ns <= now_ns]:
            del known[gone]
        if len(known) >= REMEMBERED:
            return "refused", f"{REMEMBERED} orders are within their time: wait until some expire"
        return None

    def _answer(
        self, order: str, outcome: Outcome, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        log.info("order %s: %s %s", order, outcome, message[:MESSAGE_CHARS])
        result = OrderResult(
            self._next_id(),
            order,
            self._node,
            self._clock.wall_ns(),
            outcome,
            message[:MESSAGE_CHARS],
            dict(details or {}),
        )
        self._kept.results = _within([*self._kept.results, result][-RESULTS:])

    def _tell(self, order: Order, outcome: Outcome, message: str) -> None:
        name = order.name[:80] if order.name in self._deeds else "of an unknown name"
        by = f"{order.by[:80] or 'the endpoint'} by order {order.id}"
        self._note(f"order {name}: {outcome}", by, {"message": message[:MESSAGE_CHARS]})

    def _save(self) -> None:
        self._save_state(STATE_KEY, msgspec.json.encode(self._kept))


async def _do(deed: Deed, order: Order) -> tuple[Outcome, Done]:
    try:
        async with asyncio.timeout(WITHIN_S):
            done = await deed(order)
        if len(msgspec.json.encode(done.details)) > DETAILS_BYTES:
            done = Done(f"{done.message}; its details are too large to send")
    except OrderRefused as refused:
        return "refused", Done(str(refused))
    except OrderFailed as failed:
        return "failed", Done(str(failed))
    except TimeoutError:
        return "failed", Done(f"it took over {WITHIN_S:g} s")
    except Exception as error:  # an order must not end the uplink that brought it
        log.exception("order %s failed in a way that nobody foresaw", order.id)
        return "failed", Done(f"{type(error).__name__}; see the box's log")
    return "done", done


def _within(results: list[OrderResult]) -> list[OrderResult]:
    """The newest results whole; of older ones only the outcome, once all take too much room."""
    kept: list[OrderResult] = []
    room = DETAILS_BYTES_KEPT
    for result in reversed(results):
        room -= len(msgspec.json.encode(result.details))
        kept.append(result if room >= 0 else msgspec.structs.replace(result, details={}))
    return kept[::-1]
