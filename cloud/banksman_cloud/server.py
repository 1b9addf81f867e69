"""The endpoint over HTTP: listeners, each with its routes, over one application.

    boxes      mutual TLS, or plain HTTP on loopback in developer mode
    enrolment  the same TLS, before a box has a certificate
    desk       the page and its API: loopback, or HTTPS with a login

All may share a listener. The sockets are made by whoever starts us, so that several
workers can accept from the same ones and a dead worker's connections wait for the others.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from banksman.wire.problems import Refusal
from banksman_cloud.answering import Adviser
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.operators import Operator, Operators
from banksman_cloud.retention import DEFAULTS, Keep
from banksman_cloud.web.boxes import Boxes
from banksman_cloud.web.callers import Identity
from banksman_cloud.web.desk import Desk
from banksman_cloud.web.directing import Directing
from banksman_cloud.web.gate import Gate
from banksman_cloud.web.openapi import describe
from banksman_cloud.web.pages import Pages
from banksman_cloud.web.replies import json_reply
from banksman_cloud.web.routes import Access, Route
from banksman_cloud.web.table import box_routes, desk_routes
from banksman_cloud.web.turnstile import Turnstile
from banksman_cloud.web.uploads import Uploads

BACKLOG = 512
TLS_HANDSHAKE_S = 10.0
TLS_READ_BYTES = 16 * 1024
KEEP_ALIVE_S = 75.0
LINGER_S = 2.0
SHUTDOWN_S = 5.0
HEAD_BYTES_MAX = 8190


class Listener(msgspec.Struct, frozen=True):
    """A bound socket and what is served on it. ``tls`` None is plain HTTP."""

    sock: socket.socket
    routes: tuple[Route, ...]
    gate: Gate
    tls: ssl.SSLContext | None = None


class Site:
    """The routes of boxes and desk over one endpoint; ``more`` are routes of other modules."""

    def __init__(
        self,
        endpoint: Endpoint,
        identity: Identity,
        adviser: Adviser,
        now_ns: Callable[[], int],
        *,
        remote_desk: bool = False,
        more: Sequence[Route] = (),
        turnstile: Turnstile | None = None,
        keep: Mapping[str, Keep] = DEFAULTS,
    ) -> None:
        self.operators = Operators(endpoint.engine, now_ns)
        self.gate = Gate(self.operators, remote=remote_desk)
        self.boxes = Boxes(endpoint, identity, adviser, turnstile or Turnstile())
        uploads = Uploads(endpoint, identity, self.boxes.turnstile)
        self._endpoint = endpoint
        self._now_ns = now_ns
        self._keep = keep
        self._directing = Directing(endpoint)
        desk = Desk(endpoint, self.boxes, self.operators, self.gate, now_ns, keep)
        self.box_routes = (*box_routes(self.boxes), *uploads.routes(), *more)
        self.desk_routes = desk_routes(Pages(), desk, self._directing, self._describe)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every row."""
        return (*self.box_routes, *self.desk_routes)

    def desk_on_loopback(self) -> tuple[tuple[Route, ...], Gate]:
        """Routes and gate of a second listener, for those who sit at this machine."""
        gate = Gate(self.operators, remote=False)
        desk = Desk(self._endpoint, self.boxes, self.operators, gate, self._now_ns, self._keep)
        refused = tuple(
            Route(route.method, route.path, Access.BOX, _secured_only)
            for route in self.box_routes
            if route.path.startswith("/v1/")
        )
        return (*desk_routes(Pages(), desk, self._directing, self._describe), *refused), gate

    async def _describe(self, _request: web.Request, _by: Operator | None) -> web.Response:
        return json_reply(describe(self.routes, metadata.version("banksman"), self.gate.cookie))


class Server:
    """Serves listeners on the running loop."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._runners: list[web.AppRunner] = []
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Accept connections."""
        logging.getLogger("aiohttp.server").addFilter(_worth_a_line)
        # asyncio reads TLS into a buffer of 256 KiB for each connection: a thousand boxes would
        # cost 330 MB. A TLS record has at most 16 KiB (RFC 8446, 5.1).
        SSLProtocol.max_size = TLS_READ_BYTES
        for listener in self._listeners:
            runner = web.AppRunner(
                _application(listener),
                access_log=None,
                handle_signals=False,
                keepalive_timeout=KEEP_ALIVE_S,
                lingering_time=LINGER_S,
                shutdown_timeout=SHUTDOWN_S,
                max_line_size=HEAD_BYTES_MAX,
                max_field_size=HEAD_BYTES_MAX,
                auto_decompress=False,
            )
            self._runners.append(runner)
            await runner.setup()
            protocol = runner.server
            if protocol is None:
                raise RuntimeError("aiohttp did not set up its server")
            self._servers.append(
                await asyncio.get_running_loop().create_server(
                    listener.gate.doors.wrap(protocol),
                    sock=listener.sock,
                    ssl=listener.tls,
                    ssl_handshake_timeout=TLS_HANDSHAKE_S if listener.tls else None,
                    backlog=BACKLOG,
                )
            )

    async def stop(self) -> None:
        """Take no more connections, finish what is being answered, and close."""
        for server in self._servers:
            server.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._servers.clear()
        self._runners.clear()


def bind(host: str, port: int) -> socket.socket:
    """A bound socket, not yet listening. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]"), port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _application(listener: Listener) -> web.Application:
    application = web.Application(middlewares=[listener.gate.middleware])
    application.on_response_prepare.append(listener.gate.headers)
    for route in listener.routes:
        handler = listener.gate.guard(route)
        application.router.add_route(route.method, route.path, handler)
    return application


async def _secured_only(_request: web.Request, _by: Operator | None) -> web.Response:
    raise Refusal(
        403,
        "tls-only",
        "this endpoint takes nothing from boxes by plain HTTP",
        "Set [cloud] url to its https address, and enrol the box.",
    )


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Malformed requests are answered with 400; a traceback for each would fill the log."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)
