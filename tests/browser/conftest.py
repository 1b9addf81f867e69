"""Debian's Chromium on the page of a living fake plant. Set BANKSMAN_SHOTS to keep screenshots."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from banksman.clock import SystemClock
from banksman.web.fake_page import FakePage, live

CHROMIUM = Path("/usr/bin/chromium")
HAS_CHROMIUM = CHROMIUM.exists()
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Open = Callable[..., Awaitable[Page]]


class Watched:
    """What the browser asked for and complained about."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[FakePage]:
    clock = SystemClock()
    async with FakePage(clock, tmp_path) as page:
        running = asyncio.create_task(live(page.appliance, clock))
        yield page
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not HAS_CHROMIUM:
        pytest.skip("chromium is not installed (apt install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(ARGUMENTS)
        )
        yield launched
        await launched.close()


@pytest.fixture
async def open_page(plant: FakePage, browser: Browser, watched: Watched) -> AsyncIterator[Open]:
    """Open the page and wait until it is live: ``open_page(width=360, scheme="dark")``."""
    contexts: list[BrowserContext] = []

    async def opened(width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and watched.errors.append(line.text))
        await page.goto(plant.url)
        await page.wait_for_selector("body[data-stream=live]")
        await page.wait_for_selector("#sensors .tile")
        return page

    yield opened
    for context in contexts:
        await context.close()


@pytest.fixture
def shoot() -> Callable[[Page, str], Awaitable[None]]:
    """Keep a screenshot for people to look at, when a folder was named for them."""

    async def shot(page: Page, name: str) -> None:
        if folder := os.environ.get("BANKSMAN_SHOTS"):
            await page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    return shot
