"""Bounds connections: how many there are, and how long one may take to ask its first question.

aiohttp ends a connection that idles between requests, and waits for ever for the first request of
a new one: a few thousand connections that say nothing would use up what a process may
open. Each is therefore wrapped, and cut when it has asked nothing whole within HEAD_WITHIN_S.

    socket <-> Door (one timer until the first request) <-> aiohttp's protocol
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HEAD_WITHIN_S = 15.0
CONNECTIONS_MAX = 4_000


class Doors:
    """All connections of a worker. ``refused`` and ``cut`` say how often it had to act."""

    def __init__(
        self, connections_max: int = CONNECTIONS_MAX, head_within_s: float = HEAD_WITHIN_S
    ) -> None:
        self.refused = 0
        self.cut = 0
        self.head_within_s = head_within_s
        self._connections_max = connections_max
        self._open: dict[asyncio.BaseTransport, Door] = {}

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def wrap(self, inner: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """A protocol factory for ``loop.create_server``."""
        return lambda: Door(self, inner())

    def asked(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole request head has come on this connection."""
        if transport is not None and (door := self._open.get(transport)) is not None:
            door.stop_timer()

    def opens(self, door: Door, transport: asyncio.BaseTransport) -> bool:
        """Whether there is room."""
        if len(self._open) >= self._connections_max:
            self.refused += 1
            return False
        self._open[transport] = door
        return True

    def closes(self, transport: asyncio.BaseTransport) -> None:
        """One is gone."""
        self._open.pop(transport, None)


class Door(asyncio.Protocol):
    """One connection; hands everything on."""

    def __init__(self, doors: Doors, inner: asyncio.Protocol) -> None:
        self._doors = doors
        self._inner = inner
        self._transport: asyncio.BaseTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in and start its time, or end it."""
        if not self._doors.opens(self, transport):
            self._abort(transport)
            return
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._doors.head_within_s, self._late)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on."""
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on."""
        return self._inner.eof_received() if self._transport is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on and forget."""
        self.stop_timer()
        if self._transport is not None:
            self._doors.closes(self._transport)
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        self._inner.resume_writing()

    def stop_timer(self) -> None:
        """It has asked, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._doors.cut += 1
        if self._transport is not None:
            self._abort(self._transport)

    @staticmethod
    def _abort(transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()
        else:
            transport.close()
