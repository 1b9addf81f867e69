"""Bounds the connections: how many, how many from one client, and how long one may dawdle.

aiohttp closes a connection that is idle between requests, but waits for ever for the first
request of a new one. So each connection is wrapped here and cut when its first request head
has not arrived within HEAD_WITHIN_S (the "slowloris" attack).

    transport <-> Wicket (counts, one timer) <-> aiohttp's protocol
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

HEAD_WITHIN_S = 5.0
MAX_CONNECTIONS = 96
MAX_PER_CLIENT = 64


class Doorkeeper:
    """Keeps the count. ``refused`` and ``cut`` say how often it had to act."""

    def __init__(self, head_within_s: float = HEAD_WITHIN_S) -> None:
        self.refused = 0
        self.cut = 0
        self.head_within_s = head_within_s
        self._open: dict[asyncio.BaseTransport, Wicket] = {}
        self._clients: Counter[str] = Counter()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._open)

    def wrap(self, inner: Callable[[], asyncio.Protocol]) -> Callable[[], Wicket]:
        """Return a protocol factory for ``loop.create_server``."""
        return lambda: Wicket(self, inner())

    def request_arrived(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole request head was read on this connection: its deadline is met."""
        if transport is not None and (wicket := self._open.get(transport)) is not None:
            wicket.stop_timer()

    def enters(self, wicket: Wicket, transport: asyncio.Transport) -> bool:
        """Whether there is room for one more."""
        client = wicket.client
        if len(self._open) >= MAX_CONNECTIONS or self._clients[client] >= MAX_PER_CLIENT:
            self.refused += 1
            return False
        self._open[transport] = wicket
        self._clients[client] += 1
        return True

    def leaves(self, wicket: Wicket, transport: asyncio.Transport) -> None:
        """Its place is free again."""
        if self._open.pop(transport, None) is not None:
            self._clients[wicket.client] -= 1
            if not self._clients[wicket.client]:
                del self._clients[wicket.client]


class Wicket(asyncio.Protocol):
    """One connection: passes everything on to aiohttp's own protocol."""

    def __init__(self, keeper: Doorkeeper, inner: asyncio.Protocol) -> None:
        self.client = ""
        self._keeper = keeper
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit it and start its timer, or cut it at once."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  we serve streams only
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.client = str(peer[0]) if isinstance(peer, tuple) else ""
        self._admitted = self._keeper.enters(self, transport)
        if not self._admitted:
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._keeper.head_within_s, self._cut)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._admitted:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._inner.eof_received() if self._admitted else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on and leave."""
        self.stop_timer()
        if self._admitted and self._transport is not None:
            self._keeper.leaves(self, self._transport)
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self._inner.resume_writing()

    def stop_timer(self) -> None:
        """The first request has arrived, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        self._keeper.cut += 1
        if self._transport is not None:
            self._transport.abort()
