"""The desk: how people's questions and wishes reach the running daemon.

It implements ``web.ports.Appliance`` on the main loop by joining the control thread, the store,
the alarms and the link. It decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
from array import array
from collections.abc import Callable, Sequence

from banksman.alarms import AlarmDesk
from banksman.control.loop import ControlLoop
from banksman.control.point import PointSpec
from banksman.control.snapshot import Snapshot
from banksman.control.view import View
from banksman.control_thread import ControlThread
from banksman.errors import ConfigError, Problem
from banksman.status import (
    IdentityStatus,
    LinkStatus,
    Readiness,
    StoreStatus,
    SyncHistory,
    SyncStatus,
    Versions,
)
from banksman.store.store import Store
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage, Priority
from banksman_drivers.ports import DeviceHealth

log = logging.getLogger(__name__)

HISTORY_POINTS = 600
HISTORY_PERIOD_S = 1.0
# A control loop that has published nothing for this long is not doing its job.
SNAPSHOT_STALE_NS = 2_000_000_000
RULES_ALARM = "rules"


class History:
    """The last minutes of every sensor, one point a second, for plots.

    Arrays, since a point kept as objects would take ten times the memory.
    """

    def __init__(self) -> None:
        self._walls_ns = array("q", bytes(8 * HISTORY_POINTS))
        self._values: dict[str, array[float]] = {}
        self._count = 0  # points so far; the ring's next place follows from it

    def add(self, snapshot: Snapshot) -> None:
        """Keep one point a sensor; a value that cannot be used is a gap."""
        place = self._count % HISTORY_POINTS
        self._walls_ns[place] = snapshot.wall_ns
        for sensor in snapshot.sensors:
            values = self._values.get(sensor.id)
            if values is None:
                values = self._values[sensor.id] = array("d", [math.nan]) * HISTORY_POINTS
            values[place] = math.nan if sensor.stale else sensor.value
        self._count += 1

    def of(self, sensor: str) -> Sequence[tuple[int, float]]:
        """(wall_ns, value), oldest first. KeyError if there is no such sensor."""
        values = self._values[sensor]
        kept = range(max(0, self._count - HISTORY_POINTS), self._count)
        places = [number % HISTORY_POINTS for number in kept]
        return [(self._walls_ns[place], values[place]) for place in places]


class Desk:
    """The appliance as page, API and command line see it."""

    def __init__(
        self,
        *,
        view: View,
        thread: ControlThread,
        loop: ControlLoop,
        store: Store,
        alarms: AlarmDesk,
        link: Callable[[], LinkStatus],
        versions: Callable[[str], Versions],
        load_points: Callable[[], tuple[Sequence[PointSpec], str]],
        mono_ns: Callable[[], int],
        sync: Callable[[], SyncStatus] = SyncStatus,
        identity: Callable[[], IdentityStatus] = IdentityStatus,
        sync_history: Callable[[int], SyncHistory] = lambda _wall_minus_mono_ns: SyncHistory(),
    ) -> None:
        """``load_points`` reads the rules file anew: (points, rules version), or ConfigError."""
        self._view = view
        self._thread = thread
        self._loop = loop
        self._store = store
        self._alarms = alarms
        self._link = link
        self._versions = versions
        self._load_points = load_points
        self._mono_ns = mono_ns
        self._sync = sync
        self._identity = identity
        self._sync_history = sync_history
        self._history = History()
        self.beats = 0  # the main thread's heartbeat: proof of progress

    async def run(self) -> None:
        """Keep the history until cancelled."""
        while True:
            self._history.add(self._view.newest)
            self.beats += 1
            await asyncio.sleep(HISTORY_PERIOD_S)

    def snapshot(self) -> Snapshot:
        """The control loop's newest state."""
        return self._view.newest

    def store_status(self) -> StoreStatus:
        """The store's newest state."""
        return self._store.status()

    def link_status(self) -> LinkStatus:
        """The telemetry link's newest state."""
        return self._link()

    def sync_status(self) -> SyncStatus:
        """The uplink's newest state."""
        return self._sync()

    def sync_history(self) -> SyncHistory:
        """The link's last hour, on the wall clock of now."""
        newest = self._view.newest
        return self._sync_history(newest.wall_ns - newest.mono_ns)

    def identity_status(self) -> IdentityStatus:
        """The box's certificate at its endpoint."""
        return self._identity()

    def versions(self) -> Versions:
        """What runs here."""
        return self._versions(self._view.newest.rules_version)

    def readiness(self) -> Readiness:
        """Ready when the loop publishes, every device answers and the store keeps records."""
        reasons: list[str] = []
        snapshot = self._view.newest
        age_ns = self._mono_ns() - snapshot.mono_ns
        if not snapshot.heartbeat or age_ns > SNAPSHOT_STALE_NS:
            reasons.append(
                "the control loop has not shown itself; see the log of the control thread"
            )
        reasons += devices_away(snapshot.devices, self._alarms.active())
        store = self._store.status()
        if store.state != "ok":
            reasons.append(f"store: {store.message or store.state}")
        return Readiness(ready=not reasons, reasons=tuple(reasons))

    def alarms(self) -> Sequence[AlarmMessage]:
        """Active or not yet acknowledged alarms, most urgent first."""
        return self._alarms.active()

    def history(self, sensor: str) -> Sequence[tuple[int, float]]:
        """The last minutes of one sensor. KeyError if there is none."""
        return self._history.of(sensor)

    async def decisions(self, limit: int, before: str | None) -> Sequence[DecisionMessage]:
        """Recorded decisions, newest first."""
        return await self._store.decisions(limit, before)

    async def audit(self, limit: int) -> Sequence[AuditMessage]:
        """Recorded audit entries, newest first."""
        return await self._store.audit(limit)

    async def acknowledge(self, key: str, by: str) -> AlarmMessage:
        """A person has seen this alarm. KeyError if there is none."""
        message = self._alarms.acknowledge(key, by)
        await self._audit("alarm acknowledged", by, {"alarm": key})
        return message

    async def shelve(self, key: str, by: str, minutes: float) -> AlarmMessage:
        """Let an alarm ring nobody for so long; 0: no longer. KeyError, ShelfRefused."""
        if minutes:
            message = self._alarms.shelve(key, by, minutes * 60)
        else:
            message = self._alarms.unshelve(key)
        what = "shelved" if minutes else "taken from the shelf"
        await self._audit(f"alarm {what}", by, {"alarm": key, "minutes": f"{minutes:g}"})
        return message

    async def reset_trip(self, name: str, by: str) -> None:
        """A person resets a process trip. ResetRefused, KeyError."""
        await asyncio.wrap_future(self._thread.call(lambda: self._loop.holding.reset(name, by)))

    async def reload_rules(self, by: str) -> Sequence[Problem]:
        """Read the rules file anew; with problems the old rules stay."""
        try:
            points, version = await asyncio.to_thread(self._load_points)
        except ConfigError as error:
            for problem in error.problems:
                log.error("rules not reloaded: %s", problem)
            more = f" and {len(error.problems) - 1} more" if len(error.problems) > 1 else ""
            text = f"the rules were not reloaded, the old ones stay: {error.problems[0]}{more}"
            self._alarms.raise_alarm(RULES_ALARM, text, Priority.IMPORTANT, by)
            await self._audit("rules refused", by, {"problems": str(len(error.problems))})
            return error.problems
        await asyncio.wrap_future(
            self._thread.call(lambda: self._loop.load_points(points, version))
        )
        self._alarms.clear_alarm(RULES_ALARM)
        log.info("rules reloaded: %s", version)
        await self._audit("rules reloaded", by, {"version": version})
        return ()

    async def _audit(self, event: str, by: str, details: dict[str, str]) -> None:
        await asyncio.wrap_future(
            self._thread.call(lambda: self._loop.note_audit(event, by, details))
        )


def devices_away(devices: Sequence[DeviceHealth], alarms: Sequence[AlarmMessage]) -> list[str]:
    """Why each device that is away is not connected; those lost with another stand with it."""
    under = {alarm.key: alarm.under for alarm in alarms if alarm.under}
    away = {
        device.id: device.message or device.state
        for device in devices
        if device.state != "connected"
    }
    together: dict[str, list[str]] = {name: [] for name in away}
    for name in away:
        cause = under.get(f"device.{name}", "").removeprefix("device.")
        together[cause if cause in away else name].append(name)
    reasons = []
    for name, names in together.items():
        if names:
            told = away[name].removeprefix(f"{name}: ")
            others = ", ".join(other for other in names if other != name)
            reasons.append(f"device {name}: {told}" + (f"; with it: {others}" if others else ""))
    return reasons
