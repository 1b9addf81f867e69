"""The relay holds its rate and the judge of faults sees what is missing or there twice."""

import asyncio
import random
import sqlite3

import msgspec
import pytest

from banksman.wire.blocks import pack
from benchmarks.sync.faults import Told, judge
from benchmarks.sync.relay import Relay
from benchmarks.sync.tape import reaction_tape


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def echo_port():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_what_passes_the_relay_is_what_was_sent_and_is_counted(echo_port):
    data = bytes(range(256)) * 400
    async with Relay(echo_port, mbit=50, delay_s=0.01) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
        assert (relay.up_way.passed_bytes, relay.down_way.passed_bytes) == (len(data), len(data))
        writer.close()


async def test_a_relay_never_passes_more_than_its_rate(echo_port):
    loop = asyncio.get_running_loop()
    async with Relay(echo_port, mbit=4) as relay:
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        begun_s = loop.time()
        writer.write(bytes(300_000))
        while relay.up_way.passed_bytes < 300_000:
            await asyncio.sleep(0.005)
        # What has been admitted but for the buffer has taken its time; slower is no fault of ours.
        assert loop.time() - begun_s > 0.9 * (300_000 * 8 / 4e6 - 0.1)
        writer.close()


async def test_a_line_that_is_down_takes_nobody_and_is_back_on_the_same_port(echo_port):
    async with Relay(echo_port) as relay:
        await relay.down()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", relay.port)
        await relay.up()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"there")
        assert await reader.readexactly(5) == b"there"
        writer.close()


async def test_what_a_line_swallows_is_gone_and_so_is_the_connection_for_ever(echo_port):
    async with Relay(echo_port) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        relay.swallow = True
        writer.write(b"gone")
        _, other = await asyncio.open_connection("127.0.0.1", relay.port)
        other.write(b"gone")
        passed = relay.up_way.passed_bytes
        wires = list(relay.wires)
        while not all(wire.dead for wire in wires) or len(wires) < 2:
            await asyncio.sleep(0.005)
            wires = list(relay.wires)
        relay.swallow = False
        writer.write(b"still gone")
        fresh_reader, fresh = await asyncio.open_connection("127.0.0.1", relay.port)
        fresh.write(b"there")
        assert await fresh_reader.readexactly(5) == b"there"
        assert relay.up_way.passed_bytes == passed + 5
        for each in (writer, other, fresh):
            each.close()


async def test_a_connection_lasts_for_as_many_bytes_as_was_drawn(echo_port):
    async with Relay(echo_port) as relay:
        relay.lasts = lambda: 10
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"12345")
        assert await reader.readexactly(5) == b"12345"
        writer.write(b"67890")
        with pytest.raises(ConnectionError):
            await reader.read()
        assert relay.cuts == 1
        writer.close()


async def test_one_connection_that_is_drawn_breaks_and_the_others_go_on(echo_port):
    async with Relay(echo_port) as relay:
        chance = random.Random(1)
        assert not relay.break_one(chance)
        ends = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in range(3)]
        for reader, writer in ends:
            writer.write(b"a")
            assert await reader.readexactly(1) == b"a"
        assert relay.break_one(chance)
        while len(relay.wires) == 3:
            await asyncio.sleep(0.005)
        alive = 0
        for reader, writer in ends:
            writer.write(b"b")
            try:
                alive += await reader.readexactly(1) == b"b"
            except (ConnectionError, asyncio.IncompleteReadError):
                continue
        assert (alive, relay.cuts) == (2, 1)
        for _, writer in ends:
            writer.close()


def database(path, rows, blocks):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE record (id TEXT)")
        connection.executemany("INSERT INTO record VALUES (?)", [(row,) for row in rows])
        connection.execute("CREATE TABLE block (epoch, first, last, body)")
        for epoch, numbers in blocks:
            lines = [
                msgspec.json.encode({"id": f"b-{epoch}-{2 * n}", "values": {"n": n}})
                for n in numbers
            ]
            ends = (2 * numbers[0], 2 * numbers[-1])
            connection.execute("INSERT INTO block VALUES (?, ?, ?, ?)", (epoch, *ends, pack(lines)))
    connection.close()
    return path


@pytest.mark.parametrize(
    ("rows", "blocks", "said", "lost", "twice"),
    [
        (["b-1-1"], [(1, [1, 2, 3])], ["row b-1-1", "mark b-1-6"], 0, 0),
        ([], [(1, [1, 2, 3])], ["row b-1-1"], 1, 0),
        ([], [(1, [1]), (1, [3])], [], 1, 0),  # a hole
        ([], [(1, [1, 2])], ["mark b-1-6"], 1, 0),  # not up to the mark
        (["b-1-1", "b-1-1"], [(1, [1, 2]), (1, [2, 3])], [], 0, 2),
        ([], [], ["mark b-2-4", "", "mar"], 1, 0),
    ],
)
def test_the_judge_counts_what_is_missing_and_what_is_there_twice(
    tmp_path, rows, blocks, said, lost, twice
):
    told = Told()
    for line in said:
        told.hear(f"{line}\n")
    told.hear("row b-9-9")  # torn: its box was killed as it wrote
    found = judge(database(tmp_path / "cloud.db", rows, blocks), told, "")
    assert (found.lost, found.duplicated) == (lost, twice)


def test_the_reaction_jobs_tape_is_in_order_and_has_a_decision_for_each_step():
    tape = reaction_tape(1, 20)
    numbers = [int(row.id.rpartition("-")[2]) for _, row in tape.readings]
    assert numbers == sorted(set(numbers))
    assert len(tape.readings) == 2000
    assert 10 < len(tape.rows) < 41
    assert not {row.id for _, row in tape.rows} & {row.id for _, row in tape.readings}
