"""A person in front of the survey page: by keyboard, in another language, in two tabs, in a hurry."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Shop
from tests.support.backend import make_event
from tests.support.browser import PHONE, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FOCUS_RING = (
    "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
)


async def send(page: Page, score: int) -> None:
    await page.get_by_role("radio", name=f"{score} of 10").check()
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_load_state()


async def test_the_keyboard_alone_is_enough_and_always_shows_where_it_is(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser) as context:
        page = await context.new_page()
        await page.goto(invited.url)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("radio", name="0 of 10, Not at all likely", exact=True)).to_be_focused()
        await page.keyboard.press("Space")
        for _ in range(9):
            await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("radio", name="9 of 10")).to_be_checked()
        assert await page.evaluate(FOCUS_RING) == "solid3px"
        await page.keyboard.press("Tab")
        await page.keyboard.type("no mouse needed")
        assert await page.evaluate(FOCUS_RING) == "solid3px"
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Send")).to_be_focused()
        assert await page.evaluate(FOCUS_RING) == "solid3px"
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    (row,) = await shop.responses_of(invited.customer)
    assert (row["score"], row["comment"]) == (9, "no mouse needed")


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
async def test_the_language_switch_keeps_the_chosen_number(browser: Browser, shop: Shop, script: bool) -> None:
    invited = await shop.invite()
    async with visitor(browser, PHONE, script=script) as context:
        page = await context.new_page()
        await page.goto(invited.url + "?score=8")
        await page.get_by_role("link", name="Deutsch").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Wie wahrscheinlich")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.get_by_role("radio", checked=True)).to_have_value("8")
        await page.get_by_role("button", name="Senden").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Danke")
    (row,) = await shop.responses_of(invited.customer)
    assert (row["score"], row["language"]) == (8, "de")


async def test_an_invitation_in_german_opens_in_german(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite(language="de")
    async with visitor(browser, locale="en-GB") as context:
        page = await context.new_page()
        await page.goto(invited.url)
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Wie wahrscheinlich")


async def test_the_second_of_two_tabs_is_told_that_the_first_one_counts(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser) as context:
        first, second = await context.new_page(), await context.new_page()
        for tab in (first, second):
            await tab.goto(invited.url)
        await send(first, 9)
        await send(second, 2)
        await expect(first.get_by_role("heading", level=1)).to_contain_text("Thank you")
        await expect(second.get_by_role("heading", level=1)).to_have_text("Your answer is with us already")
    (row,) = await shop.responses_of(invited.customer)
    assert row["score"] == 9


async def test_of_two_tabs_sent_at_the_same_moment_one_counts(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser) as context:
        tabs = [await context.new_page() for _ in range(2)]
        for tab, score in zip(tabs, (9, 10), strict=True):
            await tab.goto(invited.url)
            await tab.get_by_role("radio", name=f"{score} of 10").check()
        await asyncio.gather(*(tab.get_by_role("button", name="Send").click() for tab in tabs))
        for tab in tabs:
            await expect(tab.get_by_role("heading", level=1)).to_have_text(re.compile("Thank you|with us already"))
        headings = [await tab.get_by_role("heading", level=1).inner_text() for tab in tabs]
    (row,) = await shop.responses_of(invited.customer)
    told_thanks = [score for score, heading in zip((9, 10), headings, strict=True) if heading.startswith("Thank you")]
    assert told_thanks == [row["score"]]
    assert "Your answer is with us already" in headings


async def test_going_back_without_script_shows_what_the_link_shows_now(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser, script=False) as context:
        page = await context.new_page()
        await page.goto(invited.url)
        await send(page, 10)
        await page.go_back()
        # No cache keeps the page.
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your answer is with us already")
    (row,) = await shop.responses_of(invited.customer)
    assert row["score"] == 10


async def test_a_low_score_is_kept_even_if_the_next_question_stays_open(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser, PHONE, script=False) as context:
        page = await context.new_page()
        await page.goto(invited.url)
        await send(page, 3)
        await expect(page.get_by_role("heading", level=1)).to_contain_text("What should we fix first?")
        (row,) = await shop.responses_of(invited.customer)
        assert (row["status"], row["score"]) == ("partial", 3)
        await page.get_by_label("What should we fix first?").fill("the queue")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    (row,) = await shop.responses_of(invited.customer)
    assert (row["status"], row["answers"]) == ("finished", {"nps": 3, "fix": "the queue"})


async def test_the_inbox_shows_a_new_mail_by_itself(browser: Browser, shop: Shop) -> None:
    await shop.post_event(make_event("seen-first"))
    async with visitor(browser) as context:
        page = await context.new_page()
        await page.goto(f"{shop.url}/sandbox")
        await shop.post_event(make_event("comes-by-itself"))
        await expect(page.get_by_role("link", name="comes-by-itself@example.com")).to_be_visible()
