"""A served fake plant with a clock that moves when told, and a client beside it."""

from collections.abc import AsyncIterator
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
    """Log the client in by the setup code; ``headers`` carry its CSRF token."""
    body = {"code": page.code, "password": PASSWORD}
    async with client.post("/api/v1/session/setup", json=body) as answer:
        state = await answer.json()
    return SimpleNamespace(password=PASSWORD, headers={"X-CSRF-Token": state["csrf"]}, state=state)
