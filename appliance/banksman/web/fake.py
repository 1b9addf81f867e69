"""An appliance without a plant: what the page, its tests and its designers talk to.

Its plant is in `fake_plant`; here is what an appliance makes of one: alarms, decisions, the state
of store and link. ``alarm`` and ``decide`` make things happen. `banksman.web.fake_page` serves it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

import msgspec

from banksman.clock import Clock
from banksman.deciding.decision import Decision
from banksman.errors import Problem, ResetRefused
from banksman.status import (
    IdentityStatus,
    LinkStatus,
    Readiness,
    StoreStatus,
    SyncHistory,
    SyncStatus,
    Versions,
)
from banksman.web.fake_link import an_hour
from banksman.web.fake_plant import NODE, FakePlant
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage, Priority


class FakeAppliance(FakePlant):
    """Implements the `Appliance` contract. Every list it returns is bounded as the real one's."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.ready = Readiness(True)
        self.link = LinkStatus("up", "broker.plant:8883", "", 0, 3.4, 2, 48211, 48209, 1, 0)
        self.identity = IdentityStatus(
            state="good",
            node="press3",
            serial="4711",
            ends_wall_ns=1_800_000_000_000_000_000,
            renew_wall_ns=1_797_000_000_000_000_000,
        )
        self.sync = SyncStatus(
            state="up",
            peer="cloud.plant",
            interface="eth0",
            profile="wide",
            goodput_mbit=48.2,
            round_trip_ms=12.4,
            reliability=1.0,
            stale=False,
            cloud_share=0.18,
            rows_waiting={"critical": 0, "important": 0, "normal": 3, "background": 0},
            readings_waiting=41,
            records_sent=1204,
            readings_sent=88120,
            batches=960,
            wire_bytes=5_120_000,
        )
        self.problems: tuple[Problem, ...] = ()
        self.done: list[str] = []
        self._ids = itertools.count(1)
        self._active: dict[str, AlarmMessage] = {}
        self._audit: deque[AuditMessage] = deque(maxlen=500)

    def alarm(
        self, key: str, text: str, priority: Priority, cause: str = "", under: str = ""
    ) -> None:
        """Raise an alarm."""
        now = self._clock.wall_ns()
        self._active[key] = AlarmMessage(
            self._id(), NODE, key, text, priority, True, bool(under), now, self._clock.mono_ns(),
            self._clock.boot_id, cause, "", now, under=under,
        )  # fmt: skip

    def decide(
        self, kind: str, point: str, action: str, reason: str, source: str, confidence: float
    ) -> Decision:
        """Make a decision."""
        made = msgspec.convert(
            {
                "id": self._id(), "node": NODE, "type": kind, "point": point,
                "wall_ns": self._clock.wall_ns(), "mono_ns": self._clock.mono_ns(),
                "boot_id": self._clock.boot_id, "clock_quality": self._clock.quality(),
                "latency_us": 180.0 + 40 * (len(self._recent) % 7), "action": action,
                "confidence": confidence, "source": source, "reason": reason,
                "inputs": {"plc.press_force": self._values["plc.press_force"]},
                "rules_version": "r-7f3a", "rule": point if source != "model" else None,
                "model_version": None if source == "rule" else "spindle-4",
                "sync": confidence < 0.8, "review": confidence < 0.6, "mode": self.mode,
            },
            Decision,
        )  # fmt: skip
        self._recent.append(made)
        self.publish()
        return made

    # -- the contract ---------------------------------------------------------------------

    def store_status(self) -> StoreStatus:
        """A store in good health."""
        return StoreStatus(
            "ok", "", 41, f"{NODE}-41-48211",
            {"critical": 0, "important": 2, "normal": 37, "background": 410},
            {"plc": 12}, 184.2, 21_400.0, 2048.0, 9120, 0.42, 2.8, 3,
            {"background: quota": 18}, (),
        )  # fmt: skip

    def identity_status(self) -> IdentityStatus:
        """Sixty days into ninety."""
        return self.identity

    def sync_status(self) -> SyncStatus:
        """A healthy uplink."""
        return self.sync

    def sync_history(self) -> SyncHistory:
        """An hour with a modem and a tunnel in it."""
        return an_hour(self._clock.wall_ns() // 1_000_000)

    def link_status(self) -> LinkStatus:
        """What was set."""
        return self.link

    def versions(self) -> Versions:
        """What runs here."""
        return Versions("0.1.0", "3.11.2", "r-7f3a", "native 1", {"spindle": "4"}, "1d7b7e4")

    def readiness(self) -> Readiness:
        """What was set."""
        return self.ready

    def alarms(self) -> Sequence[AlarmMessage]:
        """Most urgent first."""
        return sorted(self._active.values(), key=lambda alarm: (alarm.priority, -alarm.wall_ns))

    async def decisions(self, limit: int, before: str | None) -> Sequence[DecisionMessage]:
        """The recent ones, by pages."""
        rows = [
            msgspec.convert(decision, DecisionMessage, from_attributes=True)
            for decision in reversed(self._recent)
        ]
        if before is not None:
            rows = list(itertools.dropwhile(lambda row: row.id != before, rows))[1:]
        return rows[:limit]

    async def audit(self, limit: int) -> Sequence[AuditMessage]:
        """What was noted."""
        return list(reversed(self._audit))[:limit]

    async def acknowledge(self, key: str, by: str) -> AlarmMessage:
        """Mark it seen; one whose condition is gone leaves the list."""
        seen = msgspec.structs.replace(self._active[key], acknowledged=True, by=by)
        self._active[key] = seen
        self.note("acknowledge", by, {"key": key})
        return seen

    async def shelve(self, key: str, by: str, minutes: float) -> AlarmMessage:
        """Put it on the shelf, or take it down."""
        until_ns = self._clock.wall_ns() + round(minutes * 60e9) if minutes else 0
        known = self._active[key]
        shelved = msgspec.structs.replace(
            known, acknowledged=bool(minutes), by=by, shelved_until_wall_ns=until_ns
        )
        self._active[key] = shelved
        self.note("shelve", by, {"key": key, "minutes": f"{minutes:g}"})
        return shelved

    async def reset_trip(self, name: str, by: str) -> None:
        """Release the latch when no cause holds."""
        trip = self._trips[name]
        if trip.causes:
            raise ResetRefused(f"{trip.label} stays latched: {trip.causes[0]}")
        self._trips[name] = msgspec.structs.replace(trip, latched=False, cause="")
        self.note("reset", by, {"trip": name})
        self.publish()

    async def reload_rules(self, by: str) -> Sequence[Problem]:
        """Report the problems that were set."""
        self.note("reload", by, {})
        return self.problems

    def note(self, event: str, by: str, details: dict[str, str]) -> None:
        """Keep an audit entry, and its event's name in ``done``."""
        self.done.append(event)
        self._audit.append(
            AuditMessage(
                self._id(), NODE, event, by, self._clock.wall_ns(), self._clock.mono_ns(),
                self._clock.boot_id, details,
            )
        )  # fmt: skip

    def _id(self) -> str:
        return f"{NODE}-41-{next(self._ids)}"
