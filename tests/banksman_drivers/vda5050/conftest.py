from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from banksman_drivers.ports import Command, Quality, Reading
from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050 import Vda5050Driver

BASE = "uagv/v2/acme/7"


class Clock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class Sink:
    """Keeps each sensor's newest reading and how often it came."""

    def __init__(self) -> None:
        self.newest: dict[str, Reading] = {}
        self.batches = 0

    def readings(self, batch: Sequence[Reading]) -> None:
        self.batches += 1
        self.newest.update({reading.sensor: reading for reading in batch})

    def burst(self, burst: object) -> None:
        raise AssertionError("a vehicle has no bursts")

    def value(self, point: str) -> float | None:
        """The newest value, None while it is BAD."""
        reading = self.newest.get(f"forklift.{point}")
        if reading is None or reading.quality is Quality.BAD:
            assert reading is None or math.isnan(reading.value)
            return None
        return reading.value


def state(header_id: int, second: float = 0.0, **changes: object) -> dict[str, object]:
    """A complete state message; ``second`` is its time within one minute."""
    return {
        "headerId": header_id,
        "timestamp": f"2025-01-31T13:37:{second:06.3f}Z",
        "version": "2.1.0",
        "manufacturer": "acme",
        "serialNumber": "7",
        "orderId": "",
        "orderUpdateId": 0,
        "lastNodeId": "",
        "lastNodeSequenceId": 0,
        "nodeStates": [],
        "edgeStates": [],
        "driving": True,
        "paused": False,
        "actionStates": [],
        "batteryState": {"batteryCharge": 80.5, "charging": False},
        "operatingMode": "AUTOMATIC",
        "errors": [],
        "safetyState": {"eStop": "NONE", "fieldViolation": False},
        "agvPosition": {
            "x": 1.5, "y": -2.0, "theta": 0.0, "mapId": "hall", "positionInitialized": True
        },
        "velocity": {"vx": 3.0, "vy": 4.0, "omega": 0.0},
        **changes,
    }  # fmt: skip


@pytest.fixture
def make_state() -> Callable[..., dict[str, object]]:
    return state


@pytest.fixture
def order_file(tmp_path: Path) -> Path:
    """An order of four nodes n0..n3."""
    order = {
        "orderId": "transport-1",
        "nodes": [{"nodeId": f"n{i}", "sequenceId": 2 * i} for i in range(4)],
        "edges": [
            {
                "edgeId": f"e{i}",
                "sequenceId": 2 * i + 1,
                "startNodeId": f"n{i}",
                "endNodeId": f"n{i + 1}",
            }
            for i in range(3)
        ],
    }
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    return file


class Forklift:
    """A vehicle at the other end of the broker, moved by the test."""

    def __init__(self, listener: object) -> None:
        self._listener = listener
        self._header_id = 0

    def tell(self, **changes: object) -> None:
        self._header_id += 1
        self.send(state(self._header_id, self._header_id % 60, **changes))

    def send(self, message: object) -> None:
        self.send_raw(json.dumps(message).encode())

    def send_raw(self, payload: bytes, topic: str = "state", retain: bool = False) -> None:
        self._listener.publish(f"{BASE}/{topic}", payload, qos=1, retain=retain)

    def connection(self, word: str) -> None:
        message = {
            "headerId": 1,
            "timestamp": "2025-01-31T13:37:00.000Z",
            "version": "2.1.0",
            "manufacturer": "acme",
            "serialNumber": "7",
            "connectionState": word,
        }
        self.send_raw(json.dumps(message).encode(), "connection", retain=True)

    def received(self, topic: str) -> list[dict[str, object]]:
        return [json.loads(one) for one in self._listener.payloads(f"{BASE}/{topic}")]


@pytest.fixture
def forklift(broker, listen) -> Forklift:
    return Forklift(listen(broker, f"{BASE}/#"))


class RunningDriver:
    """The driver under test on this loop."""

    def __init__(self, settings: Vda5050Settings) -> None:
        self.sink = Sink()
        self.driver = Vda5050Driver(settings, Clock(), time.time_ns)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.driver.run(self.sink))

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    def command(self, point: str, value: object, expires_in_s: float = 10.0) -> Command:
        expires = time.monotonic_ns() + round(expires_in_s * 1e9)
        return Command("c-1", f"forklift.{point}", value, expires, "d-1")


@pytest.fixture
async def make_driver() -> AsyncIterator[Callable[..., RunningDriver]]:
    """A driver for the vehicle acme 7: ``make_driver(port, stale_ms=…)``; runs at once."""
    made: list[RunningDriver] = []

    def make(port: int, run: bool = True, **settings: object) -> RunningDriver:
        one = RunningDriver(
            Vda5050Settings(
                driver="vda5050",
                id="forklift",
                manufacturer="acme",
                serial_number="7",
                port=port,
                **settings,
            )
        )
        made.append(one)
        if run:
            one.start()
        return one

    yield make
    for one in made:
        await one.stop()


@pytest.fixture
def make_vehicle() -> Callable[..., Vda5050Driver]:
    """A driver that nobody runs: ``make_vehicle(label="Truck 7")``."""

    def make(**changes: object) -> Vda5050Driver:
        fields = {"driver": "vda5050", "id": "agv1", "manufacturer": "m", "serial_number": "s"}
        return Vda5050Driver(Vda5050Settings(**fields | changes), Clock(), time.time_ns)

    return make
