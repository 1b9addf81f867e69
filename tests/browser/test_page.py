"""What a person sees and does on the page, in a real Chromium."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from banksman.clock import SystemClock
from banksman.config.schema_services import WebSettings
from banksman.status import Readiness
from banksman.web.fake_page import FakePage
from banksman.wire.messages import Priority

pytestmark = pytest.mark.browser
Open = Callable[..., Awaitable[Page]]
Shoot = Callable[[Page, str], Awaitable[None]]
PASSWORD = "three words here"
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


async def sign_in(page: Page, plant: FakePage) -> None:
    """Fill the dialog that asks for the setup code and the first password."""
    await page.fill("#login [name=code]", plant.code)
    await page.fill("#login [name=password]", PASSWORD)
    await page.click("#login [type=submit]")


async def test_live_values_move_with_their_units(open_page: Open, plant: FakePage) -> None:
    page = await open_page()
    value = page.locator("[data-sensor='plc.oven_temperature'] .reading")
    await expect(value).to_contain_text("°C")
    plant.appliance.override("plc.oven_temperature", 231.5)
    await expect(value).to_contain_text("231.5")


async def test_the_header_says_who_where_and_in_which_mode(
    open_page: Open, plant: FakePage
) -> None:
    page = await open_page()
    await expect(page.locator("#node")).to_have_text("press-line-2")
    await expect(page.locator("#site")).to_have_text("Hall 2")
    await expect(page.locator("#mode")).to_contain_text("OBSERVE")
    plant.appliance.mode = "armed"
    await expect(page.locator("#mode")).to_contain_text("ARMED")


async def test_a_decision_appears_on_top_with_its_reason(open_page: Open, plant: FakePage) -> None:
    page = await open_page()
    plant.appliance.decide("quality_control", "press", "reject", "force is 612 kN", "rule", 0.55)
    row = page.locator("#decisions tr", has_text="force is 612 kN")
    await expect(row).to_contain_text("Quality control")
    await expect(row).to_contain_text("55 %")
    await expect(row).to_contain_text("for review")


async def test_a_trip_appears_big_says_its_cause_and_is_said_aloud(
    open_page: Open, plant: FakePage, shoot: Shoot
) -> None:
    page = await open_page()
    plant.appliance.trip("emergency_stop", "circuit 1 is open")
    card = page.locator("[data-trip=emergency_stop]")
    await expect(card).to_contain_text("TRIPPED, LATCHED")
    await expect(card).to_contain_text("circuit 1 is open")
    await expect(card).to_contain_text("cannot be reset from here")
    await expect(card.locator("button")).to_be_hidden()
    await expect(page.locator("#spoken")).to_contain_text("Emergency stop, press line has tripped")
    await expect(page.locator("#tripped")).to_contain_text("1 trip latched")
    await expect(page.locator("[data-output='guard.run_permit']")).to_contain_text("held safe:")
    await shoot(page, "tripped")


async def test_a_process_trip_cannot_be_reset_while_its_cause_holds(
    open_page: Open, plant: FakePage
) -> None:
    page = await open_page()
    plant.appliance.trip("conveyor_jam", "belt stands")
    button = page.locator("[data-trip=conveyor_jam] button")
    await expect(button).to_be_disabled()
    plant.appliance.clear_causes("conveyor_jam")
    await expect(button).to_be_enabled()
    await expect(page.locator("[data-trip=conveyor_jam]")).to_contain_text("Reset it here. A reset")


async def test_a_reset_asks_for_the_operator_and_works_with_the_setup_code(
    open_page: Open, plant: FakePage
) -> None:
    plant.appliance.trip("conveyor_jam", "belt stands", holds=False)
    page = await open_page()
    await page.click("[data-trip=conveyor_jam] button")
    await expect(page.locator("#login")).to_be_visible()
    assert "reset" not in plant.appliance.done
    await sign_in(page, plant)
    await expect(page.locator("[data-trip=conveyor_jam]")).to_contain_text("clear")
    await expect(page.locator("#toast")).to_contain_text("Nothing was restarted")
    assert plant.appliance.done == ["password_set", "reset"]


async def test_a_wrong_code_is_told_in_words_and_a_right_one_still_works(
    open_page: Open, plant: FakePage
) -> None:
    page = await open_page()
    await page.click("#operator")
    await page.fill("#login [name=code]", "22222-22222")
    await page.fill("#login [name=password]", PASSWORD)
    await page.click("#login [type=submit]")
    await expect(page.locator("#login-problem")).to_contain_text("setup code is wrong")
    await sign_in(page, plant)
    await expect(page.locator("#operator")).to_have_text("Log out")


async def test_cancelling_the_login_resets_nothing(open_page: Open, plant: FakePage) -> None:
    plant.appliance.trip("conveyor_jam", "belt stands", holds=False)
    page = await open_page()
    await page.click("[data-trip=conveyor_jam] button")
    await page.click("#login [data-close]")
    await expect(page.locator("#login")).to_be_hidden()
    await expect(page.locator("[data-trip=conveyor_jam] button")).to_be_enabled()
    assert plant.appliance.done == []


async def test_after_logging_out_a_reset_asks_again(open_page: Open, plant: FakePage) -> None:
    plant.appliance.trip("conveyor_jam", "belt stands", holds=False)
    page = await open_page()
    await page.click("#operator")
    await sign_in(page, plant)
    await page.click("#operator")
    await expect(page.locator("#operator")).to_have_text("Log in")
    await page.click("[data-trip=conveyor_jam] button")
    await expect(page.locator("#login")).to_be_visible()
    assert "reset" not in plant.appliance.done


async def test_an_alarm_that_begins_with_a_name_shows_it_as_it_is_written(
    open_page: Open, plant: FakePage
) -> None:
    page = await open_page()
    plant.appliance.alarm("trip.oven", "plc.oven_temperature > '220 degC'", Priority.CRITICAL)
    plant.appliance.alarm("door", "the door is open", Priority.CRITICAL)
    first_letter = "p => getComputedStyle(p, '::first-letter').textTransform"
    for key, case in (("trip.oven", "none"), ("door", "uppercase")):
        text = page.locator(f"[data-alarm='{key}'] .text")
        await expect(text).to_be_visible()
        assert await text.evaluate(first_letter) == case


async def test_what_an_alarm_caused_is_folded_into_it_and_asks_for_nothing(
    open_page: Open, plant: FakePage
) -> None:
    page = await open_page()
    lost = "plc: connection refused; check its power and cable"
    plant.appliance.alarm("device.plc", lost, Priority.CRITICAL)
    for name in ("hopper", "press", "oven"):
        plant.appliance.alarm(name, f"{name} unknown", Priority.NORMAL, under="device.plc")
    plant.appliance.alarm("late", "stands alone", Priority.NORMAL, under="device.gone")
    row = page.locator('[data-alarm="device.plc"]')
    await expect(row.locator("summary")).to_have_text("It caused 3 more")
    await expect(row.locator("details li")).to_have_count(3)
    await expect(row.get_by_text("hopper unknown")).to_be_visible()
    await expect(page.locator("#alarms > li")).to_have_count(2)
    await expect(page.locator("#alarms-sum")).to_have_text("1 to acknowledge")
    await expect(row.get_by_role("button", name="Acknowledge")).to_have_count(1)
    await row.locator("summary").click()
    plant.appliance.alarm("belt", "belt unknown", Priority.NORMAL, under="device.plc")
    await expect(row.locator("summary")).to_have_text("It caused 4 more")
    await expect(row.get_by_text("belt unknown")).not_to_be_visible()


async def test_an_alarm_is_acknowledged(open_page: Open, plant: FakePage) -> None:
    page = await open_page()
    await expect(page.locator("#alarms")).to_contain_text("No alarms.")
    plant.appliance.alarm("door/1", "Yard door is open", Priority.CRITICAL)
    row = page.locator("[data-alarm='door/1']")
    await expect(row).to_contain_text("Critical, active")
    await row.get_by_role("button", name="Acknowledge").click()
    await sign_in(page, plant)
    await expect(row).to_contain_text("acknowledged by operator")
    await expect(row.get_by_role("button", name="Acknowledge")).to_be_hidden()


async def test_an_alarm_is_shelved_and_taken_back(open_page: Open, plant: FakePage) -> None:
    page = await open_page()
    plant.appliance.alarm("machine.press", "Press bearing is +3.1 sigma", Priority.IMPORTANT)
    row = page.locator("[data-alarm='machine.press']")
    await row.get_by_role("button", name="Shelve").click()
    await sign_in(page, plant)
    await expect(row).to_contain_text("shelved until")
    await row.get_by_role("button", name="Take from the shelf").click()
    await expect(row).not_to_contain_text("shelved until")


async def test_hostile_text_stays_text(open_page: Open, plant: FakePage, watched: object) -> None:
    appliance = plant.appliance
    appliance.labels["plc.press_force"] = HOSTILE
    appliance.alarm(HOSTILE, HOSTILE, Priority.CRITICAL, HOSTILE)
    appliance.trip("oven_overheat", HOSTILE)
    appliance.lose("agv", HOSTILE)
    appliance.ready = Readiness(False, (HOSTILE,))
    page = await open_page()
    appliance.decide("quality_control", HOSTILE, HOSTILE, HOSTILE, "rule", 0.9)
    await expect(page.locator("#decisions")).to_contain_text(HOSTILE)
    for place in ("#alarms", "#trips", "#devices", "#sensors", "#unready"):
        await expect(page.locator(place)).to_contain_text(HOSTILE)
    await page.click("[data-sensor='plc.press_force']")
    await expect(page.locator("#plot-title")).to_have_text(HOSTILE)
    injected = page.locator("img[onerror], img[src=x], main script, dialog script")
    assert await injected.count() == 0
    assert "owned" not in await page.title()


async def test_a_lost_device_marks_its_values_as_unfit(open_page: Open, plant: FakePage) -> None:
    page = await open_page()
    plant.appliance.lose("agv", "no state for 4 s: is the broker up?")
    tile = page.locator("[data-sensor='agv.speed']")
    await expect(tile).to_contain_text("stale")
    await expect(tile.locator(".reading")).to_contain_text("–")
    await expect(page.locator("[data-device=agv]")).to_contain_text("is the broker up?")


async def test_losing_the_stream_is_shown_bars_operating_and_its_return_is_shown_too(
    open_page: Open, plant: FakePage, shoot: Shoot
) -> None:
    plant.appliance.trip("conveyor_jam", "belt stands", holds=False)
    page = await open_page()
    await page.context.set_offline(True)
    await plant.server._runner.server.shutdown(0.1)
    await expect(page.locator("#lost")).to_contain_text("No live data since", timeout=15_000)
    await expect(page.locator("#stream")).to_contain_text("lost")
    await page.click("[data-trip=conveyor_jam] button")
    await expect(page.locator("#toast")).to_contain_text("what you see may be old")
    await shoot(page, "lost")
    await page.context.set_offline(False)
    await expect(page.locator("#lost")).to_be_hidden(timeout=30_000)
    await expect(page.locator("#stream")).to_contain_text("live")


async def test_a_tile_opens_a_plot_with_axis_time_and_unit(open_page: Open) -> None:
    page = await open_page()
    await page.locator("[data-sensor='plc.oven_temperature']").focus()
    await page.keyboard.press("Enter")
    plot = page.locator("#plot")
    await expect(plot.locator("svg text", has_text="°C").first).to_be_visible()
    await expect(plot.locator("svg text", has_text=":").first).to_be_visible()
    await expect(page.locator("#plot-sum")).to_contain_text("lowest")
    await page.keyboard.press("Escape")
    await expect(plot).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_is_readable_in_light_and_dark(
    open_page: Open, plant: FakePage, scheme: str, shoot: Shoot
) -> None:
    plant.appliance.trip("conveyor_jam", "belt stands", holds=False)
    plant.appliance.alarm("a", "Conveyor jam", Priority.CRITICAL)
    plant.appliance.alarm("b", "Bearing wears", Priority.IMPORTANT)
    plant.appliance.lose("agv", "gone")
    plant.appliance.mode = "armed"
    page = await open_page(scheme=scheme)
    await expect(page.locator("[data-trip=conveyor_jam]")).to_contain_text("LATCHED")
    ratio, where = await page.evaluate(CONTRAST)
    assert 4.5 <= ratio < 21, where
    ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (max(int(part) for part in ground[4:-1].split(",")) < 60) is (scheme == "dark")
    await shoot(page, f"desktop-{scheme}")


async def test_on_a_phone_nothing_scrolls_sideways(
    open_page: Open, plant: FakePage, shoot: Shoot
) -> None:
    plant.appliance.trip("emergency_stop", "circuit " + "with_a_very_long_name_" * 6)
    plant.appliance.alarm("a" * 90, "B" * 200, Priority.CRITICAL)
    page = await open_page(width=360, height=760)
    plant.appliance.decide("quality_control", "p" * 60, "act" * 20, "r" * 200, "rule", 0.5)
    await expect(page.locator("#decisions")).to_contain_text("r" * 200)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await shoot(page, "phone")


async def test_everything_that_can_be_pressed_is_big_enough_for_a_finger(open_page: Open) -> None:
    page = await open_page(width=360, height=760)
    heights = await page.evaluate(
        "[...document.querySelectorAll('button')].filter((b) => b.checkVisibility())"
        ".map((b) => b.getBoundingClientRect().height)"
    )
    assert len(heights) > 5
    assert min(heights) >= 38


async def test_nothing_leaves_the_box_and_nothing_fails(
    open_page: Open, plant: FakePage, watched: object
) -> None:
    page = await open_page()
    await page.click("[data-sensor='plc.oven_temperature']")
    await page.goto(f"{plant.url}/api")
    await page.wait_for_selector("#schemas details")
    origins = {urlsplit(url).netloc for url in watched.requests}
    assert origins == {urlsplit(plant.url).netloc}
    assert len(watched.requests) > 10
    assert watched.errors == []


async def test_beyond_loopback_the_page_shows_nothing_before_the_login(
    browser: Browser, tmp_path: Path
) -> None:
    clock = SystemClock()
    settings = WebSettings(bind="0.0.0.0").model_copy(update={"port": 0})
    folder = tmp_path / "remote"
    folder.mkdir()
    async with FakePage(clock, folder, settings) as plant:
        plant.appliance.publish()
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        await page.goto(plant.url)
        await expect(page.locator("#login")).to_be_visible()
        assert await page.locator("#sensors .tile").count() == 0
        await sign_in(page, plant)
        await expect(page.locator("#stream")).to_contain_text("live")
        await expect(page.locator("#sensors .tile").first).to_be_visible()
        await context.close()


async def test_the_stream_updates_in_place_so_that_focus_stays(
    open_page: Open, plant: FakePage
) -> None:
    plant.appliance.trip("conveyor_jam", "belt stands", holds=False)
    page = await open_page()
    await page.focus("[data-trip=conveyor_jam] button")
    before = await page.inner_text("#clock")
    async with asyncio.timeout(40):
        while await page.inner_text("#clock") == before:
            await asyncio.sleep(0.05)
    assert await page.evaluate("document.activeElement.closest('[data-trip]')?.dataset.trip") == (
        "conveyor_jam"
    )
