"""One parcel after another, until none of it is left to send, or until it has to wait. Main loop.

    Parcel --courier--> Fate --> store: acknowledged, or tried in vain
                             --> standing: who may try when; people, where they must know

Rules of this file
- The store is told what a receipt names, and only that. What was in flight when the link broke is
  asked of the store again: the same ids, the same bytes.
- Too large for something in between: in halves, then in smaller blocks, then passed over.
"""

from __future__ import annotations

import logging

from banksman.sync.courier import Busy, Delivered, Denied, Fate, TooLarge, Trouble
from banksman.sync.outbox import CHANNEL
from banksman.sync.parcel import Entry, Parcel
from banksman.sync.parts import Counts, Parts
from banksman.sync.standing import Lane
from banksman.sync.turns import Turns
from banksman.wire.messages import Priority

log = logging.getLogger(__name__)


class Delivery:
    """See the rules above. ``counts``: what became of all of it."""

    def __init__(self, parts: Parts, turns: Turns) -> None:
        self.counts = Counts()
        self._parts = parts
        self._turns = turns

    async def deliver(self, lane: Lane, parcel: Parcel, level: int) -> bool:
        """Send it, in halves where it is too large; True when none of it is left to send."""
        parts = self._parts
        items = [entry.item for entry in parcel]
        fate = await parts.courier.deliver(items, level, soon=lane == "urgent")
        if isinstance(fate, Delivered):
            # Told first: whoever is woken by the good news must not be given these again.
            await self._settle(parcel, fate)
            self.judge(lane, fate)
            return True
        if isinstance(fate, TooLarge) or (isinstance(fate, Trouble) and fate.reached):
            tried = [entry.row_id for entry in parcel if entry.row_id is not None]
            await parts.outbox.fail_rows(CHANNEL, tried)
        if isinstance(fate, TooLarge) and len(parcel) > 1:
            half = len(parcel) // 2
            first = await self.deliver(lane, parcel[:half], level)
            return first and await self.deliver(lane, parcel[half:], level)
        if isinstance(fate, TooLarge):
            fate = self._too_large(parcel[0])
        self.judge(lane, fate)
        return False

    async def _settle(self, parcel: Parcel, fate: Delivered) -> None:
        parts = self._parts
        rows = [entry.row_id for entry in parcel if entry.row_id is not None]
        if rows:
            await parts.outbox.acknowledge_rows(CHANNEL, rows)
        for entry in parcel:
            if entry.position is not None:
                await parts.outbox.acknowledge_readings(CHANNEL, entry.position, entry.after)
        parts.bulk.delivered()
        parts.beat.taken({entry.item.id for entry in parcel})
        refused = {item.id for item in fate.refused}
        for entry in parcel:
            if entry.thinned_to_ns and entry.item.id not in refused:
                parts.thinned.add(entry.item.wall_ns, entry.thinned_to_ns, entry.messages)
        self.counts.records += len(rows)
        self.counts.messages += sum(entry.messages for entry in parcel)
        self.counts.refused += len(fate.refused)
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

    def judge(self, lane: Lane, fate: Fate) -> None:
        """Tell the standing; a change is logged, a refusal is an alarm."""
        standing, now_s = self._parts.standing, self._parts.mono_s()
        match fate:
            case Delivered():
                if standing.succeeded(lane, now_s):
                    log.info("sync: up, %s", self._parts.peer)
                    self._parts.alarms.clear_alarm("sync.denied")
                    self._parts.bulk.skipped.clear()
                    self._turns.tell()
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
        self.counts.failed += 1
        if changed:
            log.warning("sync: %s, %s: %s", standing.state, self._parts.peer, standing.message)
