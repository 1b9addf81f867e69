"""Quality control on the page: what it saw, what a person says of it, how it is taught."""

import msgspec
import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PASSWORD = "three words here"


async def log_in(page, plant):
    await page.fill("input[name=code]", plant.code)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("#login button[type=submit]")


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 360, "dark")],
)
async def test_what_waits_for_a_person_is_shown_with_its_picture(
    open_page, shoot, watched, name, width, scheme
):
    page = await open_page(width=width, scheme=scheme)
    shots = page.locator("#exhibits > li")
    await expect(shots).to_have_count(4)
    await expect(page.locator("#quality-sum")).to_have_text("3 for review · 1 pass to check")
    station = page.locator('[data-station="caps"] .note')
    await expect(station).to_contain_text("on litert-xnnpack, not on tensorrt")
    await expect(station).to_contain_text("212 doubtful (1.2 %)")
    await expect(station).to_contain_text("Escapes: 0 of the 212 passes drawn by chance looked at")
    await expect(page.locator('[data-station="caps"] .value')).to_have_text("caps-3")
    picture = shots.first.locator("img")
    await picture.scroll_into_view_if_needed()
    await page.wait_for_function(
        "() => document.querySelector('#exhibits img').naturalWidth === 320"
    )
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    await page.select_option("#quality-which", "waiting=true&passes=true")
    await expect(shots).to_have_count(1)
    await page.select_option("#quality-which", "")
    await expect(shots).to_have_count(7)
    for place in range(7):
        await shots.nth(place).scroll_into_view_if_needed()
    await shoot(page, f"quality-{name}")
    assert watched.errors == []


async def test_an_answer_is_kept_and_leaves_the_list(open_page, plant):
    page = await open_page()
    first = page.locator("#exhibits > li").first
    name = await first.get_attribute("data-exhibit")
    await first.get_by_role("button", name="Good part").click()
    await log_in(page, plant)
    await expect(page.locator("#toast")).to_have_text("Kept as an example of a good part.")
    await expect(page.locator("#exhibits > li")).to_have_count(3)
    answered = [each for each in plant.quality.exhibits(None, False, 10, None) if each.id == name]
    assert answered[0].answer == "good"
    assert plant.quality.done == ["review answered"]


async def test_an_escape_that_a_person_finds_is_in_the_rate_at_once(open_page, plant):
    page = await open_page()
    await page.select_option("#quality-which", "waiting=true&passes=true")
    await page.locator("#exhibits > li").first.get_by_role("button", name="Defect").click()
    await log_in(page, plant)
    station = page.locator('[data-station="caps"] .note')
    await expect(station).to_contain_text("Escapes: 1 of the 213 passes drawn by chance looked at")
    await expect(page.locator("#exhibits-none")).to_have_text("No picture waits for a person.")


async def test_the_heat_map_can_be_put_away(open_page):
    page = await open_page()
    canvas = page.locator("#exhibits canvas").first
    await expect(canvas).to_be_visible()
    await page.uncheck("#quality-heat")
    await expect(canvas).to_be_hidden()


@pytest.mark.parametrize(("name", "width"), [("light", 1280), ("phone", 360)])
async def test_a_station_is_taught_from_the_first_part_to_a_bundle_in_use(
    open_page, plant, shoot, name, width
):
    page = await open_page(width=width)
    await page.click('[data-station="caps"] button')
    await expect(page.locator("#teach-fit")).to_be_disabled()
    await page.click("#teach-good")
    await log_in(page, plant)
    await expect(page.locator("#teach-taken")).to_contain_text("100 good parts")
    await page.fill("#teach-defect-label", "scratch")
    await page.click("#teach-defect")
    await expect(page.locator("#teach-taken")).to_contain_text("10 scratch")
    await page.click("#teach-fit")
    await expect(page.locator("#teach-histogram rect.good").first).to_be_attached()
    rates = page.locator("#teach-rates label")
    await expect(rates).to_have_count(6)
    await expect(rates.nth(5)).to_contain_text("so few parts cannot prove it")
    await rates.nth(1).click()
    await shoot(page, f"teach-{name}")
    await page.click("#teach-save")
    await expect(page.locator("#teach-counts")).to_contain_text("caps-4")
    await page.click("#teach-confirm")
    await expect(page.locator("#teach-use")).to_have_text("In use: caps-4")
    assert "commissioning confirmed" in plant.quality.done


async def test_what_cannot_be_done_yet_is_told_in_the_boxs_own_words(open_page, plant):
    page = await open_page()
    plant.quality.commission.good = 0
    await page.click('[data-station="caps"] button')
    await page.evaluate("document.getElementById('teach-fit').disabled = false")
    await page.click("#teach-fit")
    await log_in(page, plant)
    await expect(page.locator("#toast")).to_contain_text("good parts are too few")


async def test_the_person_who_teaches_sees_what_the_camera_sees(open_page):
    page = await open_page()
    await page.click('[data-station="caps"] button')
    await expect(page.locator("#teach-live")).to_be_visible()
    await page.wait_for_function("() => document.getElementById('teach-live').naturalWidth === 320")


async def test_what_hinders_and_what_is_odd_is_told_as_text(open_page, plant, shoot):
    commission = plant.quality.commission
    seen = commission.view
    odd = "part <b>0003</b> is much darker than the others"
    commission.view = lambda: msgspec.structs.replace(
        seen(), no_picture="no picture comes: cable", remarks=(odd,)
    )
    page = await open_page(width=360, scheme="dark")
    await page.click('[data-station="caps"] button')
    await expect(page.locator("#teach-camera")).to_have_text("no picture comes: cable")
    await expect(page.locator("#teach-remarks li")).to_have_text(odd)
    await expect(page.locator("#teach-live")).to_be_hidden()
    await shoot(page, "teach-hindered")


async def test_the_parts_are_not_forgotten_by_one_slip(open_page, plant):
    plant.quality.commission.good = 100
    page = await open_page()
    await page.click('[data-station="caps"] button')
    await page.click("#teach-drop")
    await page.click("#teach-sure-no")
    await expect(page.locator("#teach-drop")).to_be_visible()
    assert plant.quality.commission.good == 100
    await page.click("#teach-drop")
    await page.click("#teach-sure-yes")
    await log_in(page, plant)
    await expect(page.locator("#teach-taken")).to_have_text("0 good parts")
    await expect(page.locator("#teach-drop")).to_be_hidden()


@pytest.mark.parametrize(("name", "width"), [("light", 1280), ("phone", 360)])
async def test_a_part_that_was_taken_by_mistake_is_removed_and_put_back(
    open_page, plant, shoot, watched, name, width
):
    plant.quality.commission.good = 40
    page = await open_page(width=width)
    await page.click('[data-station="caps"] button')
    await page.click("#teach-parts summary")
    parts = page.locator("#teach-parts-list > li")
    await expect(parts).to_have_count(12)
    await expect(page.locator("#teach-parts-sum")).to_have_text("5 look odd: really good?")
    await expect(parts.first).to_contain_text("really good? 4.0 × from the others")
    await page.wait_for_function(
        "() => document.querySelector('#teach-parts-list img').naturalWidth > 0"
    )
    await shoot(page, f"parts-{name}")
    await page.get_by_role("button", name="Remove Good 7").click()
    await log_in(page, plant)
    await expect(page.locator("#teach-taken")).to_have_text("39 good parts")
    assert plant.quality.commission.removed == ["good-0007"]
    await page.click("#teach-parts-more")
    await expect(parts).to_have_count(40)
    await page.get_by_role("button", name="Put back Good 7").click()
    await expect(page.locator("#teach-taken")).to_have_text("40 good parts")
    assert watched.errors == []
