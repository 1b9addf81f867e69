"""A served fake plant, an operator who is logged in, and raw sockets for those who mean harm."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from banksman.clock import ManualClock
from banksman.web.fake_page import FakePage

PASSWORD = "three words here"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def page(clock: ManualClock, tmp_path: Path) -> AsyncIterator[FakePage]:
    async with FakePage(clock, tmp_path) as served:
        yield served


@pytest.fixture
async def client(page: FakePage) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of a bare address
    async with aiohttp.ClientSession(page.url, cookie_jar=jar) as session:
        yield session


@pytest.fixture
async def operator(page: FakePage, client: aiohttp.ClientSession) -> SimpleNamespace:
    """``client`` logged in; a conveyor jam is latched and could be reset."""
    page.appliance.trip("conveyor_jam", "belt stands", holds=False)
    body = {"code": page.code, "password": PASSWORD}
    async with client.post("/api/v1/session/setup", json=body) as answer:
        state = await answer.json()
    cookie = next(one for one in client.cookie_jar if one.key == "banksman")
    return SimpleNamespace(
        password=PASSWORD, csrf=state["csrf"], headers={"X-CSRF-Token": state["csrf"]},
        token=cookie.value,
    )  # fmt: skip


@pytest.fixture
def send_raw(page: FakePage) -> Callable[[bytes], Awaitable[bytes]]:
    """Send bytes as they are and return what comes back until the server closes or 10 s pass."""

    async def send(raw: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
        try:
            async with asyncio.timeout(10):
                writer.write(raw)
                await writer.drain()
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    return send
