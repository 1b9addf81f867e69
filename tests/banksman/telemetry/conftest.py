from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from banksman.alarms import AlarmDesk
from banksman.clock import SystemClock
from banksman.config.schema_services import MqttSettings, StoreSettings
from banksman.control.snapshot import SensorView, Snapshot, TripView
from banksman.store.store import Store
from banksman.telemetry.mqtt import Telemetry
from banksman_drivers.ports import Quality, Reading

NODE = "press.1"


def sensor(name: str, value: float, **fields: object) -> SensorView:
    view = SensorView(
        id=name,
        label=name,
        unit="degC",
        value=value,
        quality="good",
        age_ms=0.0,
        stale=False,
        mean=value,
        rate=0.0,
        score=0.0,
        count=1,
    )
    return msgspec.structs.replace(view, **fields)


@pytest.fixture
def make_sensor() -> Callable[..., SensorView]:
    return sensor


@pytest.fixture
def make_snapshot() -> Callable[..., Snapshot]:
    def make(*sensors: SensorView, trips: tuple[TripView, ...] = (), mode: str = "observe"):
        return Snapshot(
            mono_ns=1,
            wall_ns=1_700_000_000_000_000_000,
            mode=mode,
            node=NODE,
            rules_version="r1",
            sensors=sensors,
            trips=trips,
        )

    return make


class Node:
    """Real store, real alarms and real telemetry; its snapshot is the test's."""

    def __init__(self, folder: Path, settings: MqttSettings, snapshot: Snapshot) -> None:
        self.clock = SystemClock()
        self.store = Store.open(
            StoreSettings(folder=str(folder), free_floor_mb=0, block_s=0.1), NODE, self.clock
        )
        self.store.start()
        self.alarms = AlarmDesk(NODE, self.clock, self.store.ids, self.store.put_alarm)
        self.snapshot = snapshot
        self.telemetry = Telemetry(
            settings, NODE, self.store, self.alarms, lambda: self.snapshot, self.clock, "1.2.3"
        )
        self.task = asyncio.create_task(self.telemetry.run())

    def readings(self, device: str, first: int, count: int) -> None:
        """``count`` polls of one point with the values first, first + 1, …"""
        for value in range(first, first + count):
            reading = Reading(f"{device}.n", float(value), "", Quality.GOOD, self.clock.mono_ns())
            self.store.records.put_readings(device, [reading])

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.store.stop()


@pytest.fixture
async def make_node(
    tmp_path: Path, make_snapshot: Callable[..., Snapshot]
) -> AsyncIterator[Callable[..., Node]]:
    """Start a node against a broker: ``make_node(port, readings=["plc"])``."""
    nodes: list[Node] = []

    def make(port: int, snapshot: Snapshot | None = None, **settings: object) -> Node:
        settings = {"host": "127.0.0.1", "state_interval_s": 0.1, **settings}
        node = Node(
            tmp_path / "store", MqttSettings(port=port, **settings), snapshot or make_snapshot()
        )
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        await node.stop()


@pytest.fixture(autouse=True)
def quick_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect and notice silence fast, so that tests of lost brokers take no minutes."""
    from banksman.telemetry import mqtt

    def quick(*args: object) -> object:
        endpoint = endpoint_of(*args)
        return msgspec.structs.replace(
            endpoint,
            back_off_first_s=0.02,
            back_off_most_s=0.2,
            limits=msgspec.structs.replace(endpoint.limits, keepalive_s=1),
        )

    endpoint_of = mqtt._endpoint
    monkeypatch.setattr(mqtt, "_endpoint", quick)
