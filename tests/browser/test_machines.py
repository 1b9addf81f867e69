"""Machines on the page: how they are in words, what that rests on, and a person's word."""

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PASSWORD = "three words here"


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 360, "dark")],
)
async def test_a_machine_is_told_in_words_and_behind_it_what_that_rests_on(
    open_page, shoot, watched, name, width, scheme
):
    page = await open_page(width=width, scheme=scheme)
    spindle = page.locator('[data-machine="spindle"]')
    await expect(spindle).to_contain_text("act now")
    await expect(spindle).to_contain_text("Press spindle")
    await expect(spindle).to_contain_text("bearing, outer race")
    await expect(spindle).to_contain_text("left, 80 %:")
    await expect(page.locator('[data-machine="pump"]')).to_contain_text("normal is 10% learned")
    await expect(page.locator("#machines-sum")).to_have_text("1 of 2 left its normal")
    await spindle.scroll_into_view_if_needed()
    await shoot(page, f"machines-{name}")
    await spindle.click()
    dialog = page.locator("#machine")
    await expect(dialog.locator("[data-vibration] h3")).to_contain_text("acc.x, shaft at 1")
    await expect(dialog.locator("svg .mark").first).to_be_attached()
    await expect(dialog.locator("#machine-hours")).to_contain_text("if the trend goes on as it is")
    await dialog.locator("#machine-row").select_option("bearing.vibration")
    for part in ("band", "limit", "cone", "ahead"):
        await expect(dialog.locator(f"#machine-trend svg .{part}")).to_be_attached()
    wide = await page.evaluate("document.getElementById('machine').scrollWidth")
    assert wide <= width
    if name != "phone":
        await page.set_viewport_size({"width": width, "height": 1900})
    await shoot(page, f"machine-{name}")
    assert watched.errors == []


async def test_it_is_reached_by_keyboard_and_its_plots_are_told_to_who_cannot_see(open_page):
    page = await open_page()
    await page.locator('[data-machine="spindle"]').focus()
    await page.keyboard.press("Enter")
    figures = page.locator("#machine svg[role=img]")
    await expect(figures).to_have_count(3)
    told = await figures.evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    assert "normal from" in told[0]
    assert "marked: " in told[1]
    await page.keyboard.press("Escape")
    await expect(page.locator("#machine")).to_be_hidden()
    await expect(page.locator('[data-machine="spindle"]')).to_be_focused()


async def test_every_trend_that_is_offered_can_be_drawn(open_page, watched):
    page = await open_page()
    await page.click('[data-machine="spindle"]')
    choice = page.locator("#machine-row")
    await expect(choice.locator("option").nth(10)).to_be_attached()
    for name in await choice.locator("option").all_inner_texts():
        await choice.select_option(name)
        await expect(page.locator("#machine-trend figcaption")).to_contain_text(name)
    assert watched.errors == []


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("renew", "It learns that anew."),
        ("replaced", "its hours begin anew"),
        ("failed", "its life is known now"),
    ],
)
async def test_a_persons_word_is_taken_with_a_login(open_page, plant, word, told):
    page = await open_page()
    await page.click('[data-machine="spindle"]')
    await page.click(f"[data-word={word}]")
    await page.fill("input[name=code]", plant.code)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("#login button[type=submit]")
    await expect(page.locator("#toast")).to_contain_text(told)
    await expect(page.locator("#machine-sum")).to_contain_text("not known yet")
    assert [said[:2] for said in plant.machines.said] == [("spindle", word)]
