"""The uplink over links of the kernel's own: rate, loss, outage, in a network namespace."""

import asyncio
import random
import shutil
import time

import msgspec
import pytest
from shaped_link import TOOLS, ShapedLink, privileged, summary, why_not

from banksman.wire.blocks import unpack
from banksman.wire.messages import ReadingsMessage
from banksman_cloud.answering import Adviser
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.server import Listener, Server, Site
from banksman_cloud.storage.sqlite import SqliteEngine
from banksman_cloud.web.callers import DeveloperIdentity
from banksman_drivers.ports import Quality, Reading
from benchmarks.sync.relay import Relay

POLLS = 6_000
WHY_NOT = why_not()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "can be had")


@pytest.fixture
def link():
    with ShapedLink(mbit=1.0) as made:
        yield made


@pytest.fixture
async def far_cloud(cloud, tmp_path, link):
    """The endpoint at the link's far end; ``cloud`` reads the same database."""
    await cloud.stop()
    cloud.engine = SqliteEngine(tmp_path / "cloud.db")
    await cloud.engine.open()
    endpoint = Endpoint(cloud.engine, time.time_ns)
    site = Site(endpoint, DeveloperIdentity(), Adviser.load(None), time.time_ns)
    server = Server([Listener(link.listen(), site.routes, site.gate)])
    await server.start()
    yield cloud
    await server.stop()


@pytest.fixture
def url(link):
    return f"http://{link.address}:8443"


@pytest.mark.skipif(
    not privileged() or any(shutil.which(tool) is None for tool in TOOLS),
    reason="needs CAP_NET_ADMIN and CAP_SYS_ADMIN, iproute2 and nftables",
)
def test_where_root_may_make_links_and_has_the_tools_none_of_these_tests_is_skipped():
    assert WHY_NOT == ""
    assert "NOT RUN" not in summary()


@needs_namespaces
async def test_what_a_megabit_carries_is_measured_and_everything_arrives_once(
    far_cloud, url, make_rig, put_audit, put_readings, until
):
    ids = put_audit(50)
    put_readings(5000)
    rig = make_rig(url=url)
    await until(lambda: rig.status.readings_sent >= 5000 and rig.idle(), "everything is sent")
    await until(lambda: rig.status.goodput_mbit is not None, "a state tells the goodput")
    # The kernel holds it to one, a first burst aside: the table's first row, however loaded we are.
    assert rig.status.goodput_mbit < 5
    found = await far_cloud.reading_ids()
    assert len(found) == len(set(found)) == 5000
    assert sorted(await far_cloud.record_ids()) == sorted(ids)


@needs_namespaces
async def test_a_cable_that_is_pulled_and_put_back_costs_nothing(
    far_cloud, link, url, make_rig, put_audit, put_alarm, put_readings, until, monkeypatch
):
    monkeypatch.setattr("banksman.sync.courier.WITHIN_LEAST_S", 1.0)
    monkeypatch.setattr("banksman.sync.courier.WITHIN_MOST_S", 4.0)
    put_readings(200)
    rig = make_rig(url=url)
    await until(lambda: rig.status.readings_sent >= 200, "the link carries")
    link.down()
    ids = put_audit(20)
    put_readings(3000)
    await until(lambda: rig.status.state == "down", "the outage is seen")
    ids.append(put_alarm())

    link.up()

    await until(lambda: rig.status.readings_sent >= 3200 and rig.idle(), "everything is sent")
    assert sorted(await far_cloud.record_ids()) == sorted(ids)
    found = await far_cloud.reading_ids()
    assert len(found) == len(set(found)) == 3200
    assert rig.status.state == "up"


@needs_namespaces
@pytest.mark.skipif(shutil.which("nft") is None, reason="nft is not installed (nftables)")
async def test_lost_packets_cost_time_and_no_record(
    far_cloud, link, url, make_rig, put_audit, put_readings, until
):
    link.lose(5)
    ids = put_audit(20)
    put_readings(1000)
    rig = make_rig(url=url)
    await until(lambda: rig.status.readings_sent >= 1000 and rig.idle(), "everything is sent")
    assert sorted(await far_cloud.record_ids()) == sorted(ids)
    assert len(await far_cloud.reading_ids()) == 1000


@needs_namespaces
async def test_over_a_shaped_link_live_readings_do_not_wait_behind_the_backlog(
    far_cloud, url, make_rig, store, until, monkeypatch
):
    monkeypatch.setattr("banksman.sync.schedule.LIVE_S", 0.2)
    chance = random.Random(3)
    for _ in range(POLLS):  # about eight seconds of the link
        noise = [Reading(f"old.n{n}", chance.random(), "", Quality.GOOD, 1) for n in range(20)]
        store.records.put_readings("old", noise)
    await until(lambda: store.readings_owed("cloud") == POLLS, "the backlog is spooled")
    rig = make_rig(url=url)
    await until(lambda: rig.status.state == "up", "the link is up")
    taken = 0
    while store.readings_owed("cloud") > POLLS // 2:
        reading = Reading("live.n", float(taken), "", Quality.GOOD, 1)
        store.records.put_readings("live", (reading,))
        taken += 1
        await asyncio.sleep(0.1)
    await until(rig.idle, "everything is sent")
    await rig.stop()

    order: list[tuple[str, int]] = []  # what arrived, message by message: device and number
    for (body,) in await far_cloud.rows("SELECT body FROM block ORDER BY seq"):
        for line in unpack(bytes(body)):
            message = msgspec.json.decode(line, type=ReadingsMessage)
            order.append((message.device, int(message.values.get("n", 0))))
    assert len(order) == POLLS + taken
    assert taken > 1
    old_at = [at for at, (device, _) in enumerate(order) if device == "old"]
    live_at = {number: at for at, (device, number) in enumerate(order) if device == "live"}
    assert sorted(live_at) == list(range(taken))
    # The last was taken with half of the backlog still to come.
    assert max(live_at.values()) < old_at[-1]


async def test_over_a_long_thin_line_a_critical_row_passes_the_backlog(
    cloud, make_rig, put_alarm, put_readings, store, until
):
    put_readings(12_000)  # about 100 kB of noise, several batches
    await until(lambda: store.readings_owed("cloud") == 12_000, "the backlog is spooled")
    alarm = put_alarm()
    async with Relay(cloud.port, mbit=0.4, delay_s=0.15) as relay:
        rig = make_rig(relay.port)
        await until(lambda: rig.status.readings_sent >= 12_000 and rig.idle(), "all is sent")
        await rig.stop()
    ((arrived,),) = await cloud.rows(f"SELECT arrived_ns FROM record WHERE id = '{alarm}'")
    blocks = await cloud.rows("SELECT arrived_ns FROM block ORDER BY arrived_ns")
    assert len(blocks) > 2
    assert arrived < blocks[-1][0]


async def test_flapping_lines_lose_nothing(cloud, make_rig, put_audit, put_readings, until):
    async with Relay(cloud.port, mbit=2.0, delay_s=0.005) as relay:
        rig = make_rig(relay.port)
        ids = []
        for _ in range(8):
            ids += put_audit(5)
            put_readings(300)
            await asyncio.sleep(0)
            before = relay.passed_bytes
            await until(lambda before=before: relay.passed_bytes > before, "something passes")
            await relay.flap()
        await until(lambda: rig.status.readings_sent >= 2400 and rig.idle(), "everything is sent")
        assert relay.cuts == 8
        await rig.stop()
    assert sorted(await cloud.record_ids()) == sorted(ids)
    found = await cloud.reading_ids()
    assert len(found) == len(set(found)) == 2400
