"""Every kind of question on a real page: answered by a person, in each language, on the smallest screen, read aloud."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Shop
from tests.support.browser import DESK, PHONE, SMALLEST, Device, assert_accessible, assert_fits, visitor
from tests.support.every_kind import EVERY_KIND, LANGUAGES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SURVEY = "every-kind"
BUDGET = 14 * 1024  # bytes: what a server may send before the first acknowledgement (RFC 6928: ten segments)
SCRIPT = [pytest.param(True, id="with-script"), pytest.param(False, id="without-script")]


@pytest_asyncio.fixture(loop_scope="session", scope="session", autouse=True)
async def _survey(shop: Shop) -> AsyncIterator[None]:
    await shop.put(f"/v1/surveys/{SURVEY}", EVERY_KIND)
    yield


async def open_survey(browser_context: BrowserContext, shop: Shop, language: str = "en") -> tuple[Page, str]:
    """The survey of a new customer, and who that is."""
    invited = await shop.invite(language, SURVEY)
    page = await browser_context.new_page()
    await page.goto(invited.url)
    return page, invited.customer


async def fill_in(page: Page, score: int) -> None:
    """Answer every question of the first page, each by the name that a screen reader says."""
    group = page.get_by_role("radiogroup")
    await group.filter(has_text="recommend us").get_by_role("radio", name=f"{score} of 10").check()
    await page.get_by_label("Why?").fill("slow, but kind")
    await group.filter(has_text="the room").get_by_role("radio", name="2 of 5").check()
    await group.filter(has_text="the view").get_by_role("radio", name="4 of 5 stars").check()
    await group.filter(has_text="our staff").get_by_role("radio", name="5 of 5").check()
    await group.filter(has_text="breakfast").get_by_role("radio", name="10 of 10").check()
    await group.filter(has_text="solve it").get_by_role("radio", name="No").check()
    await group.filter(has_text="easy for me").get_by_role("radio", name="6 of 7").check()
    await page.get_by_role("radio", name="Fun").check()
    await page.get_by_role("checkbox", name="Food").check()
    await page.get_by_role("checkbox", name="Place").check()
    await page.get_by_label("Which dish").fill("soup")
    times = page.locator("input[name=call]:not([value=no])")
    await expect(times).to_have_count(4)
    await times.nth(2).check()
    await page.locator("[name='call.about']").fill("the bill")
    await page.locator("[name='call.phone']").fill("+49 1512 3456789")
    await page.get_by_role("checkbox", name="You may quote me").check()


async def choose(page: Page, **values: int) -> None:
    """Tap a value of each scale, whatever the language calls it."""
    for name, value in values.items():
        await page.locator(f"input[name={name}][value='{value}']").check()


@pytest.mark.parametrize("script", SCRIPT)
@pytest.mark.parametrize("device", [PHONE, DESK], ids=lambda device: device.name)
async def test_every_kind_of_question_is_answered_and_stored(
    browser: Browser, shop: Shop, device: Device, script: bool
) -> None:
    async with visitor(browser, device, script=script) as context:
        page, customer = await open_survey(context, shop)
        await fill_in(page, score=3)
        chosen = await page.locator("input[name=call]:checked").get_attribute("value")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("What should we fix first?")
        await page.get_by_role("textbox").fill("the soup")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
        await expect(page.get_by_text("We call you on")).to_be_visible()
    (row,) = await shop.responses_of(customer)
    answers = row["answers"]
    assert isinstance(answers, dict)
    call = answers.pop("call")
    assert answers == {
        "nps": 3,
        "why": "slow, but kind",
        "numbers": 2,
        "stars": 4,
        "faces": 5,
        "ten": 10,
        "solved": 0,
        "ces": 6,
        "purpose": "fun",
        "liked": ["food", "place"],
        "dish": "soup",
        "quote": True,
        "fix": "the soup",
    }
    assert (datetime.fromisoformat(call["at"]), call["minutes"]) == (datetime.fromisoformat(chosen or ""), 30)
    assert (call["about"], call["phone"]) == ("the bill", "+4915123456789")
    assert row["scores"] == {"nps": 3, "numbers": 2, "stars": 4, "faces": 5, "ten": 10, "solved": 0, "ces": 6}
    assert (row["status"], row["finished_by"]) == ("finished", "customer")


@pytest.mark.parametrize("script", SCRIPT)
async def test_whoever_returns_goes_on_where_they_were(browser: Browser, shop: Shop, script: bool) -> None:
    async with visitor(browser, PHONE, script=script) as context:
        page, customer = await open_survey(context, shop)
        await fill_in(page, score=2)
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("What should we fix first?")
        address = page.url.partition("?")[0]
    (partial,) = await shop.responses_of(customer)
    assert partial["status"] == "partial"
    async with visitor(browser, DESK, script=script) as another_device:
        page = await another_device.new_page()
        await page.goto(address)
        await expect(page.get_by_role("heading", level=1)).to_contain_text("What should we fix first?")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    (row,) = await shop.responses_of(customer)
    assert (row["id"], row["status"]) == (partial["id"], "finished")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_language_is_spoken_and_what_falls_back_says_so(
    browser: Browser, shop: Shop, language: str, tmp_path: Path
) -> None:
    async with visitor(browser, SMALLEST) as context:
        page, customer = await open_survey(context, shop, language)
        html = page.locator("html")
        await expect(html).to_have_attribute("lang", language)
        await expect(html).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
        # The question is in the language itself, the next one only in English: a screen reader is told.
        heading = page.get_by_role("heading", level=1)
        assert await heading.evaluate("element => element.closest('[lang]').lang") == language
        room = page.get_by_text("How was the room?")
        assert await room.evaluate("element => element.closest('[lang]').lang") == "en"
        assert await room.evaluate("element => getComputedStyle(element).direction") == "ltr"
        await assert_fits(page)
        await assert_accessible(page)
        picture = await page.screenshot(path=tmp_path / f"{language}.png", full_page=True)
        assert len(picture) > 10_000
        await choose(page, nps=9, numbers=5, stars=5, faces=5, ten=10, solved=1, ces=7)
        await page.locator("input[name=purpose][value=work]").check()
        await page.locator("main form button").click()
        await expect(page.locator("main form")).to_have_count(0)
        await assert_accessible(page)
    (row,) = await shop.responses_of(customer)
    assert (row["status"], row["language"], row["score"]) == ("finished", language, 9)


async def test_in_arabic_the_scale_begins_on_the_right(browser: Browser, shop: Shop) -> None:
    async with visitor(browser, DESK) as context:
        page, _ = await open_survey(context, shop, "ar")
        first, last = (page.locator(f"label:has(input[name=ces][value='{value}'])") for value in (1, 7))
        left, right = await last.bounding_box(), await first.bounding_box()
        assert left is not None
        assert right is not None
        assert left["x"] < right["x"]


@pytest.mark.parametrize("script", SCRIPT)
async def test_the_first_view_arrives_in_the_first_round_trip(browser: Browser, shop: Shop, script: bool) -> None:
    async with visitor(browser, PHONE, script=script) as context:
        page = await context.new_page()
        network = await context.new_cdp_session(page)
        await network.send("Network.enable")
        transferred: list[int] = []
        asked: list[str] = []
        network.on("Network.loadingFinished", lambda event: transferred.append(int(event["encodedDataLength"])))
        network.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
        await page.goto((await shop.invite(survey=SURVEY)).url)
        await page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith((shop.url, "data:"))] == []
    assert 0 < sum(transferred) <= BUDGET  # headers included


async def test_a_person_with_a_keyboard_alone_can_answer(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser, DESK) as context:
        page = await context.new_page()
        await page.goto(invited.url)
        while not await page.locator("input[name=nps]").first.evaluate("element => element === document.activeElement"):
            await page.keyboard.press("Tab")
        for _ in range(9):
            await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Tab")
        await page.keyboard.type("quick")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    (row,) = await shop.responses_of(invited.customer)
    assert row["answers"] == {"nps": 9, "why": "quick"}


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("device", [SMALLEST, PHONE, DESK], ids=lambda device: device.name)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_state_in_every_language_on_every_screen_is_accessible(
    browser: Browser, shop: Shop, language: str, device: Device, scheme: str
) -> None:
    async with visitor(browser, device, scheme="dark" if scheme == "dark" else "light") as context:
        page, _ = await open_survey(context, shop, language)
        for contrast in ("none", "active"):
            await page.emulate_media(forced_colors="active" if contrast == "active" else "none")
            await assert_accessible(page)
            await assert_fits(page)
        await page.evaluate("document.forms[0].noValidate = true")
        await page.locator("main form button").click()
        await expect(page.get_by_role("alert")).to_be_focused()
        await assert_accessible(page)
        await choose(page, nps=3, numbers=1, stars=1, faces=1, ten=1, solved=0, ces=1)
        await page.locator("input[name=purpose][value=work]").check()
        await page.locator("input[name=liked][value=food]").check()
        await page.locator("main form button").click()
        await expect(page.locator("main form")).to_have_count(1)
        await expect(page.locator("[name=fix]")).to_be_visible()
        await assert_accessible(page)
        await page.locator("main form button").click()
        await expect(page.locator("main form")).to_have_count(0)
        await assert_accessible(page)
        await page.goto(re.sub(r"\?.*", "", page.url))
        await assert_accessible(page)
