"""Blocks of readings: many rows as one database row. Pure.

Why blocks: a commit with synchronous=FULL writes about 13.4 kB to the medium, whatever it
holds. One commit per poll at 100 polls a second is 116 GB a day, which kills an SD card in
weeks. With one compressed block a second, 100 polls of ten values came to 25 kB/s, 2.2 GB a
day, of which the fixed cost of the commits is half. The spool, which is emptied before the
kernel writes it out, covers the second until then against the death of the process.

A block is the zlib of the rows' JSON, one per line. Its rows have consecutive positions from
``first``, so positions are not stored. Level 6 without matches of under six bytes (Z_FILTERED): the
digits of a noisy value repeat by chance only, and such matches cost more than the digits. A
second of the reaction job came to 10.9 kB so, in a millisecond, and to 13.7 kB with level 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from banksman.store.rows import ReadingRow

LEVEL = 6


class Block(msgspec.Struct, frozen=True, gc=False):
    """``count`` rows with positions first..last, compressed."""

    first: int
    last: int
    data: bytes

    @property
    def count(self) -> int:
        """How many rows."""
        return self.last - self.first + 1


class _Label(msgspec.Struct, frozen=True, gc=False):
    """The two fields of a ReadingsMessage that a row shows beside its bytes."""

    id: str
    device: str


_LABEL = msgspec.json.Decoder(_Label)


def row_of(position: int, payload: bytes) -> ReadingRow:
    """The row that these bytes are. Raises msgspec.DecodeError if they are no message."""
    label = _LABEL.decode(payload)
    return ReadingRow(position, label.id, label.device, payload)


def pack(rows: Sequence[ReadingRow]) -> list[Block]:
    """Rows in order of position as blocks, one per run without a gap."""
    blocks: list[Block] = []
    start = 0
    for index in range(1, len(rows) + 1):
        if index == len(rows) or rows[index].position != rows[index - 1].position + 1:
            run = rows[start:index]
            data = _packed(b"\n".join([row.payload for row in run]))
            blocks.append(Block(run[0].position, run[-1].position, data))
            start = index
    return blocks


def _packed(lines: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, strategy=zlib.Z_FILTERED)
    return packer.compress(lines) + packer.flush()


def unpack(first: int, data: bytes, after: int, limit: int) -> list[ReadingRow]:
    """At most ``limit`` rows of a block beyond position ``after``.

    Raises ValueError when the block is not what ``pack`` made.
    """
    try:
        lines = zlib.decompress(data).split(b"\n")
    except zlib.error as error:
        raise ValueError(f"block {first} cannot be read: {error}") from error
    skip = max(0, after - first + 1)
    if skip >= len(lines):
        raise ValueError(f"block {first} is shorter than its row says")
    return [row_of(first + skip + n, line) for n, line in enumerate(lines[skip : skip + limit])]
