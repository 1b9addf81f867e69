"""The endpoint as an attacker finds it: plain HTTP, so that every byte is the attacker's choice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from cloud_site import CloudSite

from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.sqlite import SqliteEngine


@pytest.fixture
async def endpoint(tmp_path) -> AsyncIterator[Endpoint]:
    engine = SqliteEngine(tmp_path / "cloud.db")
    await engine.open()
    yield Endpoint(engine, time.time_ns)
    await engine.close()


@pytest.fixture
async def site(endpoint) -> AsyncIterator[CloudSite]:
    async with CloudSite(endpoint, time.time_ns) as running:
        yield running


class Wire:
    """A bare connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Wire:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, path: str = "/v1/ingest", **fields: str) -> None:
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def status(self) -> int:
        line = await self.reader.readline()
        return int(line.split()[1]) if line else 0


@pytest.fixture
def wire(site):
    return lambda: Wire(site.port)
