"""A request under way: since when it has a connection, and which. What `transport` adds to aiohttp.

Flight --trace_request_ctx--> aiohttp --connection made or taken up again--> Flight.connected
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp
from aiohttp.connector import Connection

from banksman.sync import tcp_info


class Flight:
    """``begun_s``: since when it has a connection; None: it has none yet."""

    def __init__(
        self, mono_s: Callable[[], float], limit: asyncio.Timeout, within_s: float
    ) -> None:
        """``limit`` is put off to ``within_s`` after the connection."""
        self.begun_s: float | None = None
        self._mono_s = mono_s
        self._limit = limit
        self._within_s = within_s

    def connected(self) -> None:
        """The time to answer in begins."""
        self.begun_s = self._mono_s()
        self._limit.reschedule(asyncio.get_running_loop().time() + self._within_s)


class Reply(aiohttp.ClientResponse):
    """Remembers its socket: aiohttp gives the connection back before a short answer is read."""

    sock: socket.socket | TransportSocket | None = None
    window_bytes: int | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Note what may be under way at once, then wait for the head."""
        transport = connection.transport
        self.sock = None if transport is None else transport.get_extra_info("socket")
        await asyncio.sleep(0)  # the first bytes leave: a window that has idled shrinks then
        self.window_bytes = tcp_info.read(self.sock).window_bytes
        return await super().start(connection)


def tracing() -> aiohttp.TraceConfig:
    """Tells the flight of a request of its connection."""
    traced = aiohttp.TraceConfig()
    traced.on_connection_create_end.append(_connected)
    traced.on_connection_reuseconn.append(_connected)
    return traced


async def _connected(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object
) -> None:
    context.trace_request_ctx.connected()
