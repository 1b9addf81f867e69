"""Makes a socket leave by the interface that was chosen.

How a fail-over is enacted
- The routes and their metrics belong to the operating system (NetworkManager, systemd-networkd,
  dhcpcd): we change none, and all else on the box goes on using them.
- Each socket of the uplink is bound to the chosen interface by ``SO_BINDTODEVICE`` before it
  connects (socket(7)): the kernel then looks only at routes over that interface, whatever their
  metric. A source address alone would not do it: Linux routes by destination.
- A connection cannot be moved. At a new choice the uplink closes its sockets and connects anew;
  what was under way is sent again, which is idempotent.
- Since Linux 5.7 an unprivileged process may bind a socket that is bound to none yet.
"""

from __future__ import annotations

import errno
import socket

from banksman_drivers.ports import DriverError


class LinkUnusable(DriverError, OSError):
    """The socket could not be bound to the interface; the message says why and what to do."""


def bind_to(sock: socket.socket, interface: str) -> None:
    """Let ``sock`` leave by ``interface`` only. Call it before connect.

    Raises LinkUnusable when the interface has gone or the kernel does not allow it.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        remedy = "look at `ip link` and choose anew"
        if number == errno.EPERM:
            remedy = "give the service AmbientCapabilities=CAP_NET_RAW, or run Linux 5.7 or newer"
        raise LinkUnusable(f"{interface}: cannot send over it: {error}; {remedy}") from error


def connect_over(
    interface: str | None, address: tuple[str, int], timeout_s: float
) -> socket.socket:
    """A TCP connection to ``address`` over ``interface``; None leaves it to the routes.

    Blocks for up to ``timeout_s`` for each address that the name has: for a worker thread.
    Raises OSError, LinkUnusable included, when none answered.
    """
    host, port = address
    problem: OSError = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout_s)
            if interface is not None:
                bind_to(sock, interface)
            sock.connect(place)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem
