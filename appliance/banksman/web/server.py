"""The status page's server: listens, serves the route table, renews its certificate.

Lives on the main loop. On loopback it is plain HTTP; on any other address it is HTTPS with the
box's own certificate, and a login for everything that shows data.

    await server.start()     raises PageError when the port is taken
    await server.stop()      ends every stream and connection
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from banksman.clock import Clock
from banksman.config.schema_services import WebSettings
from banksman.errors import PageError
from banksman.security.accounts import Accounts
from banksman.security.certificate import ensure_certificate
from banksman.security.origins import HostPolicy, is_loopback
from banksman.web.callers import Caller
from banksman.web.doorkeeper import Doorkeeper
from banksman.web.events import EventHub
from banksman.web.gate import Gate
from banksman.web.machines import MachinePages
from banksman.web.openapi import describe
from banksman.web.operating import Note, Operating
from banksman.web.pages import Pages
from banksman.web.ports import Appliance, Machines, Quality
from banksman.web.quality import QualityPages
from banksman.web.reading import Reading
from banksman.web.replies import BODY_MAX_BYTES, json_reply
from banksman.web.table import route_table
from banksman.web.views import Moment, Status, status_of

log = logging.getLogger(__name__)

BACKLOG = 64
TLS_HANDSHAKE_S = 5.0
KEEP_ALIVE_S = 30.0
LINGER_S = 1.0
SHUTDOWN_S = 2.0
HEAD_MAX_BYTES = 8190
HEADERS_MAX = 64
RENEWAL_CHECK_S = 6 * 3600.0


def log_note(event: str, by: str, details: dict[str, str]) -> None:
    """Where there is no audit: the log says who did what."""
    log.info("%s by %s %s", event, by, details)


class WebServer:
    """``note`` takes (event, by, details) of logins for the audit, and returns at once.

    ``announce`` prints a line on the console: the certificate's fingerprint beyond loopback.
    """

    def __init__(
        self,
        settings: WebSettings,
        appliance: Appliance,
        accounts: Accounts,
        clock: Clock,
        folder: Path,
        *,
        site: str = "",
        quality: Quality | None = None,
        machines: Machines | None = None,
        note: Note = log_note,
        announce: Callable[[str], None] = log.info,
    ) -> None:
        self.remote = not is_loopback(settings.bind)
        self.port = settings.port
        self.doorkeeper = Doorkeeper()
        self._settings = settings
        self._appliance = appliance
        self._accounts = accounts
        self._clock = clock
        self._folder = folder
        self._site = site
        self._announce = announce
        self._tls: ssl.SSLContext | None = None
        self._listener: Path | None = None
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        names = [settings.tls_name, *(_host_names() if self.remote else ())]
        self._gate = Gate(
            accounts, HostPolicy(names, remote=self.remote), self.doorkeeper, remote=self.remote
        )
        self._hub = EventHub(appliance, self.status)
        self._note = note
        self._quality = quality
        self._machines = machines
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            shutdown_timeout=SHUTDOWN_S,
            max_line_size=HEAD_MAX_BYTES,
            max_field_size=HEAD_MAX_BYTES,
            max_headers=HEADERS_MAX,
            auto_decompress=False,
        )

    async def start(self) -> None:
        """Listen. Raises PageError when the port is taken or the certificate cannot be kept."""
        self._accounts.open()
        logging.getLogger("aiohttp.server").addFilter(_worth_a_line)
        if self.remote:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            try:
                await self._renew()
            except OSError as error:
                raise PageError(
                    f"the page's certificate cannot be kept in {self._folder}: {error.strerror}; "
                    'make that folder writable, or set [web] bind = "127.0.0.1"'
                ) from error
            self._tasks.append(asyncio.create_task(self._keep_renewing()))
        await self._runner.setup()
        protocol = self._runner.server
        if protocol is None:
            raise RuntimeError("aiohttp did not set up its server")
        self._tasks.append(asyncio.create_task(self._hub.run()))
        await self._listen(self.doorkeeper.wrap(protocol))

    async def _listen(self, factory: Callable[[], asyncio.Protocol]) -> None:
        settings = self._settings
        place, option = f"{settings.bind}:{settings.port}", "port"
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                factory,
                settings.bind.strip("[]"),
                settings.port,
                ssl=self._tls,
                ssl_handshake_timeout=TLS_HANDSHAKE_S if self._tls else None,
                ssl_shutdown_timeout=SHUTDOWN_S if self._tls else None,
                backlog=BACKLOG,
            )
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]
            if settings.socket:
                place, option = settings.socket, "socket"
                listener = _unix_listener(Path(settings.socket))
                self._listener = Path(settings.socket)
                self._servers.append(
                    await loop.create_unix_server(factory, sock=listener, backlog=BACKLOG)
                )
        except OSError as error:
            await self.stop()
            # asyncio hides the system's words behind its own; a failed look-up has its own number.
            number = error.errno or 0
            why = os.strerror(number).lower() if number > 0 else str(error)
            raise PageError(
                f"the status page cannot listen on {place}: {why}; end what uses it, or set "
                f"another [web] {option}"
            ) from error

    async def stop(self) -> None:
        """Take no more requests, end the streams, close; the socket file is removed."""
        for server in self._servers:
            server.close()
        self._hub.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        if self._listener is not None:
            self._listener.unlink(missing_ok=True)
            self._listener = None
        self._servers.clear()
        self._tasks.clear()

    def status(self) -> Status:
        """Everything the page shows, now."""
        clock = self._clock
        moment = Moment(
            site=self._site,
            mono_ns=clock.mono_ns(),
            wall_ns=clock.wall_ns(),
            boot_id=clock.boot_id,
            clock_quality=clock.quality(),
            web=self._counters(),
        )
        return status_of(self._appliance, moment)

    def _counters(self) -> dict[str, int]:
        return {
            "connections_refused": self.doorkeeper.refused,
            "connections_cut": self.doorkeeper.cut,
            "streams_cut": self._hub.cut,
            "streams_refused": self._hub.refused,
            "logins_locked_out": self._accounts.lockout.refused,
            "requests_refused": self._gate.refusals.total(),
        }

    def _application(self) -> web.Application:
        reading = Reading(self._appliance, self._accounts, self._hub, self.status, self._quality)
        operating = Operating(
            self._appliance, self._accounts, self._note, self._gate.cookie, secure=self.remote
        )

        async def description(_request: web.Request, _caller: Caller) -> web.Response:
            return json_reply(describe(routes, metadata.version("banksman"), self._gate.cookie))

        quality = QualityPages(self._quality)
        machines = MachinePages(self._machines)
        routes = route_table(Pages(), reading, operating, quality, machines, description)
        application = web.Application(
            middlewares=[self._gate.middleware], client_max_size=BODY_MAX_BYTES
        )
        application.on_response_prepare.append(self._gate.headers)
        for route in routes:
            handler = self._gate.guard(route)
            if route.method == "GET":
                # HEAD of a stream would hold a place and never say anything.
                endless = route.media == "text/event-stream"
                application.router.add_get(route.path, handler, allow_head=not endless)
            else:
                application.router.add_route(route.method, route.path, handler)
        return application

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_CHECK_S)
            try:
                await self._renew()
            except OSError as error:
                log.warning("the page's certificate could not be renewed: %s", error)

    async def _renew(self) -> None:
        """Make or renew the certificate; connections made from now on get the new one."""
        names = [name for name in (self._settings.tls_name, *_host_names()) if name]
        if self._settings.bind.strip("[]") not in {"0.0.0.0", "::"}:
            names.append(self._settings.bind.strip("[]"))
        now = datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC)
        kept = await asyncio.to_thread(ensure_certificate, self._folder, names, now)
        if self._tls is not None:
            self._tls.load_cert_chain(kept.file)
        if kept.made:
            self._announce(f"The status page has a new certificate, SHA-256 {kept.sha256}")


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Whether aiohttp's record tells of a fault of ours.

    Malformed requests are answered with 400; a traceback for each would let anybody on the
    network write the log full.
    """
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def _host_names() -> tuple[str, ...]:
    own = socket.gethostname().lower()
    return (own, f"{own}.local", "localhost")


def _unix_listener(path: Path) -> socket.socket:
    """Bind with mode 0660, not yet listening; a socket left by a dead daemon is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o660)  # nobody can connect before it listens
    except OSError:
        listener.close()
        raise
    return listener
