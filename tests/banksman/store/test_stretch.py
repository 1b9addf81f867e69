"""Over an unreliable link more is kept and longer; nothing owed pays for the link's return."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.clock import SystemClock
from banksman.store.room import MB
from banksman.store.stretch import LEAST, MOST, Stretch
from banksman.wire.messages import Priority

QUOTA_MB = 16
DAY_NS = 86_400 * 10**9
REASON_BYTES = 60_000
NOISE = random.Random(2).randbytes(REASON_BYTES // 2).hex()
FACTORS = st.floats(0.0, 20.0)


class ShiftedClock(SystemClock):
    """The machine's, with a monotonic clock that is moved by hand."""

    shift_ns = 0

    def mono_ns(self) -> int:
        return super().mono_ns() + self.shift_ns


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def put(make_decision, until):
    """Put so many incompressible decisions of a class, and wait until they are durable."""
    noise = random.Random(1)

    async def put(store, priority, count):
        owed = store.rows_owed("mqtt")[priority]
        for _ in range(count):
            reason = noise.randbytes(REASON_BYTES // 2).hex()
            store.records.put_decision(make_decision(store, reason=reason), priority)
        await until(lambda: store.rows_owed("mqtt")[priority] == owed + count, "durable")

    return put


@pytest.fixture
def look(until, clock):
    """Let seconds pass until the store has looked for room twice more."""

    async def look(store):
        for _ in range(2):
            room = store._keeper.room
            clock.shift_ns += 2 * 10**9
            store.records.call()
            await until(lambda seen=room: store._keeper.room is not seen, "it has looked")

    return look


def given_up(store) -> dict[str, int]:
    return {
        what: count
        for what, count in store.status().dropped.items()
        if what.endswith(("_shed", "_expired"))
    }


def used_quotas(store) -> float:
    return store._keeper.room.used / (QUOTA_MB * MB)


async def acknowledge(store, count) -> int:
    rows = await store.next_rows("mqtt", count)
    await store.acknowledge_rows("mqtt", [row.row_id for row in rows])
    return len(rows)


async def test_a_backlog_over_the_quota_outlives_the_links_return_and_a_restart(
    open_store, put, look, clock, until
):
    store = open_store(clock=clock, quota_mb=QUOTA_MB)
    store.stretch(1.5)
    await put(store, Priority.IMPORTANT, 140)
    await put(store, Priority.NORMAL, 205)
    await look(store)
    assert 1.2 < used_quotas(store) < 1.45
    store.stretch(1.0)
    await look(store)
    assert (store.stretched, store.status().stretch) == (1.0, 1.5)
    store.stop()

    again = open_store(clock=clock, quota_mb=QUOTA_MB)
    await look(again)
    assert (again.stretched, again.status().stretch) == (1.0, 1.5)
    assert sum(again.rows_owed("mqtt").values()) == 345
    await put(again, Priority.NORMAL, 5)  # what is new while the backlog drains
    await look(again)
    left = 350
    while left:
        left -= await acknowledge(again, 100)
        await look(again)
        assert sum(again.rows_owed("mqtt").values()) == left
    await until(lambda: again.status().stretch == 1.0, "it fits again")
    assert used_quotas(again) <= 1.0
    assert given_up(again) == {}


async def test_beyond_what_is_held_the_least_urgent_goes_as_ever(
    open_store, put, make_decision, clock, until
):
    store = open_store(clock=clock, quota_mb=QUOTA_MB)
    store.stretch(1.2)
    await put(store, Priority.IMPORTANT, 150)
    for _ in range(170):
        store.records.put_decision(make_decision(store, reason=NOISE), Priority.NORMAL)
    await until(lambda: store.status().dropped.get("normal_shed"), "it goes")
    await until(lambda: used_quotas(store) <= 1.2, "room is made")
    assert given_up(store).keys() == {"normal_shed"}


async def test_copies_of_what_was_delivered_go_as_soon_as_the_link_is_well(
    open_store, put, look, clock, until
):
    store = open_store(clock=clock, quota_mb=QUOTA_MB)
    store.stretch(1.5)
    await put(store, Priority.NORMAL, 330)
    await acknowledge(store, 400)
    await look(store)
    assert sum(store.rows_owed("mqtt").values()) == 0
    assert used_quotas(store) > 1.1
    assert len(await store.decisions(400)) == 330, "for whoever asks the box"
    store.stretch(1.0)
    await until(lambda: used_quotas(store) <= 1.0, "they go")
    await until(lambda: store.status().stretch == 1.0, "and with them the stretch")
    assert given_up(store) == {}


async def test_the_floor_of_the_disk_knows_no_stretch(open_store, put, make_decision, clock, until):
    store = open_store(
        clock=clock, quota_mb=QUOTA_MB, free_floor_mb=1_000_000
    )  # no disk has so much
    store.stretch(10.0)
    await put(store, Priority.CRITICAL, 3)
    for _ in range(5):
        store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.status().dropped.get("normal_shed") == 5, "they go")
    assert store.rows_owed("mqtt")[Priority.CRITICAL] == 3


async def test_times_to_live_shrink_for_copies_at_once_and_for_what_is_owed_when_it_is_delivered(
    open_store, make_decision, make_batch, look, clock, until
):
    store = open_store(clock=clock)
    store.stretch(1.5)
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.rows_owed("mqtt")[Priority.NORMAL] == 1, "durable")
    tail = store._parts.tail
    for value in (1.0, 2.0, 3.0):  # a block each, the newest always stays
        newest = tail.newest
        store.records.put_readings("plc", make_batch(oven=value))
        await until(lambda n=newest: tail.newest > n and not tail.unfolded_count(), "folded")
    first = (await store.readings_after("mqtt", 0, 1))[0]
    await store.acknowledge_readings("mqtt", first.position)
    clock.shift_ns = 100 * DAY_NS  # by default both live for 90
    await look(store)
    assert len(await store.readings_after("mqtt", 0, 10)) == 3
    store.stretch(1.0)
    await until(lambda: store.status().dropped.get("readings_pruned") == 1, "the copy goes")
    store.records.put_decision(make_decision(store), Priority.CRITICAL)
    await until(lambda: store.rows_owed("mqtt")[Priority.CRITICAL] == 1, "of the hundredth day")
    store.stop()

    again = open_store(clock=clock)
    await look(again)
    assert given_up(again) == {}
    assert again.status().stretch == 1.5
    assert len(await again.readings_after("mqtt", None, 10)) == 2, "owed, and older than 90 days"
    assert await acknowledge(again, 5) == 2
    await again.acknowledge_readings("mqtt", again._parts.tail.newest)
    await until(lambda: again.status().stretch == 1.0, "nothing old is owed")
    assert given_up(again) == {}


async def test_what_outlives_even_the_stretch_goes_and_is_counted(
    open_store, make_decision, look, clock, until
):
    store = open_store(clock=clock)
    store.stretch(1.5)
    store.records.put_decision(make_decision(store), Priority.NORMAL)
    await until(lambda: store.rows_owed("mqtt")[Priority.NORMAL] == 1, "durable")
    clock.shift_ns = 100 * DAY_NS
    await look(store)
    store.stretch(1.0)
    await look(store)
    assert given_up(store) == {}
    clock.shift_ns = 136 * DAY_NS
    await until(lambda: given_up(store) == {"normal_expired": 1}, "in the end it goes")
    await until(lambda: store.status().stretch == 1.0, "and nothing holds the stretch")


@given(st.lists(st.tuples(FACTORS, st.booleans()), max_size=50))
def test_it_grows_at_once_and_falls_only_when_what_is_owed_fits(steps):
    stretch = Stretch()
    for factor, fits in steps:
        before = stretch.held
        stretch.want(factor)
        assert LEAST <= stretch.wanted <= stretch.held <= MOST
        stretch.settle(stretch.wanted, fits)
        assert stretch.held == (stretch.wanted if fits else max(before, stretch.wanted))
        kept = stretch.to_save()
        if kept is not None:
            again = Stretch(kept)
            assert (again.wanted, again.held) == (stretch.wanted, stretch.held)
        assert stretch.to_save() is None


def test_growth_during_a_look_is_not_lost():
    stretch = Stretch()
    seen = stretch.wanted
    stretch.want(1.5)  # the main loop, while the store thread was looking
    stretch.settle(seen, fits=True)
    assert stretch.held == 1.5


@given(
    st.one_of(
        st.binary(max_size=40),
        st.dictionaries(
            st.sampled_from(["wanted", "held"]),
            st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.text(), st.none()),
        ).map(msgspec.json.encode),
    )
)
def test_kept_values_that_make_no_sense_count_as_none(kept):
    stretch = Stretch(kept)
    assert LEAST <= stretch.wanted <= stretch.held <= MOST
