"""The endpoint on a port of loopback, on the test's own loop, and a client for it."""

from __future__ import annotations

from typing import Any

import aiohttp

from banksman_cloud.answering import Adviser
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.server import Listener, Server, Site, bind
from banksman_cloud.web.callers import DeveloperIdentity
from banksman_cloud.web.turnstile import Turnstile


class CloudSite:
    """``async with`` it; ``url`` is where it is."""

    def __init__(
        self,
        endpoint: Endpoint,
        now: Any,
        adviser: Adviser | None = None,
        turnstile: Turnstile | None = None,
        *,
        remote_desk: bool = False,
    ) -> None:
        self.turnstile = turnstile or Turnstile()
        self.site = Site(
            endpoint,
            DeveloperIdentity(),
            adviser or Adviser(None),
            now,
            remote_desk=remote_desk,
            turnstile=self.turnstile,
        )
        self._sock = bind("127.0.0.1", 0)
        self.port = self._sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = Server([Listener(self._sock, self.site.routes, self.site.gate)])

    async def __aenter__(self) -> CloudSite:
        await self._server.start()
        self.client = aiohttp.ClientSession(
            self.url, cookie_jar=aiohttp.CookieJar(unsafe=True), auto_decompress=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self._server.stop()

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """(status, JSON, headers)."""
        async with self.client.request(method, path, **options) as answer:
            body = await answer.read()
            value = await answer.json(content_type=None) if body else None
            return answer.status, value, answer.headers

    async def ingest(self, packed: bytes, **headers: str) -> tuple[int, Any, Any]:
        """Send a batch that is packed already."""
        return await self.ask(
            "POST", "/v1/ingest", data=packed, headers={"Content-Encoding": "zstd", **headers}
        )
