"""A request's body: bounded while it arrives, while it is unpacked, and in time.

Rules of this file
- A body larger than BATCH_BYTES_MAX is refused by its declared length before a byte of it is
  read, and by its bytes where it declares none or lies.
- What zstd unpacks is bounded by the same number, whatever the frame says of itself: a few kB can
  stand for gigabytes. The window a frame may ask for is bounded too.
- One frame, whole, with nothing behind it: whatever is not that is refused in words.
"""

from __future__ import annotations

import zstandard

from banksman.wire.uplink import BATCH_BYTES_MAX
from banksman_cloud.ingest.checking import BadBatch

WINDOW_BYTES_MAX = 8 * 1024 * 1024  # what zstd's levels up to 19 use (RFC 8878, 3.1.1.1.2)
# A frame's own bytes beside its content, when that cannot be made smaller (ZSTD_compressBound).
PACKED_BYTES_MAX = BATCH_BYTES_MAX + BATCH_BYTES_MAX // 256 + 64


def too_large(limit: int = BATCH_BYTES_MAX) -> BadBatch:
    """The refusal that makes a box cut its batch in two."""
    return BadBatch(413, "too-large", f"a batch has at most {limit} bytes: cut it in two")


def unpacked_bytes(packed: bytes) -> int:
    """What unpacking will need at most, told by the frame's head. Raises BadBatch."""
    try:
        parameters = zstandard.get_frame_parameters(packed)
        size = zstandard.frame_content_size(packed)
    except zstandard.ZstdError as error:
        raise BadBatch(400, "no-zstd", f"the body is no zstd frame: {error}") from None
    if parameters.window_size > WINDOW_BYTES_MAX and size < 0:
        raise BadBatch(413, "too-large", "the zstd frame asks for too large a window")
    if size > BATCH_BYTES_MAX:
        raise too_large()
    return size if size >= 0 else BATCH_BYTES_MAX


def unpack(packed: bytes) -> bytes:
    """The content of one whole frame. Raises BadBatch."""
    room = unpacked_bytes(packed)
    unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
    try:
        return unpacker.decompress(packed, max_output_size=room, allow_extra_data=False)
    except zstandard.ZstdError as error:
        if _is_too_large(packed):
            raise too_large() from None
        raise BadBatch(400, "no-zstd", f"the body is not one whole zstd frame: {error}") from None


def _is_too_large(packed: bytes) -> bool:
    """Whether a frame that does not tell its size holds more than is taken."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
    try:
        with unpacker.stream_reader(packed) as reader:
            return len(reader.read(BATCH_BYTES_MAX + 1)) > BATCH_BYTES_MAX
    except zstandard.ZstdError:
        return False
