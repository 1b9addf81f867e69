"""Which Host and Origin a request may carry: the wall against DNS rebinding and CSRF. Pure.

- Rebinding works because a page of evil.example resolves to our address; its Host header still
  says evil.example. So only names that we know to be ours are answered. A bare IP address
  cannot be rebound; beyond loopback it is accepted.
- A browser sends Origin with every request that changes something. It must be the very page
  that we serve. Where it is missing (a program, not a browser), the CSRF token still guards.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.\-]{1,253})(?::(\d{1,5}))?", re.ASCII)
LOOPBACK_NAMES = ("localhost", "ip6-localhost")


def is_loopback(name: str) -> bool:
    """Whether a bind address or host name can only mean this machine; unknown names are not."""
    bare = name.strip("[]").lower()
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare in LOOPBACK_NAMES


def host_name(header: str) -> str | None:
    """The name part of a Host header in lower case, or None when it is not a well-formed one."""
    match = _HOST.fullmatch(header)
    return match.group(1).strip("[]").lower().rstrip(".") if match else None


class HostPolicy:
    """The names that this page answers to. ``remote``: it is served beyond loopback."""

    def __init__(self, names: Iterable[str], *, remote: bool) -> None:
        self._names = {name.lower().rstrip(".") for name in names if name}
        self._remote = remote

    def allows(self, header: str) -> bool:
        """Whether a request with this Host header is meant for us."""
        name = host_name(header)
        if name is None:
            return False
        if name in self._names or is_loopback(name):
            return True
        return self._remote and _is_address(name)


def same_origin(origin: str, scheme: str, host: str) -> bool:
    """Whether an Origin header names the page that is served as ``scheme://host``."""
    try:
        parts = urlsplit(origin)
        given = (parts.scheme, parts.netloc.lower())
    except ValueError:
        return False
    return given == (scheme, host.lower()) and not parts.path and not parts.query


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
