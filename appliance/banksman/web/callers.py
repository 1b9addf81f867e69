"""Who is calling, over what, and what each way in may do.

way in     reading      acknowledge, reload rules     reset a trip
loopback   open         login                         login
remote     login        login                         login        (HTTPS only)
socket     open         open: a local operator        never: a person at the page or the input
"""

from __future__ import annotations

import enum
import ipaddress
import socket
import struct
from typing import Literal

import msgspec
from aiohttp import web

from banksman.security.sessions import Session

Way = Literal["loopback", "remote", "socket"]


class Access(enum.Enum):
    """What a route asks of its caller."""

    PUBLIC = "public"
    READ = "read"
    OPERATE = "operate"
    RESET = "reset"


class Caller(msgspec.Struct, frozen=True):
    """One request's caller. ``client`` is the key of the lock-out; ``token`` its cookie."""

    way: Way
    client: str
    token: str
    session: Session | None

    @property
    def by(self) -> str:
        """For the audit: who did it, from where."""
        return f"{self.session.name} at {self.client}" if self.session else self.client

    def may(self, access: Access) -> bool:
        """Whether this caller passes a route's door, CSRF aside."""
        if access is Access.PUBLIC:
            return True
        if self.way == "socket":
            return access is not Access.RESET
        return self.session is not None or (access is Access.READ and self.way == "loopback")


def way_of(request: web.Request, *, remote: bool) -> Way:
    """How the request came in, told by its own socket and never by what it says."""
    return "socket" if _unix_peer(request) else ("remote" if remote else "loopback")


def client_of(request: web.Request) -> str:
    """A stable name of where it comes from; an IPv6 host counts by its /64."""
    peer = _unix_peer(request)
    if peer is not None:
        pid_uid_gid = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", pid_uid_gid)
        return f"uid {uid} on the box"
    try:
        address = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _unix_peer(request: web.Request) -> socket.socket | None:
    peer: socket.socket | None = request.get_extra_info("socket")
    return peer if peer is not None and peer.family == socket.AF_UNIX else None
