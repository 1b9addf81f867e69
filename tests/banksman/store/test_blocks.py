"""Blocks of readings: what is packed comes out again, and what is damaged says so."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.store.blocks import LONG_BYTES, LONG_MAGIC, pack, row_of, unpack
from banksman.store.rows import ReadingRow

values = st.floats(allow_nan=False, allow_infinity=False)


def row(position: int, reading: dict[str, float]) -> ReadingRow:
    message = {"id": f"press-1-{position}", "device": "plc", "values": reading}
    return row_of(position, json.dumps(message).encode())


def many(count: int) -> list[ReadingRow]:
    return [row(n, {f"p{k}": n / (k + 3) for k in range(10)}) for n in range(1, count + 1)]


@given(st.lists(st.dictionaries(st.text(max_size=8), values, max_size=40), min_size=1, max_size=60))
def test_rows_come_out_of_a_block_as_they_went_in(readings):
    rows = [row(n, reading) for n, reading in enumerate(readings, start=7)]
    (block,) = pack(rows)
    assert unpack(block.first, block.data, 0, len(rows)) == rows
    assert unpack(block.first, block.data, block.last - 1, 9) == rows[-1:]


def test_a_long_block_is_packed_as_such_and_comes_out_as_it_went_in():
    rows = many(100)
    assert sum(len(each.payload) for each in rows) > LONG_BYTES
    (block,) = pack(rows)
    assert block.data.startswith(LONG_MAGIC)
    assert unpack(1, block.data, 0, 100) == rows


def test_a_long_block_of_an_earlier_version_is_read():
    rows = many(100)
    data = zlib.compress(b"\n".join(each.payload for each in rows))
    assert unpack(1, data, 40, 10) == rows[40:50]


@pytest.mark.parametrize("count", [3, 100], ids=["short", "long"])
def test_a_damaged_block_is_named(count):
    (block,) = pack(many(count))
    middle = len(block.data) // 2
    flipped = bytes([block.data[middle] ^ 0x55])
    for data in (
        block.data[:middle],
        block.data[:middle] + flipped + block.data[middle + 1 :],
        b"",
        LONG_MAGIC,
    ):
        with pytest.raises(ValueError, match="block 1 cannot be read"):
            unpack(1, data, 0, count)
