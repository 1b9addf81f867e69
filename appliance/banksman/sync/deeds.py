"""All that the endpoint may order of this box. Nothing of it moves a machine.

    ping               somebody is there
    send_diagnosis     the box's condition, as `banksman status --json` has it, bounded
    sync_now           what waits is due at once, within the budget of a metered link
    renew_certificate  before it is due: after an authority was replaced, or a key may be known
    reload_rules       the rules file that lies on the box, as SIGHUP does; with a flaw the old stay

Rules of this file
- What is not here is done on the box, by people who see the machine: outputs, arming, resetting
  trips, acknowledging and shelving alarms, stopping the daemon.
- An order that has arguments where none are known is refused: whoever gave it meant something else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from banksman.control.snapshot import Snapshot
from banksman.errors import BanksmanError, Problem
from banksman.status import IdentityStatus, LinkStatus, Readiness, StoreStatus, SyncStatus, Versions
from banksman.sync.orders import DETAILS_BYTES, Deed, Done, OrderFailed, OrderRefused
from banksman.wire.messages import AlarmMessage
from banksman.wire.uplink import Order

ALARMS_MOST = 50
DEVICES_MOST = 100
# Renews the certificate and says until when it holds. Raises BanksmanError.
Renew = Callable[[], Awaitable[str]]


class Desk(Protocol):
    """What is asked of the daemon."""

    def snapshot(self) -> Snapshot:
        """The control loop's newest state."""

    def readiness(self) -> Readiness:
        """Whether it does its job."""

    def versions(self) -> Versions:
        """What runs here."""

    def store_status(self) -> StoreStatus:
        """The store's state."""

    def sync_status(self) -> SyncStatus:
        """The uplink's state."""

    def identity_status(self) -> IdentityStatus:
        """The certificate's state."""

    def link_status(self) -> LinkStatus:
        """The telemetry link's state."""

    def alarms(self) -> Sequence[AlarmMessage]:
        """Alarms that concern someone."""

    async def reload_rules(self, by: str) -> Sequence[Problem]:
        """Read the rules file anew."""


def deeds(desk: Desk, hurry: Callable[[], None], renew: Renew | None) -> Mapping[str, Deed]:
    """The table. ``hurry`` makes due what waits; ``renew`` None: this box has no certificate."""

    async def ping(_order: Order) -> Done:
        return Done("pong")

    async def send_diagnosis(_order: Order) -> Done:
        return diagnosis(desk)

    async def sync_now(_order: Order) -> Done:
        status = desk.sync_status()
        rows = sum(status.rows_waiting.values())
        hurry()
        budget = ""
        if status.metered:
            left = status.budget_left_bytes
            budget = ", over a metered link" + ("" if left is None else f" with {left} bytes left")
        return Done(f"{rows} records and {status.readings_waiting} readings wait{budget}")

    async def renew_certificate(_order: Order) -> Done:
        if renew is None:
            raise OrderFailed("this box shows its endpoint no certificate")
        try:
            return Done(await renew())
        except BanksmanError as error:
            raise OrderFailed(str(error)) from None

    async def reload_rules(order: Order) -> Done:
        problems = await desk.reload_rules(f"order {order.id}")
        if problems:
            raise OrderFailed("; ".join(map(str, problems)))
        return Done(f"rules {desk.snapshot().rules_version}")

    table = (ping, send_diagnosis, sync_now, renew_certificate, reload_rules)
    return {deed.__name__: _without_arguments(deed) for deed in table}


def diagnosis(desk: Desk) -> Done:
    """The box's condition; what does not fit is left out, and named."""
    snapshot = desk.snapshot()
    parts: dict[str, Any] = {
        "readiness": desk.readiness(),
        "versions": desk.versions(),
        "mode": snapshot.mode,
        "latched": [trip.name for trip in snapshot.trips if trip.latched],
        "sync": desk.sync_status(),
        "identity": desk.identity_status(),
        "store": desk.store_status(),
        "telemetry": desk.link_status(),
        "alarms": [
            {"key": alarm.key, "text": alarm.text, "active": alarm.active}
            for alarm in desk.alarms()[:ALARMS_MOST]
        ],
        "counters": dict(snapshot.counters),
        "late_culprit": snapshot.late_culprit,
        "devices": snapshot.devices[:DEVICES_MOST],
    }
    details: dict[str, Any] = {}
    left_out: list[str] = []
    room = DETAILS_BYTES - 1024  # for what is left out
    for name, part in parts.items():
        packed = msgspec.json.encode(part)
        room -= len(packed) + len(name) + 4
        if room < 0:
            left_out.append(name)
            room += len(packed) + len(name) + 4
        else:
            details[name] = msgspec.json.decode(packed)
    told = f"; left out for their size: {', '.join(left_out)}" if left_out else ""
    reasons = "; ".join(details.get("readiness", {}).get("reasons", ()))
    return Done(f"{reasons or 'ready'}{told}", details)


def _without_arguments(deed: Deed) -> Deed:
    async def checked(order: Order) -> Done:
        if order.arguments:
            raise OrderRefused(f"{order.name} takes no arguments")
        return await deed(order)

    return checked
