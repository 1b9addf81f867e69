"""The plant as a running process: the model's clock, its wires, its servers and its levers.

This is where time and sockets meet the model. Each step takes the time that has really passed
(at most 0.1 s, so that a paused process does not jump), moves every machine, and tells the
guard's wires their levels.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from banksman_drivers.fake.plant.cloud import CloudStandIn
from banksman_drivers.fake.plant.control import BadCommand, ControlServer, Request
from banksman_drivers.fake.plant.fifo import LevelIn, LevelOut, make_fifo
from banksman_drivers.fake.plant.forklift import Forklift
from banksman_drivers.fake.plant.line import INCIDENTS, Line
from banksman_drivers.fake.plant.plc import PlcServer
from banksman_drivers.fake.plant.vehicle import Vehicle

STEP_S = 0.01
STEP_MAX_S = 0.1
BUTTON_REST_S = 0.15
PLC_OFF_MAX_S = 86_400.0
SOCKET: Final = "plant.sock"

BEGUN: Final = {
    "jam": "a part jams on the conveyor: its motor current rises, after 6 s parts spill",
    "overheat": "the oven's thermostat has welded: it heats past its setpoint",
    "bearing": "the press bearing wears out within a minute of running",
    "defects": "the tool is worn: every part is out of tolerance",
    "leak": "the hopper loses material that no part uses",
    "door": "the press guard door is open",
    "estop": "the e-stop is pressed in",
    "night": "the shift is over",
}


@dataclass(frozen=True, slots=True)
class PlantOptions:
    """Where the plant lives. ``mqtt_port`` is a broker's, which may be away; 0: there is none."""

    folder: Path
    host: str = "127.0.0.1"
    modbus_port: int = 5020
    mqtt_port: int = 11883
    cloud_port: int = 18081
    seed: int = 1
    bridged: bool = False


class Plant:
    """Everything of the plant in one event loop."""

    def __init__(self, options: PlantOptions) -> None:
        folder = options.folder
        self.line = Line(options.seed, bridged=options.bridged)
        self.vehicle = Vehicle()
        self._has_broker = options.mqtt_port > 0
        self.plc = PlcServer(self.line, options.host, options.modbus_port)
        self.cloud = CloudStandIn(options.host, options.cloud_port)
        self.forklift = Forklift(self.vehicle, options.host, options.mqtt_port)
        self.control = ControlServer(folder / SOCKET, self.command)
        self._fifos = [folder / name for name in ("estop.fifo", "reset.fifo", "permit.fifo")]
        self._estop = LevelOut(self._fifos[0])
        self._reset = LevelOut(self._fifos[1])
        self._permit = LevelIn(self._fifos[2], self.line.permit.level, self.line.permit.lost)
        self._plc_off_left_s = 0.0
        self._buttons_rest = asyncio.Event()

    async def run(self, stop: asyncio.Event, ready: asyncio.Event) -> None:
        """Serve until ``stop``; sets ``ready`` once everything listens.

        Raises OSError when a port or a FIFO cannot be had.
        """
        for path in self._fifos:
            make_fifo(path)
        try:
            await self.plc.start()
            await self.cloud.start()
            await self.control.start()
            self._permit.open()
            if self._has_broker:
                self.forklift.start()
            ready.set()
            await self._tick(stop)
        finally:
            await asyncio.to_thread(self.forklift.stop)
            self._permit.close()
            self._estop.close()
            self._reset.close()
            await self.control.stop()
            await self.cloud.stop()
            await self.plc.stop()

    async def _tick(self, stop: asyncio.Event) -> None:
        last_s = time.monotonic()
        while not stop.is_set():
            now_s = time.monotonic()
            await self.step(min(now_s - last_s, STEP_MAX_S))
            last_s = now_s
            await asyncio.sleep(STEP_S)

    async def step(self, dt_s: float) -> None:
        """Let ``dt_s`` pass for every machine and wire."""
        self.line.step(dt_s)
        self.forklift.step(dt_s)
        self._estop.tell(self.line.estop_closed, dt_s)
        self._reset.tell(self.line.operator.resetting, dt_s)
        if not (self.line.operator.resetting or self.line.operator.starting):
            self._buttons_rest.set()
        else:
            self._buttons_rest.clear()
        if self._plc_off_left_s > 0.0:
            self._plc_off_left_s -= dt_s
            if self._plc_off_left_s <= 0.0:
                await self.plc.start()

    async def command(self, request: Request) -> Request:
        """Do one command of the demo; raises BadCommand for one that is unknown."""
        name = request.get("command")
        if name == "status":
            return {"message": "the plant runs", "status": self.status()}
        if name == "start":
            await self._press(self.line.operator.press_start)
            return {"message": "somebody has pressed and released the start button"}
        if name == "reset-button":
            await self._press(self.line.operator.press_reset)
            return {"message": "somebody has pressed and released the local reset button"}
        if name == "estop-release":
            return await self._restore("estop")
        if name == "plc-off":
            return await self._plc_off(request.get("seconds"))
        if name == "restore":
            return await self._restore(request.get("what"))
        if name in INCIDENTS:
            self.line.incident(str(name), on=True)
            return {"message": BEGUN[str(name)]}
        known = ", ".join((*INCIDENTS, "plc-off", "restore", "start", "reset-button", "status"))
        raise BadCommand(f"no command {name!r}; there are {known}")

    async def _press(self, press: Callable[[], None]) -> None:
        """Press and release a button, at rest before and after so that each press is an edge."""
        await self._buttons_rest.wait()
        await asyncio.sleep(BUTTON_REST_S)
        press()
        self._buttons_rest.clear()
        await self._buttons_rest.wait()
        await asyncio.sleep(BUTTON_REST_S)

    async def _plc_off(self, seconds: object) -> Request:
        if seconds is not None and (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 < seconds <= PLC_OFF_MAX_S
        ):
            raise BadCommand(f"seconds: {seconds!r} is not over 0 and up to {PLC_OFF_MAX_S:g}")
        await self.plc.stop()
        self._plc_off_left_s = float(seconds) if seconds is not None else 0.0
        until = f"for {seconds:g} s" if seconds is not None else "until it is restored"
        return {"message": f"the PLC is off the network {until}"}

    async def _restore(self, what: object) -> Request:
        if what is None:
            for name, on in self.line.incidents().items():
                if on:
                    self.line.incident(name, on=False)
        elif what in INCIDENTS:
            self.line.incident(str(what), on=False)
        elif what != "plc-off":
            raise BadCommand(f"cannot restore {what!r}; there are {', '.join(INCIDENTS)}, plc-off")
        if what in (None, "plc-off"):
            self._plc_off_left_s = 0.0
            await self.plc.start()
        subject = "everything" if what is None else str(what)
        return {"message": f"{subject} is put right; a stopped line waits for a reset and a start"}

    def status(self) -> dict[str, Any]:
        """What a person standing in the hall would see."""
        values = {name: round(float(value), 3) for name, value in self.line.values().items()}
        return {
            "incidents": [name for name, on in self.line.incidents().items() if on],
            "plc_serving": self.plc.serving,
            "plc_writes": self.plc.writes,
            "chain_closed": self.line.chain_closed,
            "dropped_by_plc": self.line.dropped,
            "guard_hears_estop": self._estop.heard,
            "missed_defects": self.line.gauge.missed,
            "forklift_connected": self.forklift.connected,
            "forklift_paused": self.vehicle.paused,
            "forklift_driving": self.vehicle.driving,
            "cloud_answered": self.cloud.answered,
            "values": values,
        }
