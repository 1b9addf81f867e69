"""Host names to addresses, so that a name server that hangs holds up nobody else. Main loop.

    resolve(host) --> a thread of its own asks the system, so long at most --> addresses
                      no answer in time, or none at all                    --> the last good ones

Rules of this file
- The system's resolver cannot be interrupted: `THREADS_MOST` threads are the most that ever hang in
  it. They are daemons, so that one that hangs does not hold up the end of the process either.
- The last good addresses are better than none, however old: the name server is often behind the
  very router that has just come back, and who answers there must show the endpoint's certificate.
- An answer that comes too late for who asked is kept for the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

WITHIN_S = 5.0
KEPT_WITHIN_S = 0.5  # there are addresses from before
THREADS_MOST = 2
HOSTS_MOST = 8

Infos = list[tuple[Any, ...]]
Look = Callable[..., Infos]
Key = tuple[str, int, int]


class Names(AbstractResolver):
    """See the rules above. ``look`` is `socket.getaddrinfo`. ``kept``: answered from before."""

    def __init__(self, look: Look = socket.getaddrinfo) -> None:
        self.kept = 0
        self._look = look
        self._good: dict[Key, list[ResolveResult]] = {}
        self._free = threading.BoundedSemaphore(THREADS_MOST)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of ``host``. Raises OSError."""
        key = (host, port, int(family))
        good = self._good.get(key)
        within_s = WITHIN_S if good is None else KEPT_WITHIN_S
        try:
            async with asyncio.timeout(within_s):
                return list(await self._ask(key))
        except OSError as error:  # TimeoutError is one
            if good is None:
                why = str(error) or f"no name server answers within {within_s:g} s"
                raise OSError(f"the name {host} is not found: {why}") from None
        self.kept += 1
        return list(good)

    async def close(self) -> None:
        """Nothing is held but by threads, which end by themselves."""

    def _ask(self, key: Key) -> asyncio.Future[list[ResolveResult]]:
        if not self._free.acquire(blocking=False):
            raise OSError(f"{THREADS_MOST} questions before it have no answer yet")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[ResolveResult]] = loop.create_future()

        def done(found: list[ResolveResult] | OSError) -> None:
            if isinstance(found, list):
                self._keep(key, found)
            if answer.done():
                return
            if isinstance(found, list):
                answer.set_result(found)
            else:
                answer.set_exception(found)

        def work() -> None:
            try:
                found = self._found(key)
            finally:
                self._free.release()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(done, found)

        threading.Thread(target=work, name="names", daemon=True).start()
        return answer

    def _found(self, key: Key) -> list[ResolveResult] | OSError:
        host, port, family = key
        try:
            infos = self._look(
                host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
        except (OSError, UnicodeError) as error:
            return error if isinstance(error, OSError) else OSError(str(error))
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=int(kind),
                proto=int(protocol),
                flags=int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV),
            )
            for kind, _, protocol, _, address in infos
        ] or OSError("it has no address")

    def _keep(self, key: Key, found: list[ResolveResult]) -> None:
        self._good.pop(key, None)
        while len(self._good) >= HOSTS_MOST:
            del self._good[next(iter(self._good))]
        self._good[key] = found
