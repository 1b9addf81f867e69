"""What the uplink is made of, and its condition as one value."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from banksman.control.ports import AlarmSignal
from banksman.status import SyncStatus
from banksman.sync.beat import Beat
from banksman.sync.bulk import Bulk
from banksman.sync.courier import Courier
from banksman.sync.link import LinkMeter
from banksman.sync.outbox import CHANNEL, Outbox
from banksman.sync.pictures import PictureLane
from banksman.sync.policy import Asking, Plan, Policy
from banksman.sync.probe import Prober
from banksman.sync.spending import Spending
from banksman.sync.standing import Standing
from banksman.sync.thinned import ThinnedTally
from banksman.sync.transport import Transport
from banksman.sync.watch import LinkWatch


class Parts(msgspec.Struct, frozen=True):
    """What assembly built for it."""

    outbox: Outbox
    transport: Transport
    courier: Courier
    meter: LinkMeter
    policy: Policy
    standing: Standing
    bulk: Bulk
    prober: Prober
    beat: Beat
    watch: LinkWatch
    asking: Asking
    spending: Spending
    alarms: AlarmSignal
    mono_s: Callable[[], float]
    peer: str
    pictures: PictureLane | None = None
    thinned: ThinnedTally = msgspec.field(default_factory=ThinnedTally)


class Counts(msgspec.Struct):
    """Since the start: rows and readings messages sent, items refused, requests that failed."""

    records: int = 0
    messages: int = 0
    refused: int = 0
    failed: int = 0


def status_of(parts: Parts, plan: Plan, counts: Counts) -> SyncStatus:
    """The uplink's condition now; any thread."""
    state, standing = parts.meter.state, parts.standing
    return SyncStatus(
        state=standing.state,
        peer=parts.peer,
        message=standing.message,
        interface=parts.watch.choice.interface or "",
        metered=parts.watch.choice.metered,
        profile=plan.profile,
        goodput_mbit=state.goodput_mbit,
        round_trip_ms=state.round_trip_ms,
        reliability=state.reliability,
        stale=state.stale,
        cloud_share=plan.cloud_share,
        retention=plan.retention,
        rows_waiting={
            which.name.lower(): count for which, count in parts.outbox.rows_owed(CHANNEL).items()
        },
        readings_waiting=parts.outbox.readings_owed(CHANNEL),
        records_sent=counts.records,
        readings_sent=counts.messages,
        batches=parts.courier.batches,
        repeated=parts.courier.repeated,
        refused=counts.refused,
        failed=counts.failed,
        set_aside=len(parts.bulk.skipped),
        wire_bytes=parts.courier.wire_bytes,
        budget_left_bytes=parts.spending.left_bytes,
        kept_local=parts.asking.kept_local,
        readings_thinned=parts.thinned.now.readings,
        thinned=parts.thinned.now.periods,
    )
