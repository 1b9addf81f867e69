"""Delivers one parcel after another, and tells what became of each. Main loop.

    Parcel --seal, POST /v1/ingest--> Receipt: delivered
                                  --> 413: smaller --> busy: wait --> denied: stop --> trouble: wait

Rules of this file
- Only a receipt that fits the batch is believed; without one nothing is acknowledged. So a login
  page, a broken proxy or a liar in between costs time and no record.
- Whatever the outcome, the meter hears of it.
- What must arrive soon is given up soon: a connection that died unseen must not hold it. Each time
  that a connection was made and stayed silent the patience doubles, for the endpoint may be slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from banksman.clock import Clock
from banksman.sync.link import LinkMeter
from banksman.sync.parcel import WrongReceipt, receipt_of, seal
from banksman.sync.transport import Answer, NoAnswer, Transport
from banksman.wire.uplink import Item, RefusedItem

WITHIN_LEAST_S = 8.0
WITHIN_MOST_S = 90.0
SOON_LEAST_S = 1.0
SOON_PATIENCE = 2.0
# Of the time that a batch should take: slower than this and the link is another one by now.
PATIENCE = 4.0
RETRY_AFTER_MOST_S = 600.0

log = logging.getLogger(__name__)


class Delivered(msgspec.Struct, frozen=True):
    """All items are at the endpoint, but those that it refused for ever."""

    refused: tuple[RefusedItem, ...]
    repeated: int


class TooLarge(msgspec.Struct, frozen=True):
    """Cut it in two."""


class Busy(msgspec.Struct, frozen=True):
    """Come again later."""

    after_s: float | None


class Denied(msgspec.Struct, frozen=True):
    """This box may not send."""

    why: str


class Trouble(msgspec.Struct, frozen=True):
    """Nothing is known of what became of it. ``reached``: somebody was there."""

    why: str
    reached: bool


Fate = Delivered | TooLarge | Busy | Denied | Trouble


class Courier:
    """See the rules above. ``spent`` is told of every byte on the wire."""

    def __init__(
        self,
        transport: Transport,
        meter: LinkMeter,
        node: str,
        clock: Clock,
        mono_s: Callable[[], float],
        spent: Callable[[int], None],
    ) -> None:
        self.batches = self.wire_bytes = self.repeated = 0
        self._transport = transport
        self._meter = meter
        self._node = node
        self._clock = clock
        self._mono_s = mono_s
        self._spent = spent
        self._soon_s = SOON_LEAST_S

    async def deliver(
        self, items: Sequence[Item], level: int, padding_bytes: int = 0, *, soon: bool = False
    ) -> Fate:
        """Send these items as one batch."""
        body = await asyncio.to_thread(seal, items, self._node, self._clock, level, padding_bytes)
        try:
            answer = await self.call(
                "POST", "/v1/ingest", body, "application/msgpack", encoding="zstd", soon=soon
            )
        except NoAnswer as none:
            return Trouble(str(none), none.reached)
        fate = fate_of(answer, items)
        if isinstance(fate, Delivered):
            self.batches += 1
            self.repeated += fate.repeated
        return fate

    async def call(
        self,
        method: str,
        path: str,
        body: bytes,
        content_type: str = "application/json",
        encoding: str = "",
        *,
        soon: bool = False,
    ) -> Answer:
        """One request, measured. Raises NoAnswer."""
        within_s = self._within_s(len(body), soon)
        try:
            answer = await self._transport.call(
                method, path, body, within_s, content_type, encoding
            )
        except NoAnswer as none:
            if soon and none.silent:
                self._soon_s = min(WITHIN_LEAST_S, 2 * self._soon_s)
            self._meter.failed(self._mono_s())
            if not none.unsent:
                self._spent(len(body))
            raise
        if soon:
            self._soon_s = SOON_LEAST_S
        self.wire_bytes += answer.wire_bytes
        self._spent(answer.wire_bytes)
        if answer.status < 500:
            self._meter.succeeded(
                self._mono_s(), len(body), answer.took_s, answer.round_trip_s,
                answer.least_trip_s, answer.window_bytes,
            )  # fmt: skip
        else:
            self._meter.failed(self._mono_s())
        return answer

    def _within_s(self, size: int, soon: bool) -> float:
        """How long a request may take over the link as it was measured."""
        state = self._meter.state
        expected_s = size * 8 / 1e6 / max(state.goodput_mbit or 0.1, 1e-3)
        expected_s += (state.round_trip_ms or 500.0) / 1e3
        if soon:
            return min(WITHIN_MOST_S, self._soon_s + SOON_PATIENCE * expected_s)
        return min(WITHIN_MOST_S, WITHIN_LEAST_S + PATIENCE * expected_s)


def fate_of(answer: Answer, items: Sequence[Item]) -> Fate:
    """What an answer to these items means."""
    match answer.status:
        case 200:
            try:
                receipt = receipt_of(answer.body, items)
            except WrongReceipt as wrong:
                return Trouble(f"{wrong}: is something else in between?", reached=True)
            return Delivered(tuple(receipt.refused), receipt.repeated)
        case 413:
            return TooLarge()
        case 429 | 503:
            after_s = answer.retry_after_s
            return Busy(None if after_s is None else min(after_s, RETRY_AFTER_MOST_S))
        case 401 | 403:
            return Denied(f"it answers with status {answer.status}")
        case status:
            return Trouble(f"it answers with status {status}", reached=True)
