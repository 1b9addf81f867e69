"""The uplink against the real endpoint: what the store owes arrives, once."""

import time

import msgspec
import pytest

from banksman.wire.uplink import Order
from banksman_cloud.nodes import node_number
from banksman_cloud.orders import give
from banksman_cloud.shadow import desire


@pytest.fixture
def settled(until):
    async def wait(rig) -> None:
        await until(rig.idle, "everything is sent")

    return wait


async def test_rows_and_readings_arrive_once_and_are_acknowledged(
    cloud, make_rig, put_audit, put_readings, settled, until, store
):
    ids = put_audit(5)
    put_readings(300)
    rig = make_rig(cloud.port)

    await until(lambda: rig.status.readings_sent >= 300, "300 readings are sent")
    await settled(rig)

    assert sorted(await cloud.record_ids()) == sorted(ids)
    found = await cloud.reading_ids()
    assert len(found) == len(set(found)) == 300
    assert rig.status.state == "up"
    assert not rig.alarms.raised


async def test_a_critical_row_passes_a_batch_that_is_stuck_on_its_way(
    cloud, line, make_rig, put_alarm, put_readings, until, store, settled
):
    put_readings(3000)
    await until(lambda: store.readings_owed("cloud") == 3000, "the backlog is spooled")
    line.fault = "hold"
    rig = make_rig(line.port)
    await until(line.held.is_set, "the backlog is stuck on the line")

    alarm = put_alarm()

    async def arrived() -> bool:
        return alarm in await cloud.record_ids()

    await until(arrived, "the alarm is at the endpoint")
    assert rig.status.readings_sent == 0
    line.fault = ""
    line.let_go.set()
    await settled(rig)
    assert len(await cloud.reading_ids()) == 3000


async def test_an_order_is_carried_out_once_and_its_result_arrives(cloud, make_rig, until):
    order = Order("order-1", "ping", time.time_ns() + 3600 * 10**9)
    await cloud.engine.write(
        lambda db: give(db, node_number(db, "press", 1), order, "anna", time.time_ns())
    )
    rig = make_rig(cloud.port)

    async def finished() -> bool:
        return (await cloud.rows("SELECT outcome FROM orders")) == [("done",)]

    await until(finished, "the result is there")
    assert rig.done == ["order-1"]


async def test_the_shadow_reports_itself_and_what_is_desired_comes_back(cloud, make_rig, until):
    values = {"heartbeat_s": 2, "colour": "red"}
    await cloud.engine.write(
        lambda db: desire(db, node_number(db, "press", 1), values, "anna", 1, None)
    )
    make_rig(cloud.port)

    async def reported() -> bool:
        rows = await cloud.rows("SELECT reported FROM shadow WHERE reported IS NOT NULL")
        state = msgspec.json.decode(rows[0][0]) if rows else {}
        return state.get("desired_version") == 1 and state == {
            "mode": "observe",
            "desired_version": 1,
            "desired_ignored": ["colour"],
            "desired_refused": {},
            "set.heartbeat_s": 2,
        }

    await until(reported, "the shadow is reported")


async def test_an_unreliable_link_lets_the_store_keep_more(line, make_rig, store, put_audit, until):
    await line.down()
    put_audit(3)
    rig = make_rig(line.port, retention_grows_by=2.0)
    await until(lambda: store.status().stretch == 2.0, "what fails is told to the store")
    assert rig.status.reliability == 0.0
    assert rig.status.retention == 2.0
    await rig.stop()

    await line.start()
    again = make_rig(line.port, start=False, retention_grows_by=2.0)
    assert again.status.reliability is None
    assert again.status.retention == 2.0, "a start knows nothing better"
    again.start()
    await until(lambda: store.stretched == 1.0, "what goes well is told to the store")
    await until(lambda: store.status().stretch == 1.0, "and little is owed")
