"""An appliance without a plant: what the page, its tests and its designers talk to.

It holds the real structs and moves only when ``advance`` is called, so a test drives the plant:
press, oven, conveyor and forklift with simulated values. ``trip``, ``alarm``, ``decide`` and
``lose`` make things happen. `banksman.web.fake_page` serves it.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence

import msgspec

from banksman.clock import Clock
from banksman.control.snapshot import (
    HistogramView,
    OutputView,
    PermissiveView,
    SensorView,
    Snapshot,
    TripView,
)
from banksman.deciding.decision import Decision, Mode
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
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage, Priority
from banksman_drivers.ports import DeviceHealth

NODE = "press-line-2"
HISTORY_POINTS = 600
RECENT = 20
# id, label, unit, middle, swing, period in seconds, noise
PLANT = (
    ("plc.oven_temperature", "Oven temperature", "degC", 182.0, 3.5, 90.0, 0.4),
    ("plc.press_force", "Press force", "kN", 410.0, 180.0, 6.0, 6.0),
    ("plc.hydraulic_pressure", "Hydraulic pressure", "bar", 163.0, 14.0, 6.0, 1.0),
    ("plc.conveyor_speed", "Conveyor speed", "m/s", 0.42, 0.012, 20.0, 0.002),
    ("plc.parts", "Parts made", "pcs", 12840.0, 0.0, 1.0, 0.0),
    ("plc.reject_rate", "Reject rate", "%", 1.8, 0.9, 140.0, 0.05),
    ("bearing.vibration", "Spindle vibration", "mm/s", 2.1, 0.35, 11.0, 0.25),
    ("agv.speed", "Forklift speed", "m/s", 0.9, 0.5, 17.0, 0.02),
    ("agv.battery", "Forklift battery", "%", 76.0, 4.0, 600.0, 0.0),
    ("plc.door", "Yard door", "flag", 0.0, 0.0, 1.0, 0.0),
    ("plc.press_runs", "Press runs", "flag", 1.0, 0.0, 1.0, 0.0),
    ("plc.conveyor_runs", "Conveyor runs", "flag", 1.0, 0.0, 1.0, 0.0),
    ("plc.guard_closed", "Press guard door closed", "flag", 1.0, 0.0, 1.0, 0.0),
    ("agv.driving", "Forklift drives", "flag", 1.0, 0.0, 1.0, 0.0),
)
BOUNDS_S = (25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 50e-3, math.inf)


class FakeAppliance:
    """Implements the `Appliance` contract. Every list it returns is bounded as the real one's."""

    def __init__(self, clock: Clock) -> None:
        self.mode: Mode = "observe"
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
        self.lost: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self._clock = clock
        self._steps = itertools.count()
        self._ids = itertools.count(1)
        self._active: dict[str, AlarmMessage] = {}
        self._recent: deque[Decision] = deque(maxlen=RECENT)
        self._audit: deque[AuditMessage] = deque(maxlen=500)
        self._history: dict[str, deque[tuple[int, float]]] = {
            row[0]: deque(maxlen=HISTORY_POINTS) for row in PLANT
        }
        self._values = {row[0]: row[3] for row in PLANT}
        self._overrides: dict[str, float] = {}
        self._count = 0
        self._trips = {
            "emergency_stop": TripView(
                "emergency_stop", "estop", "Emergency stop, press line", False, "", (),
                "guard.reset_button", ("guard.run_permit", "plc.press_enable"),
            ),
            "oven_overheat": TripView(
                "oven_overheat", "process", "Oven overheat", False, "", (), "page",
                ("plc.oven_heater",),
            ),
            "conveyor_jam": TripView(
                "conveyor_jam", "process", "Conveyor jam", False, "", (), "page",
                ("plc.conveyor_run",),
            ),
        }  # fmt: skip
        self._snapshot = self._build()

    # -- what a test or a designer drives -------------------------------------------------

    def advance(self, at_s: float) -> None:
        """Take the plant to ``at_s`` seconds and publish a new snapshot."""
        for name, _, _, middle, swing, period_s, noise in PLANT:
            ripple = math.sin(at_s * 37.1 + len(name)) * math.sin(at_s * 11.3)
            value = middle + swing * math.sin(2 * math.pi * at_s / period_s) + noise * ripple
            if name == "plc.parts":
                value = middle + int(at_s / 6)
            value = self._overrides.get(name, value)
            self._values[name] = value
            self._history[name].append((self._clock.wall_ns(), value))
        self._count += 10
        self.publish()

    def publish(self) -> None:
        """Publish what has changed without letting time go on."""
        self._snapshot = self._build()

    def override(self, sensor: str, value: float) -> None:
        """Hold a sensor at a value from the next step on."""
        self._overrides[sensor] = value

    def lose(self, device: str, message: str) -> None:
        """Let a device be lost, with the message for people."""
        self.lost[device] = message
        self.publish()

    def trip(self, name: str, cause: str, *, holds: bool = True) -> None:
        """Latch a trip; while ``holds`` its cause is there still."""
        causes = (cause,) if holds else ()
        self._trips[name] = msgspec.structs.replace(
            self._trips[name], latched=True, cause=cause, causes=causes
        )
        self.publish()

    def clear_causes(self, name: str) -> None:
        """Let a trip's causes go; it stays latched."""
        self._trips[name] = msgspec.structs.replace(self._trips[name], causes=())
        self.publish()

    def alarm(self, key: str, text: str, priority: Priority, cause: str = "") -> None:
        """Raise an alarm."""
        now = self._clock.wall_ns()
        self._active[key] = AlarmMessage(
            self._id(), NODE, key, text, priority, True, False, now, self._clock.mono_ns(),
            self._clock.boot_id, cause, "", now,
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

    def snapshot(self) -> Snapshot:
        """The newest published one."""
        return self._snapshot

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

    def history(self, sensor: str) -> Sequence[tuple[int, float]]:
        """Every step so far."""
        return tuple(self._history.get(sensor, ()))

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

    # -- inside ---------------------------------------------------------------------------

    def _id(self) -> str:
        return f"{NODE}-41-{next(self._ids)}"

    def _build(self) -> Snapshot:
        steps = next(self._steps)
        return Snapshot(
            mono_ns=self._clock.mono_ns(),
            wall_ns=self._clock.wall_ns(),
            mode=self.mode,
            node=NODE,
            rules_version="r-7f3a",
            sensors=tuple(self._sensor(row[0], row[1], row[2]) for row in PLANT),
            outputs=self._outputs(),
            devices=self._devices(),
            trips=tuple(self._trips.values()),
            permissives=(
                PermissiveView("plc.press_enable", "the press guard door is open", True),
                PermissiveView("plc.oven_heater", "the oven fan stands still", True),
            ),
            recent=tuple(self._recent),
            histograms={
                "decision_latency": _histogram((4, 60, 540, 2100, 640, 90, 21, 5, 1, 0, 0)),
                "actuation_latency": _histogram((0, 0, 0, 14, 160, 420, 210, 40, 9, 2, 0)),
                "loop_lateness": _histogram((3900, 820, 160, 44, 12, 6, 3, 1, 0, 0, 0)),
                "lease_margin": _histogram((0, 0, 0, 0, 0, 0, 0, 0, 0, 800, 0)),
            },
            counters={
                "batches": self._count, "readings": self._count * 10, "commands": 312,
                "commands_refused": 2, "commands_failed": 0, "dropped_records": 0,
                "decisions_type_forklift_navigation": 2110 + len(self._recent),
                "decisions_type_quality_control": 902,
                "decisions_source_rule": 2800, "decisions_source_model": 190,
                "decisions_source_safe_default": 3,
            },
            late_culprit="store.publish 1.8 ms",
            heartbeat=steps,
        )  # fmt: skip

    def _sensor(self, name: str, label: str, unit: str) -> SensorView:
        lost = name.partition(".")[0] in self.lost
        value = math.nan if lost else self._values[name]
        return SensorView(
            name, self.labels.get(name, label), unit, value, "bad" if lost else "good",
            40.0 if not lost else 4200.0, lost, value, 0.1, 0.12, self._count,
        )  # fmt: skip

    def _outputs(self) -> tuple[OutputView, ...]:
        forced = {
            output: trip.name
            for trip in self._trips.values()
            if trip.latched
            for output in trip.outputs
        }

        def view(
            name: str, label: str, value: bool | float, supervision: str, permit: bool
        ) -> OutputView:
            by = forced.get(name, "")
            safe = False
            return OutputView(
                name, label, safe if by else value, safe, supervision, permit, by, "", 41
            )

        return (
            view("guard.run_permit", "Run permit, external relay", True, "guard", True),
            view("plc.press_enable", "Press enable", True, "watchdog_register", True),
            view("plc.conveyor_run", "Conveyor run", True, "watchdog_register", True),
            view("plc.oven_heater", "Oven heater", True, "watchdog_register", True),
            view("plc.siren", "Yard siren", False, "none", False),
        )

    def _devices(self) -> tuple[DeviceHealth, ...]:
        def health(name: str, driver: str, message: str, round_trip_us: float) -> DeviceHealth:
            lost = self.lost.get(name)
            return DeviceHealth(
                name, driver, "lost" if lost else "connected", lost or message, 0,
                2 if lost else 0, 18_230, 4 if lost else 0, round_trip_us,
            )  # fmt: skip

        return (
            health("plc", "modbus_tcp", "answers at 192.168.10.20:502", 640.0),
            health("bearing", "replay", "12.8 kHz bursts", 0.0),
            health("agv", "vda5050", "KION-7 is on order 4711", 2100.0),
            health("guard", "guard", "native, SCHED_FIFO 50", 80.0),
        )


def _histogram(counts: Sequence[int]) -> HistogramView:
    cumulative = tuple(itertools.accumulate(counts))

    def quantile(share: float) -> float:
        return next(
            bound
            for bound, total in zip(BOUNDS_S, cumulative, strict=True)
            if total >= share * cumulative[-1]
        )

    return HistogramView(
        BOUNDS_S, cumulative, 1.42, cumulative[-1], quantile(0.5), quantile(0.99), quantile(1.0)
    )
