"""JPEG pictures as RTP packets. Pure.

Rules of this file
- RFC 3550 (RTP) and RFC 2435 (JPEG over RTP), type 0 and 1 with in-band tables (Q = 255): what any
  RTSP client takes without further ado.
- Baseline JPEG with the standard Huffman tables, 4:2:2 or 4:2:0, no restart markers, sides that are
  multiples of 8 and at most 2040: what libjpeg writes when asked for nothing special.

    0                   1                   2                   3
    | V=2, M, PT=26   | sequence        | timestamp, 90 kHz     | SSRC         RTP, 12 bytes
    | type-specific 0 | fragment offset (24 bits)               |
    | type 0 or 1     | Q = 255         | width / 8 | height / 8|              JPEG, 8 bytes
    | 0               | precision 0     | length    | tables ... |  only in the fragment at 0
    | scan data ...                                              |
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

PAYLOAD_TYPE = 26
CLOCK_HZ = 90_000
FRAGMENT_BYTES = 1400
SIDE_MAX_PX = 2040
Q_IN_BAND = 255

SOI, EOI, SOF0, DQT, SOS, DRI = 0xD8, 0xD9, 0xC0, 0xDB, 0xDA, 0xDD
SAMPLING = {0x21: 0, 0x22: 1}  # of the luma component -> RFC 2435 type


class Jpeg(msgspec.Struct, frozen=True):
    """What of a JPEG picture goes over the wire."""

    kind: int
    width: int
    height: int
    tables: bytes
    scan: bytes


def read_jpeg(data: bytes) -> Jpeg:
    """Take a JPEG file apart. Raises ValueError for one that RFC 2435 cannot carry."""
    try:
        return _read(data)
    except (struct.error, IndexError):
        raise ValueError("no JPEG: it is cut short") from None


def _read(data: bytes) -> Jpeg:
    if data[:2] != bytes((0xFF, SOI)):
        raise ValueError("no JPEG: it does not begin with SOI")
    tables: dict[int, bytes] = {}
    kind = width = height = -1
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == DQT:
            for start in range(0, len(body), 65):
                tables[body[start] & 0x0F] = body[start + 1 : start + 65]
        elif marker == SOF0:
            height, width, parts = struct.unpack_from(">xHHB", body)
            kind = SAMPLING.get(body[7], -1) if parts == 3 else -1
        elif marker == DRI:
            raise ValueError("not carried: restart markers")
        elif marker == SOS:
            end = data.rfind(bytes((0xFF, EOI)))
            scan = data[at : end if end > at else len(data)]
            break
    else:
        raise ValueError("no JPEG: it has no scan")
    if kind < 0 or sorted(tables) != [0, 1]:
        raise ValueError("not carried: only baseline colour in 4:2:2 or 4:2:0, with two tables")
    if width % 8 or height % 8 or not 0 < width <= SIDE_MAX_PX or not 0 < height <= SIDE_MAX_PX:
        raise ValueError(f"not carried: {width} x {height}; sides are multiples of 8 up to 2040")
    return Jpeg(kind, width, height, tables[0] + tables[1], scan)


class Packer:
    """Makes packets of pictures. ``sequence`` goes on from packet to packet."""

    def __init__(self, ssrc: int = 0x62616E6B) -> None:
        self.sequence = 0
        self._ssrc = ssrc

    def packets(self, jpeg: Jpeg, timestamp: int) -> Iterator[bytes]:
        """The picture's packets; ``timestamp`` in ticks of 90 kHz."""
        for offset in range(0, len(jpeg.scan), FRAGMENT_BYTES):
            part = jpeg.scan[offset : offset + FRAGMENT_BYTES]
            last = offset + FRAGMENT_BYTES >= len(jpeg.scan)
            rtp = struct.pack(
                ">BBHII",
                0x80,
                PAYLOAD_TYPE | (0x80 if last else 0),
                self.sequence & 0xFFFF,
                timestamp & 0xFFFF_FFFF,
                self._ssrc,
            )
            self.sequence += 1
            head = struct.pack(
                ">IBBBB", offset, jpeg.kind, Q_IN_BAND, jpeg.width // 8, jpeg.height // 8
            )
            if offset == 0:
                head += struct.pack(">BBH", 0, 0, len(jpeg.tables)) + jpeg.tables
            yield rtp + head + part
