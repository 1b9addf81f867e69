"""The body of an uplink item of kind ``readings``: many readings messages as one. Pure.

    lines --pack-----------> 28 B5 2F FD …   the very same lines                 (lossless)
    lines --pack_banded----> 01 and a frame  each number within its dead band    (`columns`)
    lines --pack_thinned---> 02 and a frame  least, most, mean of each interval  (`summaries`)
                   unpack --> lines; form_of --> which of the three, with its bands or interval

Rules of this file
- Box and endpoint share this file, so they cannot drift. Forms are told apart by their first byte;
  a zstd frame begins with its magic number (RFC 8878, 3.1.1).
- The block says what was given up: its form, the band of each series, its interval.
- What cannot be packed in a lossy form is packed losslessly: there is always a block.
- What a frame unpacks to is bounded before it is unpacked (`frames`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from banksman.wire.bands import Band, BandOf
from banksman.wire.columns import columns_of, pack_columns, unpack_columns
from banksman.wire.frames import BadBlock, pack_frame, unpack_frame
from banksman.wire.summaries import pack_summaries, summaries_of, unpack_summaries

__all__ = [
    "BadBlock",
    "Form",
    "form_of",
    "is_thinned",
    "pack",
    "pack_banded",
    "pack_thinned",
    "unpack",
]

LEVEL = 3
_BANDED = b"\x01"
_THINNED = b"\x02"


class Form(msgspec.Struct, frozen=True):
    """What a block gave up. ``bands``: of "device.point", only those that are not exact.

    ``every_s``: the interval of a thinned one.
    """

    name: Literal["lossless", "banded", "thinned"]
    bands: Mapping[str, Band] = {}
    every_s: int = 0


def pack(messages: Sequence[bytes], level: int = LEVEL) -> bytes:
    """One body of the JSON of readings messages, none of which holds a newline."""
    if not messages:
        raise ValueError("a block holds at least one message")
    return pack_frame(b"\n".join(messages), level)


def pack_banded(messages: Sequence[bytes], band_of: BandOf, level: int = LEVEL) -> bytes:
    """The same by exception: each number comes out within its band. CPU work, about 1 us each."""
    columns = pack_columns(messages, band_of)
    return pack(messages, level) if columns is None else _BANDED + pack_frame(columns, level)


def pack_thinned(messages: Sequence[bytes], every_s: int, level: int = LEVEL) -> bytes:
    """The same as least, most and mean of each ``every_s``."""
    rows = pack_summaries(messages, every_s)
    return pack(messages, level) if rows is None else _THINNED + pack_frame(rows, level)


def is_thinned(body: bytes) -> bool:
    """Whether its readings went as summaries; microseconds, nothing is unpacked."""
    return body[:1] == _THINNED


def unpack(body: bytes) -> list[bytes]:
    """The lines of a body: JSON of ReadingsMessage, or ReadingsSummary where it was thinned.

    Raises BadBlock.
    """
    match body[:1]:
        case b"\x01":
            return unpack_columns(unpack_frame(body[1:]))
        case b"\x02":
            return unpack_summaries(unpack_frame(body[1:]))
        case _:
            return unpack_frame(body).split(b"\n")


def form_of(body: bytes) -> Form:
    """What a body gave up. Raises BadBlock."""
    match body[:1]:
        case b"\x01":
            streams = columns_of(unpack_frame(body[1:])).streams
            bands = {
                f"{stream.device}.{series.point}": series.band
                for stream in streams
                for series in stream.series
                if series.band != Band()
            }
            return Form("banded", bands)
        case b"\x02":
            return Form("thinned", every_s=summaries_of(unpack_frame(body[1:])).every_s)
        case _:
            return Form("lossless")
