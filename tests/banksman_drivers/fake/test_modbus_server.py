"""The fault server against a client that nobody here wrote, and against the book."""

import asyncio
import re
import shutil
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_server import Faults, ModbusServer, misbehave

needs_mbpoll = pytest.mark.skipif(shutil.which("mbpoll") is None, reason="mbpoll is not installed")


@pytest.fixture
async def server():
    server = ModbusServer()
    server.memory.holding.update({n: n * 100 for n in range(10)})
    server.memory.inputs.update({n: n + 1 for n in range(10)})
    server.memory.coils.update({n: n % 2 for n in range(10)})
    server.memory.discrete.update({n: 1 - n % 2 for n in range(10)})
    await server.start()
    yield server
    await server.stop()


async def mbpoll(server, *arguments):
    """Runs mbpoll, an independent client on libmodbus; returns its values by address."""
    process = await asyncio.create_subprocess_exec(
        *("mbpoll", "-m", "tcp", "-p", str(server.port), "-0", "-1", "-q", "-o", "0.3"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = (await process.communicate())[0].decode()
    values = re.findall(r"^\[(\d+)\]:\s+(-?\d+)", told, re.MULTILINE)
    return {int(address): int(value) for address, value in values}, told, process.returncode


@needs_mbpoll
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("0", {0: 0, 1: 1, 2: 0}),
        ("1", {0: 1, 1: 0, 2: 1}),
        ("3", {0: 1, 1: 2, 2: 3}),
        ("4", {0: 0, 1: 100, 2: 200}),
    ],
    ids=["coils", "discrete", "inputs", "holding"],
)
async def test_mbpoll_reads_every_table(server, table, expected):
    values, told, _ = await mbpoll(server, "-t", table, "-r", "0", "-c", "3", "127.0.0.1")
    assert values == expected, told


@needs_mbpoll
async def test_mbpoll_writes_coils_and_registers(server):
    await mbpoll(server, "-t", "0", "-r", "4", "127.0.0.1", "1")
    await mbpoll(server, "-t", "4", "-r", "2", "127.0.0.1", "7", "8")
    assert server.memory.coils[4] == 1
    assert (server.memory.holding[2], server.memory.holding[3]) == (7, 8)


@needs_mbpoll
async def test_mbpoll_is_told_that_an_address_does_not_exist(server):
    _, told, _ = await mbpoll(server, "-t", "4", "-r", "500", "-c", "1", "127.0.0.1")
    assert "Illegal data address" in told


@needs_mbpoll
@pytest.mark.parametrize(
    "faults",
    # Another unit's answer is not here: libmodbus does not look at it.
    [Faults(silent=True), Faults(truncate=9), Faults(tid_shift=1), Faults(exception=4)],
)
async def test_mbpoll_sees_each_fault_as_a_failed_read(server, faults):
    server.faults = faults
    values, told, _ = await mbpoll(server, "-t", "4", "-r", "0", "-c", "1", "127.0.0.1")
    assert values == {}, told
    assert "failed" in told


def frame(pdu, tid=7, unit=1):
    return struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu


REQUEST = frame(b"\x03\x00\x00\x00\x01")
ANSWER = frame(b"\x03\x02\x00\x2a")


@pytest.mark.parametrize(
    ("faults", "sent"),
    [
        (Faults(), [ANSWER]),
        (Faults(silent=True), []),
        (Faults(garbage=b"?"), [b"?"]),
        (Faults(truncate=3), [ANSWER[:3]]),
        (Faults(twice=True), [ANSWER, ANSWER]),
        (Faults(unit_id=9), [frame(b"\x03\x02\x00\x2a", unit=9)]),
        (Faults(tid_shift=-7), [frame(b"\x03\x02\x00\x2a", tid=0)]),
        (Faults(script=lambda request: [request, b"x"]), [REQUEST, b"x"]),
    ],
)
def test_each_fault_sends_what_it_says(faults, sent):
    assert misbehave(REQUEST, ANSWER, faults) == sent


@pytest.mark.parametrize(
    ("request_pdu", "answer"),
    [
        ("0300000000", "8303"),
        ("030000007e", "8303"),
        ("0300090002", "8302"),
        ("050000ff01", "8503"),
        ("0f0000000201", "8f03"),
        ("100000000102", "9003"),
        ("2b0e0100", "ab01"),
        ("03", "8303"),
        ("", "8001"),
    ],
)
def test_what_the_book_forbids_is_refused(request_pdu, answer):
    memory = Memory()
    memory.holding.update(dict.fromkeys(range(10), 0))
    memory.coils.update(dict.fromkeys(range(10), 0))
    assert memory.answer(bytes.fromhex(request_pdu)).hex() == answer


@given(st.binary(max_size=260))
def test_no_request_makes_the_memory_raise(pdu):
    answer = Memory().answer(pdu)
    assert 2 <= len(answer) <= 253
