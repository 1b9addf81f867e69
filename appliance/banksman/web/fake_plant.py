"""A plant for the page: press, oven, conveyor and forklift with simulated values.

It holds the real structs and moves only when ``advance`` is called, so a test drives it;
``override``, ``lose`` and ``trip`` make things happen.
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


class FakePlant:
    """Values, devices and trips as the control loop would show them, in `snapshot`."""

    def __init__(self, clock: Clock) -> None:
        self.mode: Mode = "observe"
        self.lost: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self._clock = clock
        self._steps = itertools.count()
        self._recent: deque[Decision] = deque(maxlen=RECENT)
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

    def snapshot(self) -> Snapshot:
        """The newest published one."""
        return self._snapshot

    def history(self, sensor: str) -> Sequence[tuple[int, float]]:
        """Every step so far."""
        return tuple(self._history.get(sensor, ()))

    # -- inside ---------------------------------------------------------------------------

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
