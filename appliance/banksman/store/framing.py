"""The spool's frames: pure bytes in, rows out.

    0       4       8                16            8 + length
    +-------+-------+----------------+----------------+
    | length| crc32 | position       | JSON           |   little endian
    +-------+-------+----------------+----------------+
                    '---- crc32 and length cover this -'

A process killed in the middle of a write leaves a torn last frame; a power cut may leave any
garbage. Reading stops at the first frame that is not whole: what follows cannot be trusted.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

HEAD = struct.Struct("<II")
POSITION = struct.Struct("<q")
# A frame is one poll of one device; a length beyond this is garbage, not a big poll.
LENGTH_MAX = 16 * 1024 * 1024


class Frames(NamedTuple):
    """What a spool file held: (position, JSON) in order, and where trust ends."""

    rows: list[tuple[int, bytes]]
    good_bytes: int
    torn_bytes: int


def frame(position: int, payload: bytes) -> bytes:
    """One row as it stands in the spool."""
    body = POSITION.pack(position) + payload
    return HEAD.pack(len(body), zlib.crc32(body)) + body


def frames(rows: Iterable[tuple[int, bytes]]) -> bytes:
    """Many rows for one write."""
    return b"".join([frame(position, payload) for position, payload in rows])


def read_frames(data: bytes) -> Frames:
    """Every whole frame up to the first that is torn or wrong."""
    rows: list[tuple[int, bytes]] = []
    at = 0
    view = memoryview(data)
    while at + HEAD.size + POSITION.size <= len(data):
        length, checksum = HEAD.unpack_from(data, at)
        start, end = at + HEAD.size, at + HEAD.size + length
        if not POSITION.size <= length <= LENGTH_MAX or end > len(data):
            break
        if zlib.crc32(view[start:end]) != checksum:
            break
        (position,) = POSITION.unpack_from(data, start)
        rows.append((position, bytes(view[start + POSITION.size : end])))
        at = end
    return Frames(rows, at, len(data) - at)
