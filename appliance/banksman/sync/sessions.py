"""HTTP sessions that follow the box's identity: a new certificate drops nothing that is in flight.

    lend() --> session of the newest TLS context
    context changes: the next request gets a new session, the old one closes behind its last user
    a request fails: the same; the connections of the others stay open until they are done

One event loop; `aiohttp.ClientSession` is its connections. There are no more retired sessions than
requests under way.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

import aiohttp


class _Session:
    """A session, its users, and whether it takes no more."""

    def __init__(self, http: aiohttp.ClientSession, context: ssl.SSLContext | None) -> None:
        self.http = http
        self.context = context
        self.users = 0


class Sessions:
    """``tls`` gives the context to use now (None: the system's), ``make`` a session of it."""

    def __init__(
        self,
        tls: Callable[[], ssl.SSLContext | None],
        make: Callable[[ssl.SSLContext | None], aiohttp.ClientSession],
    ) -> None:
        self._tls = tls
        self._make = make
        self._newest: _Session | None = None
        self._retired: set[_Session] = set()

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A session for one request. An exception in it lets nobody use it any more."""
        context = self._tls()
        session, old = self._newest, None
        if session is None or session.context is not context:
            old, session = session, _Session(self._make(context), context)
            self._newest = session
        session.users += 1
        try:
            if old is not None:
                await self._retire(old)
            yield session.http
        except Exception:
            # What is idle beside a connection that broke is dead like it; what is busy may not be.
            await self._retire(session)
            raise
        finally:
            session.users -= 1
            if session in self._retired and not session.users:
                self._retired.discard(session)
                await session.http.close()

    async def forget(self) -> None:
        """Close every connection, in use or not: the next request makes a new one."""
        sessions = {*self._retired, *([self._newest] if self._newest else [])}
        self._newest = None
        self._retired.clear()
        for session in sessions:
            await session.http.close()

    async def _retire(self, session: _Session) -> None:
        if session is self._newest:
            self._newest = None
        if session.http.closed:
            return
        if session.users:
            self._retired.add(session)
        else:
            await session.http.close()
