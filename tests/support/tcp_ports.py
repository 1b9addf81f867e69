"""Ports for tests that must name one before anybody listens there.

They are drawn below the range from which Linux takes the ports of outgoing connections (32768 and
up by default): a port from there may be gone again before its server binds it.
"""

from __future__ import annotations

import random
import socket

LOW, HIGH = 15_000, 32_000
_CHOICE = random.SystemRandom()


def free_tcp_port() -> int:
    """A port of loopback that nobody listens on now."""
    while True:
        port = _CHOICE.randrange(LOW, HIGH)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def free_tcp_ports(count: int) -> list[int]:
    """Different ones."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_tcp_port())
    return list(ports)
