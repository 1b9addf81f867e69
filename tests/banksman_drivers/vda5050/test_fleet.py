"""Several vehicles on one broker: each its own device, its own connection, its own fate."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050 import Vda5050Driver

pytestmark = pytest.mark.broker
VEHICLES = 20


class Clock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


@pytest.fixture
async def fleet(broker, listen, make_state, until):
    """Twenty drivers that listen, and ``tell(serial, header_id, **changes)``."""
    someone = listen(broker, "uagv/v2/acme/+/instantActions")
    heard: dict[str, list[object]] = {}

    class Sink:
        def __init__(self, device: str) -> None:
            self.device = device

        def readings(self, batch):
            heard[self.device] = list(batch)

        def burst(self, burst):
            raise AssertionError("a vehicle has no bursts")

    drivers = [
        Vda5050Driver(
            Vda5050Settings(
                driver="vda5050",
                id=f"agv{number}",
                manufacturer="acme",
                serial_number=str(number),
                port=broker.port,
                stale_ms=60_000,
            ),
            Clock(),
            time.time_ns,
        )
        for number in range(VEHICLES)
    ]
    tasks = [asyncio.create_task(one.run(Sink(one.id))) for one in drivers]
    await until(lambda: all(one._link.up for one in drivers), "all listen")

    def tell(number: int, header_id: int, **changes: object) -> None:
        message = make_state(header_id, **{"serialNumber": str(number), **changes})
        someone.publish(f"uagv/v2/acme/{number}/state", json.dumps(message).encode())

    def value(number: int, point: str) -> float | None:
        batch = heard.get(f"agv{number}", [])
        return next((one.value for one in batch if one.sensor == f"agv{number}.{point}"), None)

    yield drivers, tell, value, someone
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_vehicle_of_twenty_has_its_own_readings(fleet, until):
    _, tell, value, _ = fleet
    for number in range(VEHICLES):
        tell(number, 1, batteryState={"batteryCharge": float(number), "charging": False})
    await until(
        lambda: [value(number, "battery") for number in range(VEHICLES)] == list(range(VEHICLES)),
        "every vehicle is told",
    )


async def test_a_vehicle_that_goes_offline_leaves_the_others_alone(fleet, until):
    drivers, tell, value, someone = fleet
    for number in (0, 1):
        tell(number, 1)
    await until(lambda: value(0, "connected") == value(1, "connected") == 1.0, "both are there")
    gone = {
        "headerId": 0,
        "timestamp": "2025-01-31T13:37:00.000Z",
        "version": "2.1.0",
        "manufacturer": "acme",
        "serialNumber": "0",
        "connectionState": "CONNECTIONBROKEN",
    }
    someone.publish("uagv/v2/acme/0/connection", json.dumps(gone).encode(), qos=1, retain=True)
    await until(lambda: value(0, "connected") == 0.0, "the loss")
    assert value(1, "connected") == 1.0
    assert drivers[1].health().state == "connected"


async def test_a_flood_of_one_vehicle_is_bounded_counted_and_its_neighbour_still_heard(
    fleet, until
):
    drivers, tell, value, _ = fleet
    for header_id in range(1, 3001):
        tell(0, header_id, loads=[{}] * (header_id % 7))
    tell(1, 1)
    await until(lambda: value(1, "connected") == 1.0, "the neighbour")
    await until(lambda: value(0, "loads") == float(3000 % 7), "the newest of the flood")
    vehicle = drivers[0]._vehicle
    await until(lambda: vehicle.state.header_id == 3000, "the newest state")
    assert vehicle.taken < 3000
    assert drivers[0].ignored() == 3000 - vehicle.taken
    assert drivers[0].health().errors == 3000 - vehicle.taken
    assert drivers[1].health().errors == 0
