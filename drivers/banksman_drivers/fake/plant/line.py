"""The whole plant as one pure model: outputs and incidents in, dt on, sensor values out.

Rules of this file
- It opens nothing and reads no clock: ``step(dt_s)`` is the only way that time passes, and
  one seed gives one history.
- Run outputs act only through the chain (e-stop closed, permit, supervision). When the chain
  opens the PLC clears its run coils, so nothing starts again on its own.
- Without supervision every output goes to its safe state.

    outputs (coils, setpoints) --chain--> conveyor, press, oven, gauge, hopper --> values()
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

from banksman_drivers.fake.plant.conveyor import Conveyor
from banksman_drivers.fake.plant.gauge import Gauge
from banksman_drivers.fake.plant.hopper import Hopper
from banksman_drivers.fake.plant.oven import Oven
from banksman_drivers.fake.plant.people import Operator
from banksman_drivers.fake.plant.press import Press
from banksman_drivers.fake.plant.safety import PermitRelay, Supervision
from banksman_drivers.fake.plant.vibration import Transmitter

SPILL_AFTER_S = 6.0  # a jam that is still being pulled at throws parts into the aisle
INCIDENTS: Final = ("jam", "overheat", "bearing", "defects", "leak", "door", "estop", "night")


@dataclass(slots=True)
class Outputs:
    """What the appliance has written. Coils are booleans, setpoints in the unit of their name."""

    conveyor_run: bool = False
    press_run: bool = False
    oven_heater: bool = False
    reject_gate: bool = False
    beacon: bool = False
    siren: bool = False
    watchdog: int = 0
    conveyor_speed_set: float = 200.0  # mm/s
    oven_temperature_set: float = 180.0  # degC


RUN_COILS: Final = ("conveyor_run", "press_run", "oven_heater")
COILS: Final = (*RUN_COILS, "reject_gate", "beacon", "siren")


class Line:
    """The plant's machines, wired. ``bridged`` runs it without a guard's permit line."""

    def __init__(self, seed: int = 1, bridged: bool = False, begins_shift: bool = True) -> None:
        rng = random.Random(seed)  # noqa: S311  noise of a model, not a secret
        self.outputs = Outputs()
        self.conveyor = Conveyor(rng)
        self.press = Press(rng)
        self.oven = Oven(rng)
        self.gauge = Gauge(rng)
        self.hopper = Hopper(rng)
        self.transmitter = Transmitter(rng)
        self.permit = PermitRelay(bridged)
        self.supervision = Supervision()
        self.operator = Operator(begins_shift)
        self.estop_closed = True
        self.door_closed = True
        self.night = False
        self.spill = False
        self.dropped = 0  # how often the PLC cleared coils that were on
        self._jam_pulled_s = 0.0

    @property
    def chain_closed(self) -> bool:
        """Whether run outputs may act."""
        return self.estop_closed and self.permit.closed and self.supervision.alive

    def write(self, name: str, value: float) -> None:
        """Take an output value; KeyError without such an output, ValueError if not finite."""
        if name in COILS:
            setattr(self.outputs, name, bool(value))
        elif name == "watchdog":
            self.outputs.watchdog = int(value) & 0xFFFF
        elif name in ("conveyor_speed_set", "oven_temperature_set"):
            if not math.isfinite(value):
                raise ValueError(f"{name}: {value} is no setpoint")
            setattr(self.outputs, name, float(value))
        else:
            raise KeyError(name)

    def step(self, dt_s: float) -> None:
        """Let ``dt_s`` pass (0.1 s at most keeps the physics true)."""
        out = self.outputs
        self.permit.step(dt_s)
        self.supervision.step(dt_s, out.watchdog)
        self._drop_what_may_not_run()
        may_start = self.estop_closed and self.door_closed and self.supervision.alive
        self.operator.step(dt_s, may_start)
        if self.operator.starting:
            self.gauge.defects_in_row = 0  # whoever starts the line has seen to its defects
        self.press.step(dt_s, out.press_run, self.door_closed)
        self.oven.step(dt_s, out.oven_heater, out.oven_temperature_set)
        arrived = self.conveyor.step(dt_s, out.conveyor_run, out.conveyor_speed_set)
        self.gauge.carry(self.conveyor.speed_mm_s * dt_s, out.reject_gate)
        for _ in range(arrived):
            self.gauge.measure()
        self.hopper.step(dt_s, arrived)
        if self.hopper.wants_refill:
            self.hopper.refill()
        self.transmitter.step(dt_s, self.press)
        if self.conveyor.stuck and out.conveyor_run:
            self._jam_pulled_s += dt_s
            self.spill = self.spill or self._jam_pulled_s > SPILL_AFTER_S

    def _drop_what_may_not_run(self) -> None:
        if not self.supervision.alive:
            names: tuple[str, ...] = COILS
        elif not self.chain_closed:
            names = RUN_COILS
        else:
            return
        on = [name for name in names if getattr(self.outputs, name)]
        for name in on:
            setattr(self.outputs, name, False)
        self.dropped += bool(on)

    def incident(self, name: str, on: bool) -> None:
        """Begin or end an incident of INCIDENTS; KeyError for another name."""
        if name == "jam":
            self.conveyor.jammed = on
            self._jam_pulled_s = 0.0
            self.spill = self.spill and on
        elif name == "overheat":
            self.oven.welded = on
        elif name == "bearing":
            self.press.failing = on
            if not on:
                self.press.replace_bearing()
        elif name == "defects":
            self.gauge.failing = on
        elif name == "leak":
            self.hopper.leaking = on
            if not on:
                self.hopper.refill()
        elif name == "door":
            self.door_closed = not on
        elif name == "estop":
            self.estop_closed = not on
        elif name == "night":
            self.night = on
        else:
            raise KeyError(name)

    def incidents(self) -> dict[str, bool]:
        """Which incidents hold now, by name."""
        return {
            "jam": self.conveyor.jammed,
            "overheat": self.oven.welded,
            "bearing": self.press.failing,
            "defects": self.gauge.failing,
            "leak": self.hopper.leaking,
            "door": not self.door_closed,
            "estop": not self.estop_closed,
            "night": self.night,
        }

    def values(self) -> dict[str, float]:
        """Every sensor and output by ``device.point``, in the unit of the register table."""
        out, gauge, transmitter = self.outputs, self.gauge, self.transmitter
        return {
            "plc.part_present": self.conveyor.eye_blocked,
            "plc.door_closed": self.door_closed,
            "plc.estop_closed": self.estop_closed,
            "plc.permit_closed": self.permit.closed,
            "plc.supervised": self.supervision.alive,
            "plc.conveyor_running": out.conveyor_run and self.chain_closed,
            "plc.press_running": self.press.running,
            "plc.oven_heating": self.oven.heating,
            "plc.start_button": self.operator.starting,
            "plc.oven_cut_out": self.oven.cut_out,
            "plc.aisle_spill": self.spill,
            "plc.shift": not self.night,
            "plc.conveyor_speed": self.conveyor.speed_mm_s,
            "plc.conveyor_current": self.conveyor.current_a,
            "plc.press_force": self.press.force_kn,
            "plc.oven_temperature": self.oven.temperature_degc,
            "plc.part_dimension": gauge.dimension_mm,
            "plc.part_sequence": gauge.sequence,
            "plc.defects_in_row": gauge.defects_in_row,
            "plc.hopper_weight": self.hopper.weight_kg,
            "plc.hopper_difference": self.hopper.difference_kg,
            "plc.parts_total": self.conveyor.parts,
            "plc.parts_good": gauge.good,
            "plc.parts_rejected": gauge.rejected,
            "plc.press_cycles": self.press.cycles,
            "plc.conveyor_run": out.conveyor_run,
            "plc.press_run": out.press_run,
            "plc.oven_heater": out.oven_heater,
            "plc.reject_gate": out.reject_gate,
            "plc.beacon": out.beacon,
            "plc.siren": out.siren,
            "plc.watchdog": out.watchdog,
            "plc.conveyor_speed_set": out.conveyor_speed_set,
            "plc.oven_temperature_set": out.oven_temperature_set,
            "vib.rms": transmitter.rms_mm_s,
            "vib.peak": transmitter.peak_mm_s,
            "vib.kurtosis": transmitter.kurtosis,
            "vib.bearing_temperature": transmitter.temperature_degc,
            "vib.sequence": transmitter.sequence,
        }
