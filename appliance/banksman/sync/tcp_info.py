"""What the kernel knows of a TCP connection: its round trips and its window. Linux only.

    struct tcp_info (include/uapi/linux/tcp.h)
    0      16       68      80          148         byte
    | ...  | mss .. | rtt ..| window .. | least rtt .. |    u32 each, times in microseconds

Read from the socket that carried a request; elsewhere, and of an older kernel, nothing is claimed.
What the kernel says of the rate (tcpi_delivery_rate) is not asked: a proxy's or a satellite
modem's own acknowledgements make it the rate of the first metre.
"""

from __future__ import annotations

import socket
import struct
from asyncio.trsock import TransportSocket

import msgspec

BYTES = 192
MSS_AT = 16
RTT_AT = 68
WINDOW_AT = 80  # in segments
LEAST_RTT_AT = 148  # since Linux 4.9
UNKNOWN = 2**32 - 1


class TcpInfo(msgspec.Struct, frozen=True):
    """``window_bytes``: what may be under way at once before anything is acknowledged."""

    round_trip_s: float | None = None
    least_trip_s: float | None = None
    window_bytes: int | None = None


def read(sock: socket.socket | TransportSocket | None) -> TcpInfo:
    """Of this socket now; an empty one where the kernel does not tell."""
    asked = getattr(socket, "TCP_INFO", None)
    if sock is None or asked is None:
        return TcpInfo()
    try:
        return parse(sock.getsockopt(socket.IPPROTO_TCP, asked, BYTES))
    except OSError:
        return TcpInfo()


def parse(data: bytes) -> TcpInfo:
    """A struct tcp_info as the kernel gives it, cut off where the kernel is older."""
    segment, window = _u32(data, MSS_AT), _u32(data, WINDOW_AT)
    return TcpInfo(
        round_trip_s=_seconds(data, RTT_AT),
        least_trip_s=_seconds(data, LEAST_RTT_AT),
        window_bytes=None if segment is None or window is None else segment * window,
    )


def _seconds(data: bytes, at: int) -> float | None:
    micros = _u32(data, at)
    return None if micros is None else micros / 1e6


def _u32(data: bytes, at: int) -> int | None:
    if len(data) < at + 4:
        return None
    (value,) = struct.unpack_from("=I", data, at)
    return value if 0 < value < UNKNOWN else None
