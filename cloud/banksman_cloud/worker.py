"""One worker: a database, the routes, the sockets it was given. Stateless, so it may die any time.

With TLS the first socket is the desk's on loopback and the second serves boxes, enrolment and the
desk with a login; without, the one socket serves all in developer mode.

It ends by SIGTERM or SIGINT, or when ``leash`` (a pipe that its parent holds) breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from banksman_cloud.answering import Adviser
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.errors import CloudError
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.server import Listener, Server, Site
from banksman_cloud.settings import Settings
from banksman_cloud.storage.port import Engine
from banksman_cloud.storage.sqlite import SqliteEngine
from banksman_cloud.sweeper import Sweeper
from banksman_cloud.web.callers import DeveloperIdentity

if TYPE_CHECKING:
    from banksman_cloud.ca.secured import Secured

log = logging.getLogger(__name__)

OPEN_FILES = 16_384  # a connection each; `Doors` bounds them lower
LOOK_AT_PAIR_S = 3600.0
GARBAGE_OBJECTS = 20_000  # made and not yet freed, before cycles are looked for


def make_engine(settings: Settings, *, alone: bool = True) -> Engine:
    """The database that the settings name; ``alone`` False lets a server run beside us."""
    if not settings.database:
        return SqliteEngine(settings.sqlite, alone=alone)
    from banksman_cloud.storage.postgres import PostgresEngine

    return PostgresEngine(settings.database)


async def serve(
    settings: Settings,
    sockets: Sequence[socket.socket],
    ready: Callable[[], None],
    leash: int | None = None,
) -> None:
    """Serve until told to end. Raises CloudError when it cannot start."""
    _open_files()
    adviser = Adviser.load(settings.decide)
    engine = make_engine(settings)
    await engine.open()
    try:
        pictures = None if settings.database else PictureFolder(settings.folder / "pictures")
        endpoint = Endpoint(engine, time.time_ns, pictures)
        async with _listeners(settings, endpoint, adviser, sockets) as listeners:
            server = Server(listeners)
            await server.start()
            sweeper = asyncio.create_task(
                Sweeper(engine, settings.keep, time.time_ns, pictures).run()
            )
            _collect_rarely()
            try:
                ready()
                await _told_to_end(leash)
            finally:
                sweeper.cancel()
                await asyncio.gather(sweeper, return_exceptions=True)
                await server.stop()
    finally:
        await engine.close()


@contextlib.asynccontextmanager
async def _listeners(
    settings: Settings, endpoint: Endpoint, adviser: Adviser, sockets: Sequence[socket.socket]
) -> AsyncIterator[list[Listener]]:
    """What is served on each socket."""
    if settings.tls is None:
        site = Site(endpoint, DeveloperIdentity(), adviser, time.time_ns, keep=settings.keep)
        yield [Listener(sock, site.routes, site.gate) for sock in sockets]
        return
    # Only here: developer mode does without cryptography's 10 MB.
    from banksman_cloud.ca.secured import Secured

    secured = Secured(settings.folder, settings.tls.names, endpoint.engine, time.time_ns)
    await asyncio.to_thread(secured.open)
    site = Site(
        endpoint,
        secured.identity,
        adviser,
        time.time_ns,
        remote_desk=True,
        more=secured.routes,
        keep=settings.keep,
    )
    routes, gate = site.desk_on_loopback()
    desk, boxes = sockets
    keeper = asyncio.create_task(_keep_pair(secured))
    try:
        yield [Listener(desk, routes, gate), Listener(boxes, site.routes, site.gate, secured.tls)]
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep_pair(secured: Secured) -> None:
    """Renew the listener's certificate before it ends."""
    while True:
        await asyncio.sleep(LOOK_AT_PAIR_S)
        try:
            if await asyncio.to_thread(secured.renew_pair):
                log.info("the listener shows a new certificate")
        except CloudError as error:
            log.error("the listener's certificate: %s", error)


def _collect_rarely() -> None:
    """What stands now stands for good, and requests leave few cycles: look for them less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)


def _open_files() -> None:
    """As many connections as `Doors` lets in need as many file descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _told_to_end(leash: int | None) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if leash is not None:
        os.set_blocking(leash, False)
        loop.add_reader(leash, ended.set)
    try:
        await ended.wait()
    finally:
        if leash is not None:
            loop.remove_reader(leash)
