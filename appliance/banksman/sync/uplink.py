"""The uplink: moves what the store owes the endpoint. Main loop; the map of this folder.

    store --critical rows-------> urgent lane --\\
    store --other rows, readings-> bulk lane ---- courier --HTTPS--> endpoint
    box   --heartbeat, orders----> beat lane ---/     |
    box   --pictures, in pieces-> picture lane -/     |
    meter <----------- bytes, times, outcomes --------'
    meter --every 5 s--> policy --Plan--> lanes, store (quota), questions to the cloud

Rules of this file
- Four lanes, each with one request at a time on a connection of its own: a critical record
  never waits behind a backlog, and a stuck batch stops no heartbeat.
- The store is told what a receipt names, and only that. What was in flight when the link broke is
  asked of the store again: the same ids, the same bytes.
- While a bulk batch is on its way the next one is packed, so that a thin link stays full.
"""

from __future__ import annotations

import asyncio
import logging

from banksman.status import SyncHistory, SyncStatus
from banksman.sync.bulk import CHANNEL
from banksman.sync.courier import Busy, Delivered, Denied, Fate, TooLarge, Trouble
from banksman.sync.link import history_of
from banksman.sync.parcel import Entry, Parcel, fill
from banksman.sync.parts import Counts, Parts, status_of
from banksman.sync.pictures import PictureLane
from banksman.sync.policy import Plan
from banksman.sync.schedule import BACKLOG_READINGS
from banksman.sync.standing import LANES, Lane
from banksman.sync.transport import connect_within_s
from banksman.wire.messages import Priority

URGENT_ROWS = 200
URGENT_BYTES = 64 * 1024
LINGER_S = 0.05  # what comes close together goes together
WAIT_MOST_S = 3600.0
TICK_S = 1.0

log = logging.getLogger(__name__)


class Uplink:
    """See the rules above. ``run`` it on the main loop; ``status`` from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._plan = parts.policy.plan(parts.meter.state, metered=True)
        self._news = {lane: asyncio.Event() for lane in LANES}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._counts = Counts()
        parts.outbox.listen(self._arrived)

    @property
    def plan(self) -> Plan:
        """What holds now."""
        return self._plan

    @property
    def interface(self) -> str | None:
        """Where its sockets leave; None leaves it to the routes."""
        return self._parts.transport.interface

    def status(self) -> SyncStatus:
        """The uplink's condition now; any thread."""
        return status_of(self._parts, self._plan, self._counts)

    def history(self, wall_minus_mono_ns: int) -> SyncHistory:
        """The link's last hour. Main loop."""
        return history_of(self._parts.meter.history, wall_minus_mono_ns)

    def try_anew(self) -> None:
        """Ask again at once: this box has another certificate. Main loop."""
        self._parts.standing.anew(self._parts.mono_s())
        for event in self._news.values():
            event.set()

    async def run(self) -> None:
        """Move what is owed until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            async with self._parts.transport, asyncio.TaskGroup() as tasks:
                await self._look()
                tasks.create_task(self._ticks())
                tasks.create_task(self._urgent())
                tasks.create_task(self._bulk())
                tasks.create_task(self._beats())
                if self._parts.pictures is not None:
                    tasks.create_task(self._pictures(self._parts.pictures))
        finally:
            self._loop = None
            self._parts.spending.save()

    # Lanes

    async def _urgent(self) -> None:
        """Critical rows, what orders brought about and the shadow: at once."""
        parts = self._parts
        while True:
            await self._may_try("urgent")
            self._news["urgent"].clear()
            rows = await parts.bulk.rows((Priority.CRITICAL,), URGENT_ROWS)
            items = [Entry(item, len(item.body)) for item in parts.beat.items()]
            if not rows and not items:
                await self._news["urgent"].wait()
                continue
            entries = await asyncio.to_thread(fill, rows, (), URGENT_BYTES, self._plan.level)
            await self._deliver("urgent", (*entries, *items))

    async def _bulk(self) -> None:
        """Everything else, by the schedule."""
        parts = self._parts
        ahead: Parcel = ()
        while True:
            await self._may_try("bulk")
            parcel, ahead = ahead, ()
            if not parcel:
                self._news["bulk"].clear()
                found = await self._gather(())
                if not isinstance(found, tuple):
                    if await self._probed():
                        continue
                    await self._sleep("bulk", found)
                    await asyncio.sleep(LINGER_S)
                    continue
                parcel = found
            packing = asyncio.create_task(self._gather(parcel))
            try:
                delivered = await self._deliver("bulk", parcel)
                after = await packing
            finally:
                packing.cancel()
            if isinstance(after, tuple):
                if delivered:
                    ahead = after
                else:
                    parts.bulk.failed(after)
            if not delivered:
                parts.bulk.failed(parcel)

    async def _probed(self) -> bool:
        """Measure the idle link if that is due; True when it was."""
        parts = self._parts
        if parts.standing.state != "up":
            return False
        goodput = parts.meter.state.goodput_mbit
        size = parts.prober.due(self._plan, goodput, parts.mono_s())
        if size is None:
            return False
        self._judge("bulk", await parts.courier.deliver((), self._plan.level, size))
        return True

    async def _gather(self, flying: Parcel) -> Parcel | float:
        parts = self._parts
        return await parts.bulk.gather(
            self._plan, parts.spending.left_bytes, parts.mono_s(), flying
        )

    async def _beats(self) -> None:
        """Who this box is and how it is; what it shall do."""
        parts = self._parts
        while True:
            await self._may_try("beat")
            self._news["beat"].clear()
            fate = await parts.beat.knock(self.status())
            self._judge("beat", fate)
            if isinstance(fate, Delivered):
                self._news["urgent"].set()
                await self._sleep("beat", parts.beat.next_s)

    async def _pictures(self, lane: PictureLane) -> None:
        """Pictures, piece by piece, beside everything else or after it."""
        parts = self._parts
        while True:
            await self._may_try("pictures")
            self._news["pictures"].clear()
            rows, readings = parts.outbox.rows_owed(CHANNEL), parts.outbox.readings_owed(CHANNEL)
            quiet = not any(rows.values()) and readings < BACKLOG_READINGS
            goodput, left = parts.meter.state.goodput_mbit, parts.spending.left_bytes
            found = await lane.step(self._plan, goodput, quiet, left)
            if isinstance(found, float):
                await self._sleep("pictures", found)
            else:
                self._judge("pictures", found)

    # One parcel

    async def _deliver(self, lane: Lane, parcel: Parcel) -> bool:
        """Send it, in halves where it is too large; True when none of it is left to send."""
        parts = self._parts
        fate = await parts.courier.deliver([entry.item for entry in parcel], self._plan.level)
        if isinstance(fate, Delivered):
            # Told first: whoever is woken by the good news must not be given these again.
            await self._settle(parcel, fate)
            self._judge(lane, fate)
            return True
        if isinstance(fate, TooLarge) or (isinstance(fate, Trouble) and fate.reached):
            tried = [entry.row_id for entry in parcel if entry.row_id is not None]
            await parts.outbox.fail_rows(CHANNEL, tried)
        if isinstance(fate, TooLarge) and len(parcel) > 1:
            half = len(parcel) // 2
            first = await self._deliver(lane, parcel[:half])
            return first and await self._deliver(lane, parcel[half:])
        if isinstance(fate, TooLarge):
            fate = self._too_large(parcel[0])
        self._judge(lane, fate)
        return False

    async def _settle(self, parcel: Parcel, fate: Delivered) -> None:
        parts = self._parts
        rows = [entry.row_id for entry in parcel if entry.row_id is not None]
        position = max((e.position for e in parcel if e.position is not None), default=None)
        if rows:
            await parts.outbox.acknowledge_rows(CHANNEL, rows)
        if position is not None:
            await parts.outbox.acknowledge_readings(CHANNEL, position)
        parts.bulk.delivered()
        parts.beat.taken({entry.item.id for entry in parcel})
        self._counts.records += len(rows)
        self._counts.messages += sum(entry.messages for entry in parcel)
        self._counts.refused += len(fate.refused)
        for item in fate.refused:
            why = "".join(c if c.isprintable() else "?" for c in item.why[:200])
            log.error("the endpoint refuses %s for ever: %s", item.id, why)
            parts.alarms.raise_alarm(
                "sync.refused",
                f"the endpoint refuses {item.id}: {why}. It is kept on this box only",
                Priority.IMPORTANT,
                "sync",
            )

    def _too_large(self, entry: Entry) -> Fate:
        """One item alone is too large for something in between."""
        bulk = self._parts.bulk
        if entry.messages > 1:
            bulk.messages_most = max(1, entry.messages // 2)
            return TooLarge()
        if entry.row_id is not None and bulk.skip(entry.row_id):
            self._parts.alarms.raise_alarm(
                "sync.too_large",
                f"{entry.item.id} is refused as too large on its way to the endpoint; it is kept "
                "here. Raise the limit of the proxy in between, and restart",
                Priority.IMPORTANT,
                "sync",
            )
            return TooLarge()
        return Busy(None)

    def _judge(self, lane: Lane, fate: Fate) -> None:
        """Tell the standing; a change is logged, a refusal is an alarm."""
        standing, now_s = self._parts.standing, self._parts.mono_s()
        match fate:
            case Delivered():
                if standing.succeeded(lane, now_s):
                    log.info("sync: up, %s", self._parts.peer)
                    self._parts.alarms.clear_alarm("sync.denied")
                    self._parts.bulk.skipped.clear()
                    for event in self._news.values():
                        event.set()
                return
            case TooLarge():
                return
            case Denied(why):
                changed = standing.denied(why, now_s)
                self._parts.alarms.raise_alarm(
                    "sync.denied",
                    f"{self._parts.peer} does not let this box send: {why}. Enrol it anew",
                    Priority.IMPORTANT,
                    "sync",
                )
            case Busy(after_s):
                changed = standing.trouble(lane, "it is busy", after_s, now_s)
            case trouble if trouble.reached:
                changed = standing.trouble(lane, trouble.why, None, now_s)
            case trouble:
                changed = standing.nobody(lane, trouble.why, now_s)
        self._counts.failed += 1
        if changed:
            log.warning("sync: %s, %s: %s", standing.state, self._parts.peer, standing.message)

    # Time

    async def _may_try(self, lane: Lane) -> None:
        while wait_s := self._parts.standing.wait_s(lane, self._parts.mono_s()):
            self._news[lane].clear()
            await self._sleep(lane, wait_s)
            if self._news[lane].is_set() and wait_s > LINGER_S:
                # Whatever is new must not turn a wait into a busy loop.
                await asyncio.sleep(LINGER_S)

    async def _sleep(self, lane: Lane, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(seconds, WAIT_MOST_S)):
                await self._news[lane].wait()
        except TimeoutError:
            return

    async def _ticks(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            parts = self._parts
            standing, profile = parts.standing.state, self._plan.profile
            if parts.meter.tick(parts.mono_s(), standing, profile) is not None:
                await self._look()
                parts.spending.save()

    async def _look(self) -> None:
        """Bring interface and plan up to date."""
        parts = self._parts
        now_s = parts.mono_s()
        down_s = now_s - parts.standing.since_s if parts.standing.state == "down" else 0.0
        moved = await parts.watch.look(now_s, down_s)
        if moved and parts.transport.interface != parts.watch.bound_to:
            log.info("sync: leaves by %s", parts.watch.bound_to or "the routes")
            parts.meter.reset()
            await parts.transport.leave_by(parts.watch.bound_to)
        parts.transport.connect_s = connect_within_s(parts.meter.state.round_trip_ms)
        before = self._plan
        self._plan = parts.policy.plan(parts.meter.state, parts.watch.choice.metered)
        parts.spending.metered = self._plan.metered
        parts.asking.share = self._plan.cloud_share
        if self._plan.retention != before.retention:
            parts.outbox.stretch(self._plan.retention)
        if self._plan != before:
            self._news["bulk"].set()
        if self._plan.profile != before.profile:
            log.info("sync: profile %s", self._plan.profile)

    def _arrived(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._news["urgent"].set()
        self._news["bulk"].set()
