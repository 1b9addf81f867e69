"""The serial line with units that ships: by the book, and unmoved by anything that is sent."""

import asyncio
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuFaults, RtuLine, misbehave, request_size
from banksman_drivers.modbus_rtu_frame import crc16, find, question


def framed(head):
    return head + crc16(head)


@pytest.mark.parametrize(
    ("function", "body"),
    [
        (3, struct.pack(">HH", 0, 1)),
        (5, struct.pack(">HH", 0, 0xFF00)),
        (15, struct.pack(">HHBB", 0, 3, 1, 5)),
        (16, struct.pack(">HHBHH", 0, 2, 4, 1, 2)),
        (22, struct.pack(">HHH", 4, 0xF2, 0x25)),
        (23, struct.pack(">HHHHBH", 0, 1, 0, 1, 2, 9)),
    ],
)
def test_the_end_of_every_request_is_known_from_its_beginning(function, body):
    frame = question(3, function, body).frame
    assert request_size(frame + b"\x03\x03") == len(frame)
    # Each shorter part gives the size, or nothing yet; never a wrong one.
    assert {request_size(frame[:size]) for size in range(2, len(frame))} <= {None, len(frame)}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_cutting_raise(heard):
    size = request_size(heard)
    assert size is None or size >= min(2, len(heard))


def test_a_mask_write_is_that_of_the_standards_example():
    # Application Protocol V1.1b3, 6.16: 0x12 and 0xF2 or 0x25 is 0x17.
    memory = Memory()
    memory.holding[4] = 0x12
    request = struct.pack(">BHHH", 22, 4, 0xF2, 0x25)
    assert memory.answer(request) == request
    assert memory.holding[4] == 0x17


def test_function_23_writes_before_it_reads():
    memory = Memory()
    memory.holding.update({0: 1, 1: 2})
    answer = memory.answer(struct.pack(">BHHHHBH", 23, 0, 2, 1, 1, 2, 9))
    assert answer == struct.pack(">BBHH", 23, 4, 1, 9)


@pytest.mark.parametrize(
    "request_",
    [
        struct.pack(">BHHHHBH", 23, 0, 126, 0, 1, 2, 9),
        struct.pack(">BHHHHBH", 23, 0, 1, 0, 2, 2, 9),
        struct.pack(">BHHHHB", 23, 0, 1, 0, 1, 2),
    ],
    ids=["too many", "count and bytes differ", "too short"],
)
def test_a_malformed_function_23_is_an_illegal_value(request_):
    memory = Memory()
    memory.holding[0] = 1
    assert memory.answer(request_) == bytes((23 | 0x80, 3))
    assert memory.holding[0] == 1


@pytest.mark.parametrize(
    "faults",
    [
        RtuFaults(silent=True),
        RtuFaults(wrong_crc=True),
        RtuFaults(truncate=6),
        RtuFaults(unit_id=4),
        RtuFaults(script=lambda request: [request]),
    ],
)
def test_each_fault_leaves_no_answer_to_find(faults):
    asked = question(3, 3, struct.pack(">HH", 0, 1))
    pdu = struct.pack(">BBH", 3, 2, 7)
    assert find(asked, b"".join(misbehave(asked.frame, pdu, RtuFaults()))).body == b"\x02\x00\x07"
    assert find(asked, b"".join(misbehave(asked.frame, pdu, faults))) is None


async def test_garbage_is_counted_and_the_next_request_is_answered(tmp_path):
    line = RtuLine(tmp_path / "rs485")
    line.units[3] = Memory()
    line.units[3].holding[0] = 7
    line.plug()
    end = os.open(line.port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(end, b"\x03\x03\x00\x00\x00\x01\x00\x00")
        while not line.broken:
            await asyncio.sleep(0)
        os.write(end, question(3, 3, struct.pack(">HH", 0, 1)).frame)
        await line.until(lambda: line.asked[3] == 1)
        assert os.read(end, 100) == framed(struct.pack(">BBBH", 3, 3, 2, 7))
    finally:
        os.close(end)
        line.unplug()
