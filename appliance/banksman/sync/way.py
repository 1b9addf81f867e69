"""The way out that the uplink has chosen, for whoever else speaks to the endpoint. Main loop.

What is asked of the endpoint beside the uplink leaves by the same interface and counts into the
same metered budget: no byte of a paid link goes unseen. Without an uplink nothing is chosen.
"""

from __future__ import annotations

import socket
from typing import Protocol

import aiohttp

from banksman_drivers.links.bind import bind_to


class Way(Protocol):
    """What holds now; main loop."""

    @property
    def interface(self) -> str | None:
        """Where sockets leave; None leaves it to the routes."""

    @property
    def metered(self) -> bool:
        """Whether bytes cost something."""

    @property
    def left_bytes(self) -> int | None:
        """What a metered link may still carry; None: no limit, or not metered."""

    def spend(self, size: int) -> None:
        """So many bytes went, both ways."""


class OpenWay:
    """The routes, and nothing is counted: there is no uplink."""

    interface: str | None = None
    metered = False
    left_bytes: int | None = None

    def spend(self, size: int) -> None:
        """Nobody counts."""


def socket_by(
    interface: str | None, address: aiohttp.AddrInfoType, silent_most_s: float | None = None
) -> socket.socket:
    """A socket that does not block, for ``aiohttp.TCPConnector``. Raises OSError, LinkUnusable.

    ``silent_most_s``: how long what was sent may stay unacknowledged; None leaves it to TCP.
    """
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        if silent_most_s is not None:
            silent_ms = round(silent_most_s * 1e3)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silent_ms)
        if interface is not None:
            bind_to(sock, interface)
    except OSError:
        sock.close()
        raise
    return sock
