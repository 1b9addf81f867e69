"""The driver and the forklift that ships with the demo, which were written apart."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from banksman_drivers.fake.plant.forklift import Forklift
from banksman_drivers.fake.plant.vehicle import Vehicle

pytestmark = pytest.mark.broker
STEP_S = 0.01


def position(x_m: float) -> dict[str, object]:
    return {"x": x_m, "y": 0.0, "mapId": "hall"}


@pytest.fixture
async def site(broker, make_driver, tmp_path, until):
    """(driver, vehicle) on one broker, with an order of three nodes two metres apart."""
    file = tmp_path / "order.json"
    nodes = [
        {"nodeId": f"n{i}", "sequenceId": 2 * i, "nodePosition": position(2.0 * i)}
        for i in range(3)
    ]
    edges = [{"edgeId": f"e{i}", "sequenceId": 2 * i + 1} for i in range(2)]
    file.write_text(json.dumps({"orderId": "o1", "nodes": nodes, "edges": edges}))
    forklift = Forklift(Vehicle(), broker.host, broker.port, "acme", "7")
    forklift.start()

    async def drive() -> None:
        while True:
            forklift.step(STEP_S)
            await asyncio.sleep(STEP_S)

    driving = asyncio.create_task(drive())
    one = make_driver(broker.port, order_file=str(file))
    await until(lambda: one.sink.value("connected") == 1.0, "the vehicle is heard")
    yield one, forklift.vehicle
    driving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await driving
    await asyncio.to_thread(forklift.stop)


async def test_it_drives_what_is_released_and_pauses_and_goes_on(site, until):
    one, vehicle = site
    await one.driver.apply(one.command("released_nodes", 2))
    await until(lambda: one.sink.value("driving") == 1.0, "it drives")
    await one.driver.apply(one.command("pause", True))
    assert vehicle.paused
    await until(lambda: one.sink.value("paused") == 1.0, "it says so")
    await one.driver.apply(one.command("pause", False))
    await until(lambda: one.sink.value("node") == 1.0, "it reaches the end of its base")
    await one.driver.apply(one.command("released_nodes", 3))
    await until(lambda: one.sink.value("node") == 2.0, "it reaches the end of the order")
    assert one.sink.value("x") == 4.0


async def test_its_refusal_of_an_order_is_told(site, until):
    one, vehicle = site
    vehicle.x_m = 50.0
    with pytest.raises(OSError, match="not where I stand"):
        await one.driver.apply(one.command("released_nodes", 1))
