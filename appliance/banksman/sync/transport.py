"""One request to the endpoint at a time: bounded in bytes and time, and judged. No policy here.

    call(method, path, body) --> Answer(status, body, took, round trip) | NoAnswer(why)

Rules of this file
- The endpoint is not believed: redirects are not followed, compressed answers are not unpacked,
  an answer over `ANSWER_BYTES_MAX` or later than its time is none.
- After a request without an answer every kept connection is closed: over a link that broke they
  are dead, and TCP would take minutes to find out.
- The round trip is the kernel's own, measured on the connection that carried the request
  (struct tcp_info, linux/tcp.h); without it none is claimed.
- Each socket leaves by the interface that was chosen; see `banksman_drivers.links.bind`.
- A new identity of the box holds from the next request on; what is in flight ends on the old one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection

from banksman.sync.sessions import Sessions
from banksman.sync.standing import LANES
from banksman_drivers.links.bind import bind_to

ANSWER_BYTES_MAX = 1024 * 1024
HEAD_BYTES = 600  # about what a request's and its answer's heads take on the wire
# A connect that is begun a moment before a link returns is not answered: the kernel asks again only
# after one second, and then after two more. Ours gives up between, and begins anew.
CONNECT_LEAST_S = 1.2
CONNECT_MOST_S = 3.0
CONNECT_TRIPS = 4.0
TCP_INFO_BYTES = 104
RTT_AT = 68  # tcpi_rtt in microseconds

AddressInfo = tuple[
    int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
]


class Answer(msgspec.Struct, frozen=True):
    """What came back. ``wire_bytes``: both ways, heads about."""

    status: int
    body: bytes
    took_s: float
    wire_bytes: int
    round_trip_s: float | None = None
    retry_after_s: float | None = None


class NoAnswer(Exception):
    """Nothing usable came back. ``reached``: somebody was there, whatever was said.

    ``unsent``: no connection was made, so nothing left this box.
    """

    def __init__(self, why: str, *, reached: bool = False, unsent: bool = False) -> None:
        super().__init__(why)
        self.reached = reached
        self.unsent = unsent


class _Reply(aiohttp.ClientResponse):
    """Remembers its socket: aiohttp gives the connection back before a short answer is read."""

    sock: socket.socket | TransportSocket | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        self.sock = None if transport is None else transport.get_extra_info("socket")
        return await super().start(connection)


class Transport:
    """See the rules above. Use it as an asynchronous context."""

    def __init__(
        self,
        url: str,
        mono_s: Callable[[], float],
        *,
        token_file: Path | None = None,
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """``tls`` gives the context to use now; None: the system's CAs."""
        self.connect_s = CONNECT_MOST_S
        self.interface: str | None = None
        self._url = url.rstrip("/")
        self._mono_s = mono_s
        self._token_file = token_file
        self._resolver = resolver
        self._sessions = Sessions(tls, self._open)

    async def __aenter__(self) -> Transport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.forget()

    async def forget(self) -> None:
        """Close every connection: the next request makes a new one."""
        await self._sessions.forget()

    async def leave_by(self, interface: str | None) -> None:
        """Use this interface from now on; None leaves it to the routes."""
        if interface != self.interface:
            self.interface = interface
            await self.forget()

    async def call(
        self,
        method: str,
        path: str,
        body: bytes,
        within_s: float,
        content_type: str = "application/json",
        encoding: str = "",
        authorization: str = "",
    ) -> Answer:
        """Send a request. Raises NoAnswer. ``authorization`` takes the token file's place."""
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
        if encoding:
            headers["Content-Encoding"] = encoding
        try:
            headers |= await self._credentials(authorization)
            async with self._sessions.lend() as session:
                return await self._exchange(session, method, path, body, within_s, headers)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            await self.forget()
            raise NoAnswer(f"cannot be reached: {_words(error)}", unsent=True) from None
        except TimeoutError:
            await self.forget()
            raise NoAnswer(f"no answer within {within_s:.1f} s") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError, RuntimeError) as error:
            # RuntimeError: what aiohttp says of a connection that closed before it is read.
            await self.forget()
            raise NoAnswer(f"broke off: {_words(error)}", reached=True) from None

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: bytes,
        within_s: float,
        headers: dict[str, str],
    ) -> Answer:
        begun_s = self._mono_s()
        async with (
            asyncio.timeout(within_s),
            session.request(
                method,
                self._url + path,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.connect_s),
            ) as reply,
        ):
            took_s = self._mono_s() - begun_s
            trip_s = _round_trip_s(reply)
            found = bytearray()
            async for chunk in reply.content.iter_chunked(16 * 1024):
                found += chunk
                if len(found) > ANSWER_BYTES_MAX:
                    raise ValueError("the answer is too long")
            return Answer(
                status=reply.status,
                body=bytes(found),
                took_s=took_s,
                wire_bytes=len(body) + len(found) + HEAD_BYTES,
                round_trip_s=trip_s,
                retry_after_s=_retry_after_s(reply.headers.get("Retry-After")),
            )

    async def _credentials(self, authorization: str) -> dict[str, str]:
        if authorization:
            return {"Authorization": authorization}
        if self._token_file is None:
            return {}
        token = await asyncio.to_thread(self._token_file.read_text, encoding="utf-8")
        return {"Authorization": f"Bearer {token.strip()}"}

    def _open(self, context: ssl.SSLContext | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=len(LANES),
            ssl=True if context is None else context,
            resolver=self._resolver,
            socket_factory=self._socket,
            keepalive_timeout=60.0,
        )
        return aiohttp.ClientSession(
            connector=connector,
            response_class=_Reply,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _socket(self, address: AddressInfo) -> socket.socket:
        family, kind, protocol, _, _ = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            if self.interface is not None:
                bind_to(sock, self.interface)
        except OSError:
            sock.close()
            raise
        return sock


def connect_within_s(round_trip_ms: float | None) -> float:
    """How long a connect may take over a link of this round trip; not known: long."""
    if round_trip_ms is None:
        return CONNECT_MOST_S
    return min(CONNECT_MOST_S, max(CONNECT_LEAST_S, CONNECT_TRIPS * round_trip_ms / 1e3))


def _round_trip_s(reply: aiohttp.ClientResponse) -> float | None:
    sock = reply.sock if isinstance(reply, _Reply) else None
    if sock is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        (micros,) = struct.unpack_from("=I", info, RTT_AT)
    except (OSError, struct.error):
        return None
    return micros / 1e6 if micros else None


def _retry_after_s(text: str | None) -> float | None:
    """Whole seconds (RFC 9110, 10.2.3); a date is no help to a box whose clock may be wrong."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return float(text)


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error  # says the same without the library's own words
    text = str(error) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text[:200])
