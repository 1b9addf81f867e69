"""Readings: spooled, folded into blocks, numbered for ever, served from memory or disk."""

from __future__ import annotations

import msgspec
import pytest

from banksman.clock import ManualClock
from banksman.store.rows import ReadingRow
from banksman.store.tail import Tail
from banksman.wire.messages import ReadingsMessage
from banksman_drivers.ports import Quality, Reading


async def put(store, make_batch, count, until, start=0):
    for number in range(start, start + count):
        store.records.put_readings("plc", make_batch(oven=float(number)))
        if number % 500 == 0:
            await until(lambda: store.status().queue_depth < 1000, "the spool keeps up")


async def all_readings(store, after=None, page=700):
    found = []
    while rows := await store.readings_after("mqtt", after, page):
        found += rows
        after = rows[-1].position
    return found


def ovens(rows):
    return [msgspec.json.decode(r.payload, type=ReadingsMessage).values["oven"] for r in rows]


async def test_readings_come_back_in_order_with_the_ids_they_were_given(
    open_store, make_batch, until
):
    store = open_store()
    await put(store, make_batch, 50, until)
    await until(lambda: store.status().durable_mark == "press-1-50", "all spooled")
    rows = await all_readings(store, page=7)
    assert [row.id for row in rows] == [f"press-1-{n}" for n in range(1, 51)]
    assert ovens(rows) == [float(n) for n in range(50)]
    assert {row.device for row in rows} == {"plc"}


async def test_a_consumer_far_behind_is_served_from_blocks_and_then_from_memory(
    open_store, make_batch, until
):
    store = open_store()
    await put(store, make_batch, 9000, until)
    await until(lambda: store.status().durable_mark == "press-1-9000", "all spooled")
    await until(lambda: store._parts.tail.unfolded_count() == 0, "all folded")
    assert await store.readings_after("mqtt", None, 1)  # beyond the memory's reach
    assert ovens(await all_readings(store)) == [float(n) for n in range(9000)]
    await until(lambda: store.status().readings_behind["mqtt"] == 9000, "counted over blocks")


async def test_what_is_owed_is_told_whole_as_soon_as_it_is_folded(open_store, make_batch, until):
    store = open_store(clock=ManualClock())  # no second ever passes
    await put(store, make_batch, 9000, until)
    await until(lambda: store.readings_owed("mqtt") == 9000, "all of them are owed")


async def test_positions_go_on_over_restarts_and_the_cursor_is_kept(open_store, make_batch, until):
    store = open_store()
    await put(store, make_batch, 10, until)
    await until(lambda: store.status().durable_mark == "press-1-10", "spooled")
    rows = await all_readings(store)
    await store.acknowledge_readings("mqtt", rows[3].position)
    store.stop()
    again = open_store()
    assert again.epoch == 2
    assert again.status().durable_mark == "press-1-10"
    assert again.status().readings_behind == {"mqtt": 6}
    await put(again, make_batch, 5, until, start=10)
    await until(lambda: again.status().durable_mark == "press-2-5", "spooled")
    later = await all_readings(again)
    assert [row.id for row in later[:6]] == [row.id for row in rows[4:]]
    assert ovens(later) == [float(n) for n in range(4, 15)]
    positions = [row.position for row in rows[:4] + later]
    assert positions == sorted(set(positions))


async def test_a_cursor_never_goes_back(open_store, make_batch, until):
    store = open_store()
    await put(store, make_batch, 3, until)
    await until(lambda: store.status().durable_mark == "press-1-3", "spooled")
    rows = await all_readings(store)
    await store.acknowledge_readings("mqtt", rows[2].position)
    await store.acknowledge_readings("mqtt", rows[0].position)
    assert await store.readings_after("mqtt", None, 5) == []
    assert store.status().readings_behind == {"mqtt": 0}


async def test_a_bad_reading_is_null_and_an_uncertain_one_keeps_its_value(open_store, until):
    store = open_store()
    batch = (
        Reading("plc.oven", float("nan"), "degC", Quality.BAD, 1),
        Reading("plc.belt", 7.0, "m/s", Quality.BAD, 1),
        Reading("plc.door", 1.0, "flag", Quality.UNCERTAIN, 1),
        Reading("plc.count", float("inf"), "", Quality.GOOD, 2),
    )
    store.records.put_readings("plc", batch)
    await until(lambda: store.status().durable_mark, "spooled")
    (row,) = await all_readings(store)
    message = msgspec.json.decode(row.payload, type=ReadingsMessage)
    assert message.values == {"oven": None, "belt": None, "door": 1.0, "count": None}
    assert message.quality == {"oven": "bad", "belt": "bad", "door": "uncertain"}
    assert message.mono_ns == 2


async def test_a_batch_that_repeats_a_sensor_loses_none_of_its_values(open_store, until):
    store = open_store()
    batch = [Reading("plc.oven", float(n), "degC", Quality.GOOD, n) for n in range(4)]
    store.records.put_readings("plc", batch)
    await until(lambda: store.status().durable_mark, "spooled")
    rows = await all_readings(store)
    assert ovens(rows) == [0.0, 1.0, 2.0, 3.0]
    assert len({row.id for row in rows}) == 4


async def test_a_batch_of_nonsense_is_counted_and_stops_nobody(open_store, make_batch, until):
    store = open_store()
    store.records.put_readings("plc", ("no reading",))
    store.records.put_readings("plc", make_batch(oven=1.0))
    await until(lambda: store.status().durable_mark, "the good one spooled")
    assert store.status().dropped == {"readings_unencodable": 1}
    assert ovens(await all_readings(store)) == [1.0]


@pytest.mark.parametrize("value", [10**400, "hot"])
async def test_a_poll_that_cannot_be_written_is_set_aside_and_told_in_the_audit(
    value, open_store, make_batch, until
):
    store = open_store()
    store.records.put_readings("plc", (Reading("plc.oven", value, "degC", Quality.GOOD, 7),))
    store.records.put_readings("plc", make_batch(oven=1.0))
    await until(lambda: store.status().unreadable == 1, "set aside")
    await until(lambda: store.status().outbox_depth["important"] == 1, "told")
    (told,) = await store.audit(5)
    assert (told.event, told.details["kind"]) == ("record_unencodable", "poll of plc")
    assert ovens(await all_readings(store)) == [1.0], "the others are recorded"


async def test_wall_time_may_jump_and_the_order_stays(open_store, make_batch, until):
    clock = ManualClock()
    store = open_store(clock=clock)
    for number, jump_s in enumerate((0.0, -86_400.0, 400_000.0)):
        clock.jump_wall(jump_s)
        store.records.put_readings("plc", make_batch(oven=float(number)))
        wanted = f"press-1-{number + 1}"
        await until(lambda w=wanted: store.status().durable_mark == w, "spooled")
    assert ovens(await all_readings(store)) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("keep", [1, 600])
def test_the_tail_drops_unfolded_rows_only_beyond_its_limit_and_counts_them(keep):
    tail = Tail(keep, 1200, 0)
    dropped = sum(tail.append([ReadingRow(n, f"r-{n}", "plc", b"{}")]) for n in range(1, 3001))
    kept = tail.unfolded(10_000)
    assert kept[-1].position == 3000
    assert len(kept) + dropped == 3000
    assert 1200 <= len(kept) < 1200 + 512 + keep
    assert tail.after(0, 10) is None
    tail.mark_folded(3000)
    tail.append([ReadingRow(3001, "r-3001", "plc", b"{}")])
    assert [row.position for row in tail.unfolded(10)] == [3001]


async def test_ids_of_readings_grow_with_their_positions_also_where_a_poll_needs_two(
    open_store, make_batch, until
):
    store = open_store()
    for _ in range(20):
        store.records.put_readings("plc", (*make_batch(oven=1.0), *make_batch(oven=2.0)))
    await until(lambda: store.readings_owed("mqtt") == 40, "all are spooled")
    rows = await store.readings_after("mqtt", None, 100)
    numbers = [int(row.id.rpartition("-")[2]) for row in rows]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 40
