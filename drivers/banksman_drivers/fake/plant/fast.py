"""The same plant without sockets, as fast as the machine computes: an hour in seconds.

Made for benchmarks and scenarios in fast time. ``step`` returns one batch of readings for each
device, with the sensor ids, units and pace of the demo's config; ``write`` takes the demo's
outputs. The permit line and the watchdog register are fed from here, as a guard and a driver
would feed them.

    plant = FastPlant(seed=1)
    while plant.now_s < 3600:
        for batch in plant.step(0.05):
            loop.handle(batch)           # and commands come back through plant.write
        for hand in plant.hands():       # what a person does beside: reset, start
            ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from banksman_drivers.fake.plant.line import Line
from banksman_drivers.fake.plant.orders import Message
from banksman_drivers.fake.plant.registers import COILS, HOLDINGS, REGISTERS
from banksman_drivers.fake.plant.vehicle import Vehicle
from banksman_drivers.ports import Quality, Reading, Value

MODEL_STEP_NS: Final = 10_000_000
OUTPUT_IDS: Final = frozenset(register.id for register in (*COILS, *HOLDINGS))
POLL_S: Final = {"plc": 0.05, "vib": 0.2, "agv1": 1.0}
PERMIT_HALF_PERIOD_S: Final = 0.05
WATCHDOG_PERIOD_S: Final = 0.2

Hand = Literal["reset", "start"]


@dataclass(frozen=True, slots=True)
class Cue:
    """At ``at_s`` the incident begins or ends, or a person does something."""

    at_s: float
    what: str
    on: bool = True


def _incident(at_s: float, what: str, lasts_s: float, restart: bool = False) -> tuple[Cue, ...]:
    """An incident, its end, and the reset and start by a person where it stops the line."""
    end_s = at_s + lasts_s
    after = (Cue(end_s + 2.0, "reset"), Cue(end_s + 4.0, "start")) if restart else ()
    return (Cue(at_s, what), Cue(end_s, what, on=False), *after)


# One hour of a busy shift: each incident of the demo, some of them twice.
HOUR: Final[tuple[Cue, ...]] = tuple(
    sorted(
        (
            *_incident(180.0, "door", 20.0, restart=True),
            *_incident(420.0, "jam", 30.0, restart=True),
            *_incident(700.0, "leak", 12.0),
            *_incident(960.0, "overheat", 90.0, restart=True),
            *_incident(1320.0, "defects", 25.0, restart=True),
            *_incident(1620.0, "bearing", 60.0, restart=True),
            *_incident(1980.0, "estop", 15.0, restart=True),
            *_incident(2280.0, "jam", 20.0, restart=True),
            *_incident(2580.0, "door", 8.0, restart=True),
            *_incident(2880.0, "defects", 25.0, restart=True),
            *_incident(3180.0, "leak", 10.0),
            *_incident(3360.0, "overheat", 60.0, restart=True),
            Cue(3540.0, "night"),
            *_incident(3560.0, "door", 20.0),
        ),
        key=lambda cue: cue.at_s,
    )
)


class FastPlant:
    """The plant in made time. ``start_mono_ns`` is the monotonic time of its begin."""

    def __init__(self, seed: int = 1, start_mono_ns: int = 0, script: Sequence[Cue] = HOUR) -> None:
        self.line = Line(seed)
        self.vehicle = Vehicle()
        self._elapsed_ns = 0
        self._start_mono_ns = start_mono_ns
        self._script = list(script)
        self._hands: list[Hand] = []
        self._since_poll_s = dict.fromkeys(POLL_S, 0.0)
        self._permit = False
        self._permit_level = False
        self._since_toggle_s = 0.0
        self._since_fed_s = 0.0
        self._order: Message | None = None
        self._order_updates = 0

    @property
    def now_s(self) -> float:
        """Seconds since the begin."""
        return self._elapsed_ns / 1e9

    @property
    def mono_ns(self) -> int:
        """The monotonic time of now."""
        return self._start_mono_ns + self._elapsed_ns

    @property
    def estop_closed(self) -> bool:
        """The level of the guard's e-stop input."""
        return self.line.estop_closed

    def give_order(self, order: Message) -> None:
        """The order whose nodes ``agv1.released_nodes`` releases."""
        self._order = order

    def step(self, dt_s: float) -> list[list[Reading]]:
        """Go on by ``dt_s``; returns a batch for each device whose poll was due, oldest first."""
        left_ns = round(dt_s * 1e9)
        while left_ns > 0:
            part_ns = min(MODEL_STEP_NS, left_ns)
            part_s = part_ns / 1e9
            self._feed(part_s)
            self.line.step(part_s)
            self.vehicle.step(part_s)
            left_ns -= part_ns
            self._elapsed_ns += part_ns
        self._play()
        return [self._read(device) for device in POLL_S if self._due(device, dt_s)]

    def hands(self) -> list[Hand]:
        """What a person does since the last call: reset every trip; start is pressed already."""
        done, self._hands = self._hands, []
        return done

    def write(self, output: str, value: Value) -> None:
        """Take an output of the demo's config; KeyError if it has no such output."""
        number = float(value)
        if output in OUTPUT_IDS:
            self.line.write(output.partition(".")[2], number)
        elif output == "guard.permit":
            self._permit = bool(number)
        elif output == "agv1.pause":
            kind = "startPause" if number else "stopPause"
            action = {"actionId": f"{kind}-{self.mono_ns}", "actionType": kind}
            self.vehicle.instant_actions({"actions": [action]})
        elif output == "agv1.released_nodes":
            self._release(int(number))
        else:
            raise KeyError(output)

    def _release(self, count: int) -> None:
        if self._order is None or count < 1:
            return
        nodes = [
            node | {"released": index < count} for index, node in enumerate(self._order["nodes"])
        ]
        self._order_updates += 1
        self.vehicle.order(
            {"orderId": "fast", "orderUpdateId": self._order_updates, "nodes": nodes, "edges": []}
        )

    def _feed(self, dt_s: float) -> None:
        """Be the guard's permit line and the driver's watchdog."""
        self._since_toggle_s += dt_s
        if self._permit and self._since_toggle_s >= PERMIT_HALF_PERIOD_S:
            self._since_toggle_s = 0.0
            self._permit_level = not self._permit_level
            self.line.permit.level(self._permit_level)
        self._since_fed_s += dt_s
        if self._since_fed_s >= WATCHDOG_PERIOD_S:
            self._since_fed_s = 0.0
            self.line.write("watchdog", self.line.outputs.watchdog + 1)

    def _play(self) -> None:
        while self._script and self._script[0].at_s <= self.now_s:
            cue = self._script.pop(0)
            if cue.what == "reset":
                self.line.operator.press_reset()
                self._hands.append("reset")
            elif cue.what == "start":
                self.line.operator.press_start()
                self._hands.append("start")
            else:
                self.line.incident(cue.what, cue.on)

    def _due(self, device: str, dt_s: float) -> bool:
        self._since_poll_s[device] += dt_s
        if self._since_poll_s[device] < POLL_S[device] - 1e-9:
            return False
        self._since_poll_s[device] = 0.0
        return True

    def _read(self, device: str) -> list[Reading]:
        now_ns = self.mono_ns
        if device == "agv1":
            return self._read_vehicle(now_ns)
        values = self.line.values()
        return [
            Reading(register.id, float(values[register.id]), register.unit, Quality.GOOD, now_ns)
            for register in REGISTERS
            if register.device == device and register.table in ("discrete", "input")
        ]

    def _read_vehicle(self, now_ns: int) -> list[Reading]:
        vehicle, state = self.vehicle, self.vehicle.state()
        fatal = sum(error["errorLevel"] == "FATAL" for error in state["errors"])
        values: tuple[tuple[str, float, str], ...] = (
            ("connected", 1.0, "flag"),
            ("driving", float(vehicle.driving), "flag"),
            ("paused", float(vehicle.paused), "flag"),
            ("estop", 0.0, "flag"),
            ("battery", vehicle.battery, "%"),
            ("speed", vehicle.speed_m_s, "m/s"),
            ("x", vehicle.x_m, "m"),
            ("y", vehicle.y_m, "m"),
            ("errors", float(len(state["errors"])), ""),
            ("node", vehicle.last_node_sequence / 2, ""),
            ("stale", 0.0, "flag"),
            ("estop_kind", 0.0, ""),
            ("field_violation", float(state["safetyState"]["fieldViolation"]), "flag"),
            ("fatal_errors", float(fatal), ""),
            ("automatic", float(state["operatingMode"] == "AUTOMATIC"), "flag"),
            ("charging", float(state["batteryState"]["charging"]), "flag"),
            ("loads", float(len(state["loads"])), ""),
            ("base_request", float(state["newBaseRequest"]), "flag"),
        )
        return [
            Reading(f"agv1.{name}", value, unit, Quality.GOOD, now_ns)
            for name, value, unit in values
        ]
