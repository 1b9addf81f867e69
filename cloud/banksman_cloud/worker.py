"""One worker: a database, the routes, the sockets it was given. Stateless, so it may die any time.

It ends by SIGTERM or SIGINT, or when ``leash`` (a pipe that its parent holds) breaks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

from banksman_cloud.answering import Adviser
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.server import Listener, Server, Site
from banksman_cloud.settings import Settings
from banksman_cloud.storage.port import Engine
from banksman_cloud.storage.sqlite import SqliteEngine
from banksman_cloud.web.callers import DeveloperIdentity

log = logging.getLogger(__name__)


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
    adviser = Adviser.load(settings.decide)
    engine = make_engine(settings)
    await engine.open()
    try:
        pictures = None if settings.database else PictureFolder(settings.folder / "pictures")
        endpoint = Endpoint(engine, time.time_ns, pictures)
        site = Site(endpoint, DeveloperIdentity(), adviser, time.time_ns)
        server = Server([Listener(sock, site.routes, site.gate) for sock in sockets])
        await server.start()
        try:
            ready()
            await _told_to_end(leash)
        finally:
            await server.stop()
    finally:
        await engine.close()


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
