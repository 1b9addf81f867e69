"""What boxes ask of the endpoint (`banksman.wire.uplink`).

    PUT  /v1/node        POST /v1/ingest     POST /v1/heartbeat
    POST /v1/decide      GET  /healthz

Rules of this file
- Who speaks is asked first, then whether there is room, and only then is a body read.
- A Receipt is sent when its batch is durable, and never before.
- Long work is cut: between a few hundred items others have their turn, so that a question's
  deadline does not wait behind somebody's backlog.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from banksman.wire.messages import AskMessage
from banksman.wire.problems import Refusal
from banksman.wire.uplink import BATCH_BYTES_MAX, Heartbeat, Orders, Receipt, Registration
from banksman_cloud.answering import Adviser, NoAnswer
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.errors import Unavailable
from banksman_cloud.ingest.body import PACKED_BYTES_MAX, too_large, unpack, unpacked_bytes
from banksman_cloud.ingest.checking import BadBatch, Checked, check, decode
from banksman_cloud.operators import Operator
from banksman_cloud.web.callers import Identity, checked_name, speaker
from banksman_cloud.web.replies import bytes_of, json_of, json_reply, later
from banksman_cloud.web.turnstile import Full, Ticket, Turnstile

T = TypeVar("T")

ITEMS_A_TURN = 200
HELD_FOLD = 3  # a batch is held unpacked, as items, and as values on their way to the database
UNAVAILABLE_RETRY_S = 5


class Health(msgspec.Struct, frozen=True):
    """Somebody is there."""

    status: str


class Boxes:
    """The handlers. ``counts`` tells what happened since this worker's start."""

    def __init__(
        self,
        endpoint: Endpoint,
        identity: Identity,
        adviser: Adviser,
        turnstile: Turnstile,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.turnstile = turnstile
        self._endpoint = endpoint
        self._identity = identity
        self._adviser = adviser
        self._mono_s = mono_s

    async def healthz(self, _request: web.Request, _by: Operator | None) -> web.Response:
        """Whether anybody is there; asks nothing of the database."""
        return json_reply(Health("ok"))

    async def register(self, request: web.Request, _by: Operator | None) -> web.Response:
        """Who a node is."""
        caller = await self._identity.caller(request)
        registration = await json_of(request, Registration)
        speaker(caller, registration.node)
        await self._kept(self._endpoint.register(registration))
        return web.Response(status=204)

    async def heartbeat(self, request: web.Request, _by: Operator | None) -> web.Response:
        """How a node is; what it shall do."""
        caller = await self._identity.caller(request)
        heartbeat = await json_of(request, Heartbeat)
        speaker(caller, heartbeat.node)
        orders: Orders = await self._kept(self._endpoint.heartbeat(heartbeat))
        return json_reply(orders)

    async def ingest(self, request: web.Request, _by: Operator | None) -> web.Response:
        """Records, durable when the Receipt is sent."""
        caller = await self._identity.caller(request)
        try:
            declared = request.content_length
            room = PACKED_BYTES_MAX if declared is None else min(declared, PACKED_BYTES_MAX)
            with self.turnstile.enter(caller, room) as ticket:
                receipt = await self._ingest(request, caller, ticket)
        except Full as full:
            raise later("busy", str(full), full.retry_after_s) from None
        except BadBatch as bad:
            remedy = "Cut it in two." if bad.status == 413 else "See /api for what is expected."
            raise Refusal(bad.status, bad.kind, str(bad), remedy) from None
        self.counts["taken"] += receipt.taken
        self.counts["repeated"] += receipt.repeated
        self.counts["refused"] += len(receipt.refused)
        return json_reply(receipt)

    async def _ingest(self, request: web.Request, caller: str, ticket: Ticket) -> Receipt:
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("zstd", "identity"):
            raise Refusal(
                415, "encoding", f"Content-Encoding {encoding} is not read here", "Use zstd."
            )
        data = await bytes_of(request, PACKED_BYTES_MAX)
        if encoding == "zstd":
            ticket.grow(HELD_FOLD * unpacked_bytes(data))
            data = unpack(data)
        elif len(data) > BATCH_BYTES_MAX:
            raise too_large()
        else:
            ticket.grow((HELD_FOLD - 1) * len(data))
        raw = decode(data, caller)
        node = caller or checked_name(raw.node)
        batch = Checked(sent_wall_ns=raw.sent_wall_ns)
        for at in range(0, len(raw.items), ITEMS_A_TURN):
            check(raw.items[at : at + ITEMS_A_TURN], batch)
            await asyncio.sleep(0)
        receipt: Receipt = await self._kept(self._endpoint.ingest(node, batch))
        return receipt

    async def decide(self, request: web.Request, _by: Operator | None) -> web.Response:
        """A decision within the asker's deadline, or 504: the box takes its safe action."""
        begun_s = self._mono_s()
        caller = await self._identity.caller(request)
        ask = await json_of(request, AskMessage)
        speaker(caller, ask.node)
        try:
            answer = self._adviser.answer(ask)
        except NoAnswer as none:
            self.counts["unanswered"] += 1
            raise Refusal(504, "no-answer", str(none), "Take the safe action.") from None
        took_ms = (self._mono_s() - begun_s) * 1e3
        if not took_ms <= ask.deadline_ms:
            self.counts["late"] += 1
            raise Refusal(
                504, "too-late", f"{took_ms:.0f} ms have passed, the deadline was "
                f"{ask.deadline_ms:g} ms", "Take the safe action.",
            )  # fmt: skip
        self.counts["answered"] += 1
        return json_reply(answer)

    async def _kept(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except Unavailable as error:
            self.counts["unavailable"] += 1
            raise later("unavailable", str(error), UNAVAILABLE_RETRY_S, 503) from None
