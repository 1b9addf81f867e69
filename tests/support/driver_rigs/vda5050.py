"""The shipped forklift and the driver, on a real mosquitto that dies and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Mapping

import pytest

from banksman_drivers.fake.plant.forklift import Forklift
from banksman_drivers.fake.plant.vehicle import Vehicle
from banksman_drivers.ports import Value
from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050 import Vda5050Driver
from banksman_drivers.vda5050_points import ALWAYS_KNOWN, VEHICLE_POINTS
from batch_sink import Ticks
from driver_rigs.base import Rig
from real_broker import Mosquitto

STEP_S = 0.02
FORETOLD = {
    "connected": 1.0,
    "driving": 0.0,
    "paused": 0.0,
    "estop": 0.0,
    "stale": 0.0,
    "node": -1.0,
    "loads": 0.0,
}


class Vda5050Rig(Rig):
    """A standing vehicle that tells its state with each step, so that no test waits a second."""

    expected: Mapping[str, tuple[float | None, str]] = {
        f"device.{each.name}": (FORETOLD.get(each.name), each.unit) for each in VEHICLE_POINTS
    }
    output = "device.pause"
    known_when_lost = frozenset(f"device.{name}" for name in ALWAYS_KNOWN)

    async def begin(self) -> None:
        if shutil.which("mosquitto") is None:
            pytest.skip("mosquitto is not installed (apt install mosquitto)")
        order = self.folder / "order.json"
        order.write_text(
            json.dumps({"orderId": "o", "nodes": [{"nodeId": "a", "sequenceId": 0}], "edges": []})
        )
        self.broker = Mosquitto(self.folder)
        await self.restore()
        settings = Vda5050Settings(
            driver="vda5050",
            id="device",
            port=self.broker.port,
            manufacturer="acme",
            serial_number="7",
            stale_ms=5000,
            order_file=str(order),
        )
        self.driver = Vda5050Driver(settings, Ticks(), time.time_ns)

    async def lose(self) -> None:
        await asyncio.to_thread(self.broker.kill)
        await self._stand_down()

    async def restore(self) -> None:
        await asyncio.to_thread(self.broker.start)
        self._forklift = Forklift(Vehicle(), self.broker.host, self.broker.port, "acme", "7")
        self._forklift.start()
        self._driving = asyncio.create_task(self._drive())
        while not self._forklift.connected:
            await asyncio.sleep(STEP_S)

    async def end(self) -> None:
        await self._stand_down()
        await asyncio.to_thread(self.broker.kill)

    def refuse_commands(self) -> None:
        self._forklift.vehicle.refusing = True

    def written(self) -> list[Value]:
        done = self._forklift.vehicle.state()["actionStates"]
        return [
            action["actionType"] == "startPause"
            for action in done
            if action["actionStatus"] == "FINISHED"
        ]

    def safe_writes(self) -> list[Value]:
        # What was released cannot be taken back: a pause is the safe state of both outputs.
        return [True]

    async def _drive(self) -> None:
        while True:
            self._forklift.vehicle.changed = True
            self._forklift.step(STEP_S)
            await asyncio.sleep(STEP_S)

    async def _stand_down(self) -> None:
        self._driving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._driving
        await asyncio.to_thread(self._forklift.stop)
