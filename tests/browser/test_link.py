"""The uplink's last hour on the page: its curves, its troubles, on a phone and in the dark."""

import re

import pytest
from playwright.async_api import expect

from banksman.status import SyncHistory, SyncStatus

pytestmark = pytest.mark.browser


async def test_the_link_shows_its_last_hour_and_how_long_it_was_down(open_page, plant, shoot):
    page = await open_page()
    await expect(page.locator("#uplink-sum")).to_have_text(re.compile("60 min: 4 min down"))
    await expect(page.locator("#uplink-plot path.line")).to_have_count(2)
    await expect(page.locator("#uplink-plot rect.down")).to_have_count(1)
    title = page.locator("#uplink-plot rect.down title")
    await expect(title).to_have_text(re.compile("down, profile thin"))
    await shoot(page, "link")


async def test_a_gap_in_the_curve_is_a_gap(open_page, plant):
    page = await open_page()
    path = page.locator("#uplink-plot path.line").first
    await expect(path).to_have_attribute("d", re.compile("M.*M"))


async def test_a_box_without_an_uplink_shows_none(open_page, plant):
    plant.appliance.sync = SyncStatus()
    page = await open_page()
    await expect(page.locator("#uplink")).to_be_hidden()


async def test_before_anything_is_measured_it_says_so(open_page, plant):
    plant.appliance.sync_history = SyncHistory
    page = await open_page()
    await expect(page.locator("#uplink-none")).to_be_visible()
    await expect(page.locator("#uplink-plot svg")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone(open_page, plant, shoot, scheme):
    page = await open_page(width=360, height=740, scheme=scheme)
    await expect(page.locator("#uplink-plot svg")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await shoot(page, f"link-phone-{scheme}")
