"""The uplink: moves what the store owes the endpoint. Main loop; the map of this folder.

    store --critical rows-------> urgent lane --\\
    store --what is fresh-------> live lane -----\\
    store --other rows, readings-> bulk lane ----- courier --HTTPS--> endpoint
    box   --heartbeat, orders----> beat lane ----/     |
    box   --pictures, in pieces-> picture lane -/      |
    meter <----------- bytes, times, outcomes ---------'
    meter --every 5 s--> policy --Plan--> lanes, store (quota), questions to the cloud

Rules of this file
- Five lanes (`lanes`), each with one request at a time on a connection of its own.
- Here is what they share: the plan of now, brought up to date when the meter has a new state.
- Whatever arrives in the store wakes the lanes; from any thread.
"""

from __future__ import annotations

import asyncio
import logging

from banksman.status import SyncHistory, SyncStatus
from banksman.sync.delivery import Delivery
from banksman.sync.lanes import Lanes
from banksman.sync.link import history_of
from banksman.sync.parts import Parts, status_of
from banksman.sync.policy import Plan
from banksman.sync.transport import connect_within_s
from banksman.sync.turns import Turns

TICK_S = 1.0

log = logging.getLogger(__name__)


class Uplink:
    """See the rules above. ``run`` it on the main loop; ``status`` from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._plan = parts.policy.plan(parts.meter.state, metered=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = Turns(parts.standing, parts.mono_s)
        self._delivery = Delivery(parts, self._turns)
        self._lanes = Lanes(parts, lambda: self._plan, self._turns, self._delivery)
        parts.outbox.listen(self._arrived)

    @property
    def plan(self) -> Plan:
        """What holds now."""
        return self._plan

    @property
    def interface(self) -> str | None:
        """Where its sockets leave; None leaves it to the routes."""
        return self._parts.transport.interface

    @property
    def metered(self) -> bool:
        """Whether bytes cost something now."""
        return self._plan.metered

    @property
    def left_bytes(self) -> int | None:
        """What a metered link may still carry; None: no limit, or not metered. Main loop."""
        return self._parts.spending.left_bytes

    def spend(self, size: int) -> None:
        """Others sent so many bytes over its link. Main loop."""
        self._parts.spending.spend(size)

    @property
    def up(self) -> bool:
        """Whether the endpoint has answered last; any thread."""
        return self._parts.standing.state == "up"

    def status(self) -> SyncStatus:
        """The uplink's condition now; any thread."""
        return status_of(self._parts, self._plan, self._delivery.counts)

    def history(self, wall_minus_mono_ns: int) -> SyncHistory:
        """The link's last hour. Main loop."""
        return history_of(self._parts.meter.history, wall_minus_mono_ns)

    def try_anew(self) -> None:
        """Ask again at once: this box has another certificate. Main loop."""
        self._parts.standing.anew(self._parts.mono_s())
        self._turns.tell()

    async def run(self) -> None:
        """Move what is owed until cancelled."""
        self._loop = asyncio.get_running_loop()
        lanes = self._lanes
        try:
            async with self._parts.transport, asyncio.TaskGroup() as tasks:
                await self._look()
                tasks.create_task(self._ticks())
                for lane in (lanes.urgent, lanes.live, lanes.bulk, lanes.beats):
                    tasks.create_task(lane())
                if self._parts.pictures is not None:
                    tasks.create_task(lanes.pictures(self._parts.pictures))
        finally:
            self._loop = None
            self._parts.spending.save()

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
        parts.outbox.stretch(self._plan.retention)
        if self._plan != before:
            self._turns.tell("bulk")
        if self._plan.profile != before.profile:
            log.info("sync: profile %s", self._plan.profile)

    def _arrived(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._turns.tell, "urgent", "bulk")
