"""The body of an uplink item of kind ``readings``: many readings messages as one. Pure.

    [JSON line, JSON line, ...] --pack--> one zstd frame --unpack--> the very same lines

Rules of this file
- Lossless: what comes out is byte for byte what went in, in the same order.
- Box and endpoint share this file, so they cannot drift. A later form (dead bands, deltas) begins
  with other bytes than a zstd frame does (RFC 8878, 3.1.1: 28 B5 2F FD) and is told apart by them.
- What a frame unpacks to is bounded before it is unpacked, whatever it says of itself.
- ``zstandard`` is imported on use: a box that sends nothing does without it.
"""

from __future__ import annotations

from collections.abc import Sequence

LEVEL = 3
UNPACKED_BYTES_MAX = 8 * 1024 * 1024
WINDOW_BYTES_MAX = 8 * 1024 * 1024


class BadBlock(ValueError):
    """The bytes are no block of readings."""


def pack(messages: Sequence[bytes], level: int = LEVEL) -> bytes:
    """One body of the JSON of readings messages, none of which holds a newline."""
    import zstandard

    if not messages:
        raise ValueError("a block holds at least one message")
    return zstandard.ZstdCompressor(level=level).compress(b"\n".join(messages))


def unpack(body: bytes) -> list[bytes]:
    """The messages of a body that `pack` made. Raises BadBlock."""
    import zstandard

    try:
        size = zstandard.frame_content_size(body)
        if not 0 < size <= UNPACKED_BYTES_MAX:
            raise BadBlock(f"the block says that it holds {size} bytes")
        unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
        data = unpacker.decompress(body, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BadBlock(f"the block cannot be unpacked: {error}") from None
    return data.split(b"\n")
