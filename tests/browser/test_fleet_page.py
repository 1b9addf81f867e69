"""The fleet page in a real Chromium, over an endpoint that boxes have spoken to."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from cloud_batches import alarm, decision, packed
from cloud_site import CloudSite
from playwright.async_api import Browser, Page, expect

from banksman.wire.messages import Priority
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.sqlite import SqliteEngine

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.fixture
async def site(tmp_path) -> AsyncIterator[CloudSite]:
    engine = SqliteEngine(tmp_path / "cloud.db")
    await engine.open()
    async with CloudSite(Endpoint(engine, time.time_ns), time.time_ns) as running:
        await running.site.operators.set_password("anna", "correct horse")
        yield running
    await engine.close()


async def box(site: CloudSite, node: str, **beat) -> None:
    """One node that has registered, sent a heartbeat and thirty decisions."""
    now = time.time_ns()
    told = {
        "node": node, "site": "Works 2", "location": "hall B", "version": "1", "mode": "armed",
        "started_wall_ns": now, "hardware": {"model": "Pi 5"}, "devices": [{"id": "plc"}],
    }  # fmt: skip
    assert (await site.ask("PUT", "/v1/node", json=told))[0] == 204
    link = {"interface": "wwan0", "metered": True, "goodput_mbit": 2.3, "round_trip_ms": 180.0}
    heartbeat = {
        "node": node, "wall_ns": now, "mono_ns": 1, "boot_id": "b", "mode": "armed",
        "ready": True, "uptime_s": 90.0, "link": link, "summary": "the press runs",
    }  # fmt: skip
    assert (await site.ask("POST", "/v1/heartbeat", json={**heartbeat, **beat}))[0] == 200
    rows = [decision(n, node=node, wall_ns=now - n * 10**9) for n in range(30)]
    raised = msgspec.structs.replace(alarm(99, node=node, priority=Priority.CRITICAL), wall_ns=now)
    batch = packed(*rows, raised, node=node)
    assert (await site.ingest(batch))[0] == 200


@pytest.fixture
async def open_fleet(site, browser: Browser):
    """Open it and wait until it is live; complaints of the browser end the test."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []

    async def opened(width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text))
        await page.goto(site.url)
        await page.wait_for_selector("body[data-page=live]")
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(site.url)] == []


async def shoot(page: Page, name: str) -> None:
    """Keep a screenshot for people to look at, when a folder was named for them."""
    if folder := os.environ.get("BANKSMAN_SHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def test_a_node_shows_its_state_place_link_and_queue(site, open_fleet):
    await box(site, "press-1", outbox={"critical": 2, "normal": 40}, behind=1200)
    page = await open_fleet()
    card = page.locator("[data-node=press-1]")
    for words in ("up", "armed", "Works 2, hall B", "the press runs", "wwan0, 2.3 Mbit/s, 180 ms"):
        await expect(card).to_contain_text(words)
    await expect(card).to_contain_text("42 records, 2 critical")
    await shoot(page, "fleet")


async def test_a_troubled_node_comes_first_and_says_why(site, open_fleet):
    await box(site, "a-fine")
    await box(site, "b-tripped", latched=["oven_over_temperature"])
    page = await open_fleet()
    first = page.locator("#nodes .node").first
    await expect(first).to_contain_text("tripped: oven_over_temperature")
    await expect(page.locator("#sums .bad")).to_contain_text("tripped")


async def test_a_new_node_appears_without_a_reload(site, open_fleet):
    page = await open_fleet()
    await expect(page.locator("#nodes .node")).to_have_count(0)
    await box(site, "press-1")
    await expect(page.locator("[data-node=press-1]")).to_be_visible()


async def test_alarms_of_all_nodes_are_listed(site, open_fleet):
    await box(site, "press-1")
    page = await open_fleet()
    await expect(page.locator("#alarms li.critical")).to_contain_text("the oven is hot")
    await expect(page.locator("#alarms li.critical")).to_contain_text("press-1")


async def test_decisions_are_searched_and_paged(site, open_fleet):
    await box(site, "press-1")
    page = await open_fleet()
    await expect(page.locator("#records tr")).to_have_count(25)
    await page.click("#older")
    await expect(page.locator("#records tr")).to_have_count(30)
    await page.fill("#filters [name=text]", "OVEN at 17 degc")
    await page.click("#filters [type=submit]")
    await expect(page.locator("#records tr")).to_have_count(1)
    await expect(page.locator("#records")).to_contain_text("oven at 17 degC")


async def test_an_order_is_given_after_logging_in(site, open_fleet):
    await box(site, "press-1")
    page = await open_fleet()
    await page.click("[data-node=press-1]")
    await page.fill("#order [name=name]", "reload_rules")
    await page.click("#order [type=submit]")
    await page.fill("#login [name=name]", "anna")
    await page.fill("#login [name=password]", "correct horse")
    await page.click("#login [type=submit]")
    await expect(page.locator("#details-orders")).to_contain_text("Reload rules by anna")
    await shoot(page, "fleet-node")
    beat = {"node": "press-1", "wall_ns": 1, "mono_ns": 1, "boot_id": "b", "mode": "armed",
            "ready": True, "uptime_s": 1.0}  # fmt: skip
    _, orders, _ = await site.ask("POST", "/v1/heartbeat", json=beat)
    assert orders["orders"][0]["name"] == "reload_rules"


async def test_what_a_node_says_is_never_run(site, open_fleet):
    await box(site, "press-1", summary=HOSTILE)
    await site.ingest(packed(decision(500, node="press-1", reason=HOSTILE), node="press-1"))
    page = await open_fleet()
    await expect(page.locator("[data-node=press-1] .said")).to_have_text(HOSTILE)
    assert await page.title() == "Banksman fleet"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_and_can_be_read(site, open_fleet, scheme):
    await box(site, "press-1", outbox={"critical": 2}, ready=False)
    await box(site, "b-tripped", latched=["oven_over_temperature"])
    page = await open_fleet(width=360, height=780, scheme=scheme)
    await page.wait_for_selector("#records tr")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ratio, place = await page.evaluate(CONTRAST)
    assert ratio >= 4.5, place
    await shoot(page, f"fleet-phone-{scheme}")


async def test_the_api_page_lists_every_address(open_fleet, site):
    page = await open_fleet()
    await page.goto(f"{site.url}/api")
    await expect(page.locator("#paths")).to_contain_text("/v1/ingest")
    await expect(page.locator("#schemas")).to_contain_text("Receipt")


TAKES = {
    "orders": ["ping", "send_diagnosis"],
    "settable": {
        "heartbeat_s": {"least": 1, "most": 3600, "unit": "s", "what": "", "value": 30},
    },
}


async def told(site: CloudSite, node: str) -> None:
    """It says what it takes."""
    registration = {
        "node": node, "site": "Works 2", "location": "hall B", "version": "1", "mode": "armed",
        "started_wall_ns": 1, "capabilities": TAKES,
    }  # fmt: skip
    assert (await site.ask("PUT", "/v1/node", json=registration))[0] == 204


async def log_in(page: Page) -> None:
    await page.fill("#login [name=name]", "anna")
    await page.fill("#login [name=password]", "correct horse")
    await page.click("#login [type=submit]")


async def test_a_value_is_desired_within_its_bounds(site, open_fleet):
    await box(site, "press-1")
    await told(site, "press-1")
    page = await open_fleet()
    await page.click("[data-node=press-1]")
    await expect(page.locator("#desire-fields label")).to_contain_text("1 to 3600")
    await page.fill("#desire [name=heartbeat_s]", "60")
    await page.click("#desire [type=submit]")
    await log_in(page)
    await expect(page.locator("#details-desired")).to_contain_text('"heartbeat_s": 60')


async def test_an_order_that_waits_is_withdrawn(site, open_fleet):
    await box(site, "press-1")
    await told(site, "press-1")
    page = await open_fleet()
    await page.click("[data-node=press-1]")
    await page.fill("#order [name=name]", "ping")
    await page.click("#order [type=submit]")
    await log_in(page)
    await page.click("#details-orders button")
    await expect(page.locator("#details-orders .chip")).to_have_text("Withdrawn")


async def test_a_nodes_link_is_drawn_over_its_heartbeats(site, open_fleet):
    for mbit in (2.0, 8.0, 4.0):
        link = {"interface": "wwan0", "goodput_mbit": mbit, "round_trip_ms": 100.0}
        await box(site, "press-1", link=link)
    page = await open_fleet()
    await page.click("[data-node=press-1]")
    await expect(page.locator("#details-plot svg title")).to_contain_text("up to 8.0 Mbit/s")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_one_node_fits_a_phone(site, open_fleet, scheme):
    for mbit in (2.0, 8.0, 4.0, 6.0, 6.5):
        await box(site, "press-1", link={"interface": "wwan0", "goodput_mbit": mbit})
    await told(site, "press-1")
    page = await open_fleet(width=360, height=740, scheme=scheme)
    await page.click("[data-node=press-1]")
    await expect(page.locator("#details-plot svg")).to_be_visible()
    assert await page.evaluate("document.querySelector('#details').scrollWidth <= innerWidth")
    await shoot(page, f"fleet-node-phone-{scheme}")


async def test_what_is_kept_and_deleted_is_on_the_page(site, open_fleet):
    page = await open_fleet()
    row = page.locator("#kept tr", has_text="Readings")
    await expect(row).to_contain_text("400 days")
    await expect(row).to_contain_text("nothing")
