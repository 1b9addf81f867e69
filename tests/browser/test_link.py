"""The uplink's last hour on the page: its curves, its troubles, on a phone and in the dark."""

import re

import msgspec
import pytest
from playwright.async_api import expect

from banksman.status import OldestRow, SyncHistory, SyncStatus, ThinnedPeriod

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


async def test_what_went_up_thinned_and_what_waits_longest_is_shown(open_page, plant):
    appliance = plant.appliance
    day_ns = 86_400 * 10**9
    appliance.sync = msgspec.structs.replace(
        appliance.sync, readings_thinned=9000, thinned=(ThinnedPeriod(day_ns, 2 * day_ns, 9000),)
    )
    oldest = {
        "critical": OldestRow("press-1-7", "decision", "cloud", 7200, 4, 900, -3600),
        "normal": OldestRow("press-1-9", "decision", "cloud", 3, 0, 900),
    }
    status = msgspec.structs.replace(appliance.store_status(), oldest=oldest)
    appliance.store_status = lambda: status
    page = await open_page()
    records = page.locator("#records")
    await expect(records).to_contain_text("1970-01-02 00:00Z to 1970-01-03 00:00Z")
    await expect(records).to_contain_text("Oldest critical")
    await expect(records).to_contain_text("4 tries in vain, 60 min over its deadline")
    await expect(records).not_to_contain_text("Oldest normal")
