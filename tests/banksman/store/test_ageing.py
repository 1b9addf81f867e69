"""Times to live, deadlines and tries: counted by the time of recording, never by the wall clock."""

from __future__ import annotations

import pytest

from banksman.clock import SystemClock
from banksman.wire.messages import Priority

DAY_NS = 86_400 * 10**9


class ShiftedClock(SystemClock):
    """The machine's clocks, moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.mono_shift_ns = self.wall_shift_ns = 0

    def mono_ns(self) -> int:
        return super().mono_ns() + self.mono_shift_ns

    def wall_ns(self) -> int:
        return super().wall_ns() + self.wall_shift_ns


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


async def put_each_class(store, make_decision, make_alarm, until):
    for priority in Priority:
        store.records.put_decision(make_decision(store), priority)
    store.put_alarm(make_alarm(store, "oven"))
    store.records.put_audit("reset", "anna", {})
    await until(lambda: sum(store.rows_owed("mqtt").values()) == 6, "durable")


async def test_what_outlives_its_class_goes_and_is_counted_and_the_precious_stays(
    open_store, make_decision, make_alarm, make_batch, clock, until
):
    store = open_store(clock=clock)
    await put_each_class(store, make_decision, make_alarm, until)
    for value in (1.0, 2.0):
        store.records.put_readings("plc", make_batch(oven=value))
        await until(lambda: store._parts.tail.unfolded_count() == 0, "folded")
    clock.mono_shift_ns = 91 * DAY_NS
    await until(lambda: store.status().dropped.get("normal_expired"), "normal goes")
    await until(lambda: store.status().dropped.get("background_expired"), "background goes")
    rows = await store.next_rows("mqtt", 10)
    assert [(row.kind, row.priority) for row in rows] == [
        ("decision", Priority.CRITICAL),
        ("decision", Priority.IMPORTANT),
        ("alarm", Priority.IMPORTANT),
        ("audit", Priority.IMPORTANT),
    ]
    clock.mono_shift_ns = 366 * DAY_NS
    await until(lambda: store.status().dropped.get("important_expired"), "important goes last")
    kinds = [row.kind for row in await store.next_rows("mqtt", 10)]
    assert kinds == ["decision", "alarm", "audit"]
    owed = store.rows_owed("mqtt")
    assert (owed[Priority.CRITICAL], owed[Priority.IMPORTANT], owed[Priority.NORMAL]) == (1, 2, 0)


@pytest.mark.parametrize("years", [10, -10])
async def test_a_wall_clock_that_jumps_expires_nothing(
    years, open_store, make_decision, make_alarm, clock, until
):
    store = open_store(clock=clock)
    await put_each_class(store, make_decision, make_alarm, until)
    clock.wall_shift_ns = years * 365 * DAY_NS
    before = store.status().heartbeat
    clock.mono_shift_ns = 2 * 10**9
    await until(lambda: store.status().heartbeat > before + 1, "it has looked")
    store.stop()
    again = open_store(clock=clock)
    assert len(await again.next_rows("mqtt", 10)) == 6
    assert not any(what.endswith("_expired") for what in again.status().dropped)


async def test_ages_go_on_over_a_restart(open_store, make_decision, clock, until):
    store = open_store(clock=clock)
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.rows_owed("mqtt")[Priority.NORMAL] == 1, "durable")
    clock.mono_shift_ns = 60 * DAY_NS
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.rows_owed("mqtt")[Priority.NORMAL] == 2, "durable")
    store.stop()

    later = ShiftedClock()  # a boot: the monotonic clock begins anew
    again = open_store(clock=later)
    later.mono_shift_ns = 31 * DAY_NS
    await until(lambda: again.status().dropped.get("normal_expired"), "the first is 91 days old")
    assert again.rows_owed("mqtt")[Priority.NORMAL] == 1


async def test_the_status_says_how_long_each_class_waits(open_store, make_decision, clock, until):
    store = open_store(clock=clock)
    store.records.put_decision(make_decision(store), Priority.CRITICAL)
    await until(lambda: store.rows_owed("mqtt")[Priority.CRITICAL] == 1, "durable")
    clock.mono_shift_ns = 500 * 10**9
    await until(lambda: store.status().waits_s.get("critical", 0) >= 500, "it is said")
    assert set(store.status().waits_s) == {"critical"}
    oldest = store.status().oldest["critical"]
    assert (oldest.kind, oldest.channel, oldest.attempts) == ("decision", "mqtt", 0)
    assert oldest.deadline_s == 3600 - oldest.waits_s
    assert oldest.lives_s is None, "for ever"
    (row,) = await store.next_rows("mqtt", 5)
    await store.acknowledge_rows("mqtt", [row.row_id])
    clock.mono_shift_ns += 5 * 10**9
    await until(lambda: not store.status().waits_s, "nothing waits")


async def test_tries_in_vain_are_counted_with_the_row_over_a_restart(
    open_store, make_decision, until
):
    store = open_store(channels=("mqtt", "cloud"))
    for _ in range(2):
        store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.rows_owed("cloud")[Priority.NORMAL] == 2, "durable")
    first, second = await store.next_rows("cloud", 5)
    await store.fail_rows("cloud", [first.row_id, second.row_id])
    await store.fail_rows("cloud", [first.row_id])
    store.stop()
    again = open_store(channels=("mqtt", "cloud"))
    assert [row.attempts for row in await again.next_rows("cloud", 5)] == [2, 1]
    assert [row.attempts for row in await again.next_rows("mqtt", 5)] == [0, 0]
    assert first.size_bytes == len(first.payload)
    await until(lambda: again.status().oldest.get("normal"), "it has looked")
    oldest = again.status().oldest["normal"]
    assert oldest.id == first.id
    assert oldest.size_bytes == len(first.payload)
    assert oldest.deadline_s is None
    assert oldest.lives_s == 90 * 86_400 - oldest.waits_s
    await again.acknowledge_rows("mqtt", [first.row_id, second.row_id])
    await until(lambda: again.status().oldest["normal"].channel == "cloud", "mqtt has it")
    assert again.status().oldest["normal"].attempts == 2
    with pytest.raises(KeyError):
        await again.fail_rows("nobody", [1])


async def test_over_an_unreliable_link_a_class_lives_longer(
    open_store, make_decision, make_alarm, make_batch, clock, until
):
    store = open_store(clock=clock)
    store.stretch(1.5)
    await put_each_class(store, make_decision, make_alarm, until)
    tail = store._parts.tail
    for value in (1.0, 2.0):  # two blocks: the newest one always stays
        newest = tail.newest
        store.records.put_readings("plc", make_batch(oven=value))
        await until(lambda n=newest: tail.newest > n and not tail.unfolded_count(), "folded")
    await store.acknowledge_readings("mqtt", tail.newest)
    before = store.status().heartbeat
    clock.mono_shift_ns = 130 * DAY_NS
    await until(lambda: store.status().heartbeat > before + 2, "it has looked")
    assert len(await store.next_rows("mqtt", 10)) == 6
    assert len(await store.readings_after("mqtt", 0, 10)) == 2, "delivered, and still here"
    clock.mono_shift_ns = 136 * DAY_NS
    await until(lambda: store.status().dropped.get("normal_expired"), "in the end it goes")
    await until(lambda: store.status().dropped.get("readings_pruned"), "and so do copies")
