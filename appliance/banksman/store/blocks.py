"""Blocks of readings: many rows as one database row. Pure.

Why blocks: a commit with synchronous=FULL writes about 13.4 kB to the medium, whatever it
holds. One commit per poll at 100 polls a second is 116 GB a day, which kills an SD card in
weeks. With one compressed block a second, 100 polls of ten noisy values and a decision came to
54 kB/s, 4.7 GB a day: in pages of 4 kB the log takes 8.5 and a partly filled one for each commit,
the database 3.4. The spool, which is emptied before the kernel writes it out, covers the second
until then against the death of the process.

A block is the rows' JSON, one per line, compressed. Its rows have consecutive positions from
``first``, so positions are not stored. Two packers, told apart by their first bytes:

- bzip2 for blocks of `LONG_BYTES` and more. It sorts what is alike together, so that the digits of
  a noisy value stand alone and cost little more than their 3.3 bits. A second of the reaction job
  came to 9.7 kB in two milliseconds.
- zlib for shorter ones, on which bzip2 would spend more than it saves; level 6 without matches of
  under six bytes (Z_FILTERED), for digits repeat by chance only. That second came to 11.0 kB.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Sequence

import msgspec

from banksman.store.rows import ReadingRow

LONG_BYTES = 8 * 1024
LONG_LEVEL = 1  # sorts 100 kB at a time, in 1 MB of memory
LONG_MAGIC = b"BZh"
SHORT_LEVEL = 6


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
    if len(lines) >= LONG_BYTES:
        return bz2.compress(lines, LONG_LEVEL)
    packer = zlib.compressobj(SHORT_LEVEL, strategy=zlib.Z_FILTERED)
    return packer.compress(lines) + packer.flush()


def _unpacked(data: bytes) -> bytes:
    """Raises zlib.error, OSError, ValueError."""
    return bz2.decompress(data) if data.startswith(LONG_MAGIC) else zlib.decompress(data)


def unpack(first: int, data: bytes, after: int, limit: int) -> list[ReadingRow]:
    """At most ``limit`` rows of a block beyond position ``after``.

    Raises ValueError when the block is not what ``pack`` made.
    """
    try:
        lines = _unpacked(data).split(b"\n")
    except (zlib.error, OSError, ValueError) as error:
        raise ValueError(f"block {first} cannot be read: {error}") from error
    skip = max(0, after - first + 1)
    if skip >= len(lines):
        raise ValueError(f"block {first} is shorter than its row says")
    return [row_of(first + skip + n, line) for n, line in enumerate(lines[skip : skip + limit])]
