"""Out of a damaged database comes all that can be read, with its ids; the rest is counted."""

from __future__ import annotations

import contextlib
import random
import sqlite3

import pytest

from banksman.store.rescue import batches
from banksman.store.sealing import Seal
from banksman.wire.messages import Priority

DATABASE = "banksman.db"
PAGE_BYTES = 4096
COUNT = 600
BLOCKS = 14


@pytest.fixture(params=[b"", bytes(32)], ids=["plain", "sealed"])
def seal(request):
    return Seal([request.param] if request.param else ())


@pytest.fixture
def filled(folder, open_store, make_decision, make_batch, until, seal):
    """A stopped store of hundreds of rows and blocks; their ids."""

    async def fill():
        store = open_store(seal=seal, block_s=0.1)
        ids = []
        for number in range(COUNT):
            decision = make_decision(store, reason=f"{number} " + "x" * 800)
            ids.append(decision.id)
            store.records.put_decision(decision, Priority.NORMAL)
        for number in range(BLOCKS):
            values = {f"p{n}": random.random() for n in range(500)}
            store.records.put_readings("plc", make_batch(**values))
            await until(
                lambda count=number: store._writer.ledger.ordinal > count, "a block of its own"
            )
        store.save_state("latches", b"oven")
        assert store.stop()
        return ids

    return fill


def leaf_pages(path, table):
    """The pages that hold a table's rows, by the statistics of SQLite."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            found = connection.execute(
                "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path",
                (table,),
            ).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite tells no page statistics")
    return [number for (number,) in found]


def scribble(path, page):
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(random.Random(page).randbytes(PAGE_BYTES))


async def rescued(store, until):
    await until(lambda: store.status().set_aside, "set aside")
    await until(lambda: "read out of" not in store.status().message, "read to its end")


async def test_a_damaged_page_in_the_middle_costs_its_own_rows_only(
    filled, folder, open_store, seal, until
):
    ids = await filled()
    pages = leaf_pages(folder / DATABASE, "journal")
    scribble(folder / DATABASE, pages[len(pages) // 2])
    store = open_store(seal=seal)
    await rescued(store, until)
    found = [row.id for row in await store.next_rows("mqtt", 10_000)]
    assert found == sorted(found, key=lambda one: int(one.rsplit("-", 1)[1]))
    assert set(found) < set(ids)
    assert len(found) > COUNT - 30
    assert found[-1] == ids[-1], "what follows the damage is read as well"
    assert store.status().dropped["stretches_unreadable"] >= 1
    assert store.load_state("latches") == b"oven"
    assert store.status().state == "ok"
    assert len(await store.readings_after("mqtt", 0, 1000)) == BLOCKS


async def test_readings_around_a_damaged_block_come_and_newer_ones_after_them(
    filled, folder, open_store, make_batch, seal, until
):
    await filled()
    pages = leaf_pages(folder / DATABASE, "blocks")
    scribble(folder / DATABASE, pages[len(pages) // 2])
    store = open_store(seal=seal)
    store.records.put_readings("plc", make_batch(newest=1.0))
    await rescued(store, until)
    await until(lambda: store._parts.tail.unfolded_count() == 0, "folded")
    rows = await store.readings_after("mqtt", 0, 1000)
    assert BLOCKS // 2 < len(rows) <= BLOCKS
    positions = [row.position for row in rows]
    assert positions == sorted(set(positions))
    assert b"newest" in rows[-1].payload
    assert len(await store.next_rows("mqtt", 10_000)) == COUNT


async def test_where_it_cannot_be_read_who_is_owed_what_everybody_gets_it_again(
    filled, folder, open_store, seal, until
):
    ids = await filled()
    store = open_store(seal=seal)
    rows = await store.next_rows("mqtt", 100)
    await store.acknowledge_rows("mqtt", [row.row_id for row in rows])
    store.stop()
    for page in leaf_pages(folder / DATABASE, "owed") or [1]:
        scribble(folder / DATABASE, page)
    again = open_store(seal=seal)
    await rescued(again, until)
    found = {row.id for row in await again.next_rows("mqtt", 10_000)}
    assert set(ids[100:]) <= found <= set(ids)


async def test_a_rescue_that_was_cut_off_is_begun_anew_and_repeats_nothing(
    filled, folder, open_store, seal, until
):
    ids = await filled()
    pages = leaf_pages(folder / DATABASE, "journal")
    scribble(folder / DATABASE, pages[-2])
    first = open_store(seal=seal, start=False)
    first._writer.step()
    assert first._writer.holding.recovery.rescue is not None
    first.stop()
    store = open_store(seal=seal)
    await until(lambda: "read out of" not in store.status().message, "read to its end")
    found = [row.id for row in await store.next_rows("mqtt", 10_000)]
    assert len(found) == len(set(found)) > COUNT - 30
    assert set(found) <= set(ids)
    assert len(await store.readings_after("mqtt", 0, 1000)) == BLOCKS


async def test_a_page_of_garbage_never_becomes_a_record(filled, folder, open_store, seal, until):
    ids = await filled()
    chance = random.Random(4)
    content = bytearray((folder / DATABASE).read_bytes())
    for _ in range(60):  # single bytes anywhere but in the first page
        content[chance.randrange(PAGE_BYTES, len(content))] ^= 1 << chance.randrange(8)
    (folder / DATABASE).write_bytes(content)
    store = open_store(seal=seal)
    await until(lambda: "read out of" not in store.status().message, "read to its end")
    found = [row.id for row in await store.next_rows("mqtt", 10_000)]
    assert set(found) <= set(ids) or not seal.name
    assert len(found) == len(set(found))


def test_what_is_no_database_gives_nothing(tmp_path):
    (tmp_path / "nonsense").write_bytes(random.Random(1).randbytes(50_000))
    assert list(batches(tmp_path / "nonsense", ("mqtt",))) == []
    assert list(batches(tmp_path / "absent", ("mqtt",))) == []
