"""What is fresh goes beside a backlog, for every class that is open, and nothing is sent amiss."""

import asyncio
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.config.schema_sync import SyncSettings
from banksman.sync.bulk import Bulk
from banksman.sync.lanes import KNOCK_ROWS
from banksman.sync.link import LinkState
from banksman.sync.policy import BATCH_S, Policy
from banksman.sync.schedule import (
    BACKLOG_READINGS,
    LIVE_BYTES_LEAST,
    LIVE_S,
    LIVE_SHARE,
    Schedule,
    Turn,
)
from banksman.sync.thinning import Thinning
from banksman.wire.blocks import unpack
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority
from banksman_drivers.ports import Quality, Reading
from benchmarks.sync.box import Box
from benchmarks.sync.boxed import SETTINGS
from benchmarks.sync.faults import Boxed, Told, fill, judge
from benchmarks.sync.relay import Relay

BACKLOG = {Priority.BACKGROUND: BACKLOG_READINGS + 1}
NODE = "press"
NOISE = 12_000  # polls of noise that a backlog is made of
ROWS = 1_500


def plan(goodput, metered=False):
    state = LinkState(0.0, goodput, 10.0, 1.0, False)
    return Policy(SyncSettings()).plan(state, metered)


# The schedule


@pytest.mark.parametrize("count", [0, 1, BACKLOG_READINGS])
def test_without_a_backlog_nothing_is_live(count):
    schedule = Schedule(SyncSettings(), 0.0)
    assert schedule.live_turn(plan(1.0), {Priority.BACKGROUND: count}, None, 0.0) is None


def test_beside_a_backlog_whatever_waits_of_an_open_class_is_live():
    schedule = Schedule(SyncSettings(), 0.0)
    waiting = BACKLOG | {Priority.NORMAL: 1}
    turn = schedule.live_turn(plan(1.0), waiting, None, 0.0)
    assert isinstance(turn, Turn)
    assert turn.classes == (Priority.NORMAL, Priority.BACKGROUND)


def test_it_is_due_each_second_and_no_sooner():
    schedule = Schedule(SyncSettings(), 0.0)
    assert isinstance(schedule.live_turn(plan(1.0), BACKLOG, None, 0.0), Turn)
    assert schedule.live_turn(plan(1.0), BACKLOG, None, LIVE_S / 4) == LIVE_S * 3 / 4
    assert isinstance(schedule.live_turn(plan(1.0), BACKLOG, None, LIVE_S), Turn)


def test_a_class_that_is_not_open_over_a_metered_link_is_not_live():
    schedule = Schedule(SyncSettings(), 0.0)
    waiting = BACKLOG | {Priority.IMPORTANT: 500}
    assert schedule.live_turn(plan(1.0, metered=True), waiting, None, 0.0) is None
    turn = schedule.live_turn(plan(10.0, metered=True), waiting, 10_000, 0.0)
    assert isinstance(turn, Turn)
    assert turn.classes == (Priority.IMPORTANT,)
    assert turn.bytes_most <= 10_000


def test_over_a_metered_link_it_waits_for_its_interval_and_for_its_budget():
    schedule, metered = Schedule(SyncSettings(), 0.0), plan(10.0, metered=True)
    waiting = {Priority.IMPORTANT: 500}
    assert isinstance(schedule.live_turn(metered, waiting, 1000, 0.0), Turn)
    assert schedule.live_turn(metered, waiting, 1000, 10.0) == metered.interval_s - 10.0
    assert not isinstance(schedule.live_turn(metered, waiting, 0, 100.0), Turn)


@given(st.floats(0.05, 1000))
def test_it_takes_its_share_of_the_link_and_no_more(mbit):
    found = plan(mbit)
    turn = Schedule(SyncSettings(), 0.0).live_turn(found, BACKLOG, None, 0.0)
    share = found.bytes_most / BATCH_S * LIVE_SHARE
    assert turn.bytes_most <= max(LIVE_BYTES_LEAST, share)


def test_a_class_over_its_share_of_its_bucket_waits_and_the_backlog_pays_for_it():
    settings = SyncSettings(background_kbit=80)  # 10 kB a second, a quarter of it live
    schedule = Schedule(settings, 0.0)
    assert isinstance(schedule.live_turn(plan(1.0), BACKLOG, None, 0.0), Turn)
    schedule.sent_live({Priority.BACKGROUND: 2 * 64 * 1024}, 0.0)
    assert not isinstance(schedule.live_turn(plan(1.0), BACKLOG, None, LIVE_S), Turn)
    assert not isinstance(schedule.turn(plan(1.0), BACKLOG, None, LIVE_S), Turn)
    assert isinstance(schedule.live_turn(plan(1.0), BACKLOG, None, 60.0), Turn)


# Against the endpoint


@pytest.fixture
def soon(monkeypatch):
    """A live turn comes many times in a backlog that a test has time for."""
    monkeypatch.setattr("banksman.sync.schedule.LIVE_S", 0.05)


@pytest.fixture
def put_fresh(store):
    """One poll of a device of its own: ``put_fresh(3)`` is its third."""

    def put(number: int) -> None:
        reading = Reading("fresh.n", float(number), "", Quality.GOOD, 1)
        store.records.put_readings("fresh", (reading,))

    return put


@pytest.fixture
def blocks(cloud):
    """Devices of each block at the endpoint, in the order of arrival."""

    async def read() -> list[set[str]]:
        return [
            {msgspec.json.decode(line)["device"] for line in unpack(bytes(body))}
            for (body,) in await cloud.rows("SELECT body FROM block ORDER BY seq")
        ]

    return read


@pytest.fixture
def fresh_there(blocks):
    """A condition: a fresh reading is at the endpoint."""

    async def holds() -> bool:
        return any("fresh" in devices for devices in await blocks())

    return holds


async def test_fresh_readings_pass_a_backlog(
    cloud, make_rig, put_readings, put_fresh, store, until, soon, blocks, fresh_there
):
    put_readings(NOISE)
    await until(lambda: store.readings_owed("cloud") == NOISE, "the backlog is spooled")
    async with Relay(cloud.port, mbit=0.2, delay_s=0.01) as relay:
        rig = make_rig(relay.port)
        await until(lambda: rig.status.state == "up", "the link is up")
        for number in range(5):
            put_fresh(number)
        await until(fresh_there, "the fresh ones are there")
        assert store.readings_owed("cloud") > 0, "and the backlog is not"
        await until(rig.idle, "everything is sent")
        await rig.stop()
    found = await cloud.reading_ids()
    assert len(found) == len(set(found)) == NOISE + 5
    order = await blocks()
    assert order.index({"fresh"}) < len(order) - 1


async def test_fresh_rows_pass_a_backlog_of_their_class(
    cloud, make_rig, put_audit, until, until_owed, soon, store
):
    noise = random.Random(1)
    old = [store.ids.next() for _ in range(ROWS)]
    for name in old:
        why = {"why": noise.randbytes(400).hex()}
        store.put_audit(AuditMessage(name, NODE, "reset", "anna", 1, 2, "boot", why))
    until_owed("audit", old)
    async with Relay(cloud.port, mbit=1.0, delay_s=0.01) as relay:
        rig = make_rig(relay.port)
        await until(lambda: rig.status.records_sent > 0, "the backlog is under way")
        (fresh,) = put_audit(1)
        await until(rig.idle, "everything is sent")
        await rig.stop()
    order = await cloud.record_ids()
    assert sorted(order) == sorted([*old, fresh])
    assert order.index(fresh) < len(order) - 1


async def test_of_more_critical_rows_than_one_request_takes_the_newest_go_first(
    cloud, make_rig, store, until, until_owed
):
    names = [store.ids.next() for _ in range(600)]
    for name in names:
        store.put_alarm(
            AlarmMessage(name, NODE, "hot", "too hot", Priority.CRITICAL, True, False, 1, 2, "boot")
        )
    until_owed("alarm", names)
    rig = make_rig(cloud.port)
    await until(rig.idle, "everything is sent")
    order = await cloud.record_ids()
    assert sorted(order) == sorted(names)
    assert order.index(names[-1]) < 200
    assert order.index(names[0]) < 200


async def test_while_nobody_answers_a_few_critical_rows_knock_and_the_newest_is_one_of_them(
    line, make_rig, store, until, until_owed
):
    await line.down()
    names = [store.ids.next() for _ in range(600)]
    for name in names:
        store.put_alarm(
            AlarmMessage(name, NODE, "hot", "too hot", Priority.CRITICAL, True, False, 1, 2, "boot")
        )
    until_owed("alarm", names)
    rig = make_rig(line.port)
    await until(lambda: rig.standing.failures > 1, "nobody answers")
    rows = await rig.uplink._lanes._critical()
    assert len(rows) == KNOCK_ROWS
    assert {names[-1], names[0]} <= {row.id for row in rows}


async def test_readings_faster_than_the_live_share_arrive_all_and_once(
    cloud, make_rig, put_readings, put_fresh, store, until, soon
):
    put_readings(NOISE)
    await until(lambda: store.readings_owed("cloud") == NOISE, "the backlog is spooled")
    async with Relay(cloud.port, mbit=0.5, delay_s=0.01) as relay:
        rig = make_rig(relay.port)
        for turn in range(4):
            sent = rig.status.readings_sent
            put_readings(2 * BACKLOG_READINGS)
            put_fresh(turn)
            await until(lambda sent=sent: rig.status.readings_sent > sent, "it goes on")
        await until(rig.idle, "everything is sent")
        await rig.stop()
    found = await cloud.reading_ids()
    assert len(found) == len(set(found)) == NOISE + 8 * BACKLOG_READINGS + 4


async def test_a_box_killed_while_both_lanes_are_under_way_loses_and_doubles_nothing(
    cloud, until, tmp_path
):
    await fill(tmp_path / "box", NOISE)
    told = Told()
    async with Relay(cloud.port, mbit=0.2, delay_s=0.01) as relay:
        boxed = Boxed(tmp_path / "box", relay.port, told)
        for epoch in (2, 3):
            boxed.start()

            async def fresh_there(epoch=epoch) -> bool:
                return bool(await cloud.rows(f"SELECT 1 FROM block WHERE epoch = {epoch}"))

            try:
                await until(fresh_there, "what this start recorded is there")
            finally:
                await asyncio.to_thread(boxed.kill)
    old = await cloud.rows("SELECT coalesce(sum(last - first + 1), 0) FROM block WHERE epoch = 1")
    assert old[0][0] < NOISE, "it was killed with the backlog under way"
    again = Box(tmp_path / "box", SyncSettings.model_validate(SETTINGS))
    again.start_uplink(cloud.port)
    await until(again.idle, "everything is sent")
    await again.close()
    outcome = judge(tmp_path / "cloud.db", told, "")
    assert outcome.records > NOISE
    assert (outcome.lost, outcome.duplicated) == (0, 0)


async def test_no_class_takes_the_room_of_another_ones_newest(store, until_owed):
    names: dict[Priority, list[str]] = {Priority.IMPORTANT: [], Priority.NORMAL: []}
    for which, own in names.items():
        for number in range(150):
            own.append(store.ids.next())
            key = f"{which.name}_{number}"
            store.put_alarm(
                AlarmMessage(own[-1], NODE, key, "hot", which, True, False, 1, 2, "boot")
            )
        until_owed("alarm", own)
    settings = SyncSettings()
    live = Bulk(store, Schedule(settings, 0.0), Thinning(settings), lambda: 0).live
    live.look()
    parcel = await live.gather(plan(1.0), None, 0.0, ())
    assert isinstance(parcel, tuple)
    first = [entry.item.id for entry in parcel[:4]]
    important, normal = names[Priority.IMPORTANT], names[Priority.NORMAL]
    assert first == [important[-1], normal[-1], important[-2], normal[-2]]
