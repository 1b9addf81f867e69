"""One request to the endpoint at a time: bounded in bytes and time, and judged. No policy here.

    call(method, path, body) --> Answer(status, body, took, round trip) | NoAnswer(why)

    names | connect, TLS |-- request --- answer's head --|-- its body
          '- connect_s --'------------ took_s -----------'
                         '--------------- within_s ----------------'

Rules of this file
- The endpoint is not believed: redirects are not followed, compressed answers are not unpacked,
  an answer over `ANSWER_BYTES_MAX` or later than its time is none.
- A connection that breaks before a whole answer is the link's failure, not the endpoint's: nobody
  was reached. Somebody was who says what is not HTTP, or too much.
- A request that fails takes its own connection with it and those that are idle; what others have
  under way goes on. The kernel gives up what nobody acknowledges for `SILENT_MOST_S`: TCP alone
  would take minutes to find out.
- Round trip and window are the kernel's own, of the connection that carried the request
  (`tcp_info`); without them none are claimed. The time it took begins with the request: connecting
  tells nothing of the rate.
- Each socket leaves by the interface that was chosen; see `banksman_drivers.links.bind`.
- A new identity of the box holds from the next request on; what is in flight ends on the old one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from banksman.sync import tcp_info
from banksman.sync.flight import Flight, Reply, tracing
from banksman.sync.names import WITHIN_S, Names
from banksman.sync.sessions import Sessions
from banksman.sync.standing import LANES
from banksman.sync.way import socket_by

ANSWER_BYTES_MAX = 1024 * 1024
HEAD_BYTES = 600  # about what a request's and its answer's heads take on the wire
# A connect that is begun a moment before a link returns is not answered: the kernel asks again only
# after one second, and then after two more. Ours gives up between, and begins anew.
CONNECT_LEAST_S = 1.2
CONNECT_MOST_S = 3.0
CONNECT_TRIPS = 4.0
SILENT_MOST_S = 10.0

AddressInfo = tuple[
    int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
]


class Answer(msgspec.Struct, frozen=True):
    """What came back. ``wire_bytes``: both ways, heads about. ``took_s``: to the answer's head.

    ``least_trip_s``: the connection's least round trip; ``window_bytes``: what it would have under
    way at once as the request began.
    """

    status: int
    body: bytes
    took_s: float
    wire_bytes: int
    round_trip_s: float | None = None
    least_trip_s: float | None = None
    window_bytes: int | None = None
    retry_after_s: float | None = None


class NoAnswer(Exception):
    """Nothing usable came back. ``reached``: somebody was there and said something else.

    ``unsent``: no connection was made, so nothing left this box. ``silent``: one was made, and then
    nothing came within the time.
    """

    def __init__(
        self, why: str, *, reached: bool = False, unsent: bool = False, silent: bool = False
    ) -> None:
        super().__init__(why)
        self.reached = reached
        self.unsent = unsent
        self.silent = silent


class _TooLong(ValueError):
    """The answer has more bytes than an answer may have."""


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
        self._names = Names() if resolver is None else resolver
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
        """Send a request. Raises NoAnswer. ``authorization`` takes the token file's place.

        ``within_s`` is for the request and its answer; connecting has a time of its own.
        """
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
        if encoding:
            headers["Content-Encoding"] = encoding
        limit = asyncio.timeout(WITHIN_S + self.connect_s)
        flight = Flight(self._mono_s, limit, within_s)
        try:
            headers |= await self._credentials(authorization)
            async with self._sessions.lend() as session, limit:
                return await self._exchange(session, method, path, body, headers, flight)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            raise NoAnswer(f"cannot be reached: {_words(error)}", unsent=True) from None
        except TimeoutError:
            if flight.begun_s is None:
                raise NoAnswer("cannot be reached in time", unsent=True) from None
            raise NoAnswer(f"no answer within {within_s:.1f} s", silent=True) from None
        except (_TooLong, aiohttp.ClientResponseError) as error:
            raise NoAnswer(f"says what is no answer: {_words(error)}", reached=True) from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError, RuntimeError) as error:
            # RuntimeError: what aiohttp says of a connection that closed before it is read.
            raise NoAnswer(f"broke off: {_words(error)}") from None

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        flight: Flight,
    ) -> Answer:
        async with session.request(
            method,
            self._url + path,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.connect_s),
            trace_request_ctx=flight,
        ) as reply:
            headed_s = self._mono_s()
            begun_s = headed_s if flight.begun_s is None else flight.begun_s
            sock, window = None, None
            if isinstance(reply, Reply):
                sock, window = reply.sock, reply.window_bytes
            info = tcp_info.read(sock)
            found = bytearray()
            async for chunk in reply.content.iter_chunked(16 * 1024):
                found += chunk
                if len(found) > ANSWER_BYTES_MAX:
                    raise _TooLong(f"over {ANSWER_BYTES_MAX} bytes")
            return Answer(
                status=reply.status,
                body=bytes(found),
                took_s=headed_s - begun_s,
                wire_bytes=len(body) + len(found) + HEAD_BYTES,
                round_trip_s=info.round_trip_s,
                least_trip_s=info.least_trip_s,
                window_bytes=window,
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
            resolver=self._names,
            socket_factory=self._socket,
            keepalive_timeout=60.0,
        )
        return aiohttp.ClientSession(
            connector=connector,
            response_class=Reply,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[tracing()],
        )

    def _socket(self, address: AddressInfo) -> socket.socket:
        return socket_by(self.interface, address, SILENT_MOST_S)


def connect_within_s(round_trip_ms: float | None) -> float:
    """How long a connect may take over a link of this round trip; not known: long."""
    if round_trip_ms is None:
        return CONNECT_MOST_S
    return min(CONNECT_MOST_S, max(CONNECT_LEAST_S, CONNECT_TRIPS * round_trip_ms / 1e3))


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
