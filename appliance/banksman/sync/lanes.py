"""The lanes: each asks for what is its own and sends it, one request at a time. Main loop.

Rules of this file
- A lane never waits for another: a critical record passes a backlog, what is fresh goes beside it,
  and a stuck batch stops no heartbeat.
- While a bulk batch is on its way the next one is packed, so that a thin link stays full.
- Where more critical records wait than one request takes, the newest go first with the oldest.
  While nobody answers a few of them knock: they are packed anew for each try, for weeks if it must.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from banksman.store.rows import OutboxRow
from banksman.sync.courier import Delivered
from banksman.sync.delivery import Delivery
from banksman.sync.outbox import CHANNEL
from banksman.sync.parcel import Entry, Parcel, fill
from banksman.sync.parts import Parts, status_of
from banksman.sync.pictures import PictureLane
from banksman.sync.policy import Plan
from banksman.sync.schedule import BACKLOG_READINGS, LIVE_S
from banksman.sync.turns import LINGER_S, Turns
from banksman.wire.messages import Priority

URGENT_ROWS = 200
KNOCK_ROWS = 10
URGENT_BYTES = 64 * 1024
CRITICAL = (Priority.CRITICAL,)


class Lanes:
    """See the rules above. ``plan`` is asked anew for each request."""

    def __init__(
        self, parts: Parts, plan: Callable[[], Plan], turns: Turns, delivery: Delivery
    ) -> None:
        self._parts = parts
        self._plan = plan
        self._turns = turns
        self._delivery = delivery
        self._flying: Parcel = ()  # the bulk lane's: under way and packed

    async def urgent(self) -> None:
        """Critical rows, what orders brought about and the shadow: at once."""
        while True:
            await self._turns.may_try("urgent")
            self._turns.heard("urgent")
            rows = await self._critical()
            items = [Entry(item, len(item.body)) for item in self._parts.beat.items()]
            if not rows and not items:
                await self._turns.sleep("urgent")
                continue
            level = self._plan().level
            entries = await asyncio.to_thread(fill, rows, (), URGENT_BYTES, level)
            await self._delivery.deliver("urgent", (*entries, *items), level)

    async def _critical(self) -> list[OutboxRow]:
        parts = self._parts
        most = URGENT_ROWS if parts.standing.state == "up" else KNOCK_ROWS
        rows = await parts.bulk.rows(CRITICAL, most)
        if len(rows) < most:
            return rows
        fresh = await parts.outbox.next_rows(CHANNEL, most // 2, CRITICAL, newest=True)
        known = {row.row_id for row in fresh} | parts.bulk.skipped
        return [*fresh, *(row for row in rows if row.row_id not in known)][:most]

    async def bulk(self) -> None:
        """Everything else, by the schedule."""
        ahead: Parcel = ()
        while True:
            await self._turns.may_try("bulk")
            parcel, ahead = ahead, ()
            if not parcel:
                self._turns.heard("bulk")
                found = await self._gather(())
                if not isinstance(found, tuple):
                    if await self._probed():
                        continue
                    await self._turns.sleep("bulk", found)
                    await asyncio.sleep(LINGER_S)
                    continue
                parcel = found
            ahead = await self._send(parcel)

    async def _send(self, parcel: Parcel) -> Parcel:
        """Deliver it and pack the next one meanwhile; what was packed, if its turn has come."""
        self._flying = parcel
        packing = asyncio.create_task(self._gather(parcel))
        try:
            delivered = await self._delivery.deliver("bulk", parcel, self._plan().level)
            after = await packing
        finally:
            packing.cancel()
            self._flying = ()
        if not delivered:
            self._parts.bulk.failed(parcel)
            if isinstance(after, tuple):
                self._parts.bulk.failed(after)
            return ()
        return after if isinstance(after, tuple) else ()

    async def _gather(self, flying: Parcel) -> Parcel | float:
        parts = self._parts
        found = await parts.bulk.gather(
            self._plan(), parts.spending.left_bytes, parts.mono_s(), flying
        )
        if isinstance(found, tuple):
            self._flying = (*flying, *found)
        return found

    async def _probed(self) -> bool:
        """Measure the idle link if that is due; True when it was."""
        parts = self._parts
        if parts.standing.state != "up":
            return False
        plan = self._plan()
        size = parts.prober.due(plan, parts.meter.state, parts.mono_s())
        if size is None:
            return False
        self._delivery.judge("bulk", await parts.courier.deliver((), plan.level, size))
        return True

    async def live(self) -> None:
        """What is fresh, beside a backlog."""
        parts = self._parts
        live = parts.bulk.live
        while True:
            await self._turns.may_try("live")
            self._turns.heard("live")
            live.look()
            plan, left = self._plan(), parts.spending.left_bytes
            found: Parcel | float = LIVE_S
            if parts.standing.state == "up":  # who is there the other lanes find out
                most = parts.bulk.messages_most
                found = await live.gather(plan, left, parts.mono_s(), self._flying, most)
            if not isinstance(found, tuple):
                await asyncio.sleep(found)
                continue
            live.rows_away = frozenset(e.row_id for e in found if e.row_id is not None)
            try:
                await self._delivery.deliver("live", found, plan.level)
            finally:
                live.rows_away = frozenset()

    async def beats(self) -> None:
        """Who this box is and how it is; what it shall do."""
        beat = self._parts.beat
        while True:
            await self._turns.may_try("beat")
            self._turns.heard("beat")
            fate = await beat.knock(status_of(self._parts, self._plan(), self._delivery.counts))
            self._delivery.judge("beat", fate)
            if isinstance(fate, Delivered):
                self._turns.tell("urgent")
                await self._turns.sleep("beat", beat.next_s)

    async def pictures(self, lane: PictureLane) -> None:
        """Pictures, piece by piece, beside everything else or after it."""
        parts = self._parts
        while True:
            await self._turns.may_try("pictures")
            self._turns.heard("pictures")
            rows, readings = parts.outbox.rows_owed(CHANNEL), parts.outbox.readings_owed(CHANNEL)
            quiet = not any(rows.values()) and readings < BACKLOG_READINGS
            goodput, left = parts.meter.state.goodput_mbit, parts.spending.left_bytes
            found = await lane.step(self._plan(), goodput, quiet, left)
            if isinstance(found, float):
                await self._turns.sleep("pictures", found)
            else:
                self._delivery.judge("pictures", found)
