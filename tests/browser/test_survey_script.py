"""The survey page with its script: it goes on in place, and keeps what was typed."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from survey_service.pages.assets import STATIC_FOLDER
from tests.browser.conftest import Shop
from tests.support.bad_network import slow_down
from tests.support.browser import PHONE, assert_accessible, visitor
from tests.support.survey_page import (
    ALREADY,
    NEXT,
    REASON,
    THANKS,
    expect_heading,
    fill,
    only_answer,
    person,
    send,
    stored,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LARGEST_SCRIPT = 4096  # bytes

OTHER_NAMES = ("action", "append", "children", "dataset", "elements", "method", "remove", "submit")


async def test_the_script_is_small_and_stands_in_the_page(browser: Browser, shop: Shop) -> None:
    source = (STATIC_FOLDER / "survey.js").read_text("utf-8")
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        scripts = await page.locator("script").all_text_contents()
    assert len(source.encode()) <= LARGEST_SCRIPT
    assert len("".join(scripts).encode()) <= LARGEST_SCRIPT
    assert [bool(script) for script in scripts] == [True]


async def test_the_next_step_takes_the_place_of_the_first_and_is_announced(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser, device=PHONE) as visits:
        page = await visits.open(invited.url)
        await page.evaluate("window.isTheSamePage = true")
        await fill(page, 3, "slow")
        await send(page)
        await expect_heading(page, NEXT)
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await expect(page).to_have_title(f"{NEXT} · Acme")
        await assert_accessible(page)
        assert await page.evaluate("scrollY") == 0
        await page.get_by_label(NEXT).fill("the queue")
        await send(page)
        await expect_heading(page, THANKS)
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await assert_accessible(page)
        assert await page.evaluate("window.isTheSamePage")
        assert await stored(page) == []
        assert len(visits.submissions) == len(visits.sent) == 2
    row = await only_answer(shop, invited.customer)
    assert (row["status"], row["answers"]) == ("finished", {"nps": 3, "why": "slow", "fix": "the queue"})


async def test_what_has_to_be_put_right_is_shown_in_place_and_nothing_typed_is_lost(
    browser: Browser, shop: Shop
) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await page.get_by_label(REASON).fill("because")
        await page.evaluate("document.forms[0].noValidate = true")
        await send(page)
        await expect(page.get_by_role("alert")).to_be_focused()
        await page.get_by_role("alert").get_by_role("link").first.click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page.get_by_label(REASON)).to_have_value("because")
        await page.get_by_role("radio", name="9 of 10").check()
        await send(page)
        await expect_heading(page, THANKS)
        assert await stored(page) == []
    row = await only_answer(shop, invited.customer)
    assert (row["score"], row["comment"]) == (9, "because")


async def test_what_was_typed_survives_a_closed_tab(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 4, "first line\nsecond & last")
        await page.close()
        page = await visits.open(invited.url + "?lang=en")
        await expect(page.get_by_role("radio", checked=True)).to_have_value("4")
        await expect(page.get_by_label(REASON)).to_have_value("first line\nsecond & last")
        assert (visits.sent, await shop.responses_of(invited.customer)) == ([], [])
        await send(page)
        await expect_heading(page, NEXT)
        assert await stored(page) == []


async def test_a_number_tapped_later_in_the_mail_replaces_the_one_on_the_page(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url + "?score=7")
        await page.get_by_label(REASON).fill("hm")
        page = await visits.open(invited.url + "?score=9")
        await expect(page.get_by_role("radio", checked=True)).to_have_value("9")
        await expect(page.get_by_label(REASON)).to_have_value("hm")
        await fill(page, 8)
        await page.reload()
        await expect(page.get_by_role("radio", checked=True)).to_have_value("8")
        await page.get_by_role("link", name="Deutsch").click()
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.get_by_role("radio", checked=True)).to_have_value("8")


async def test_on_a_slow_network_the_page_says_that_it_is_sending(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser, device=PHONE) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9)
        await slow_down(page)
        await send(page)
        button = page.get_by_role("button", name="Send")
        await expect(page.get_by_role("status")).to_contain_text("Sending")
        await expect(button).to_have_attribute("aria-busy", "true")
        await expect(button).to_have_attribute("aria-disabled", "true")
        await assert_accessible(page)
        await button.click(force=True)
        await expect_heading(page, THANKS)
        assert len(visits.sent) == 1
    await only_answer(shop, invited.customer)


async def test_a_double_click_sends_once(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9)
        await page.get_by_role("button", name="Send").dblclick()
        await expect_heading(page, THANKS)
        assert len(visits.sent) == 1
    await only_answer(shop, invited.customer)


async def test_the_back_button_shows_what_the_link_shows_now(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 1)
        await send(page)
        await expect_heading(page, NEXT)
        await page.get_by_label(NEXT).fill("half a sen")
        await page.go_back()
        await expect_heading(page, NEXT)
        await expect(page.get_by_label(NEXT)).to_have_value("half a sen")
        await send(page)
        await expect_heading(page, THANKS)
        await page.go_back()
        await expect_heading(page, ALREADY)
    row = await only_answer(shop, invited.customer)
    assert row["answers"] == {"nps": 1, "fix": "half a sen"}


async def test_questions_may_be_called_like_the_properties_of_a_form(browser: Browser, shop: Shop) -> None:
    named = [{"id": name, "kind": "line", "required": False, "text": {"en": f"About {name}"}} for name in OTHER_NAMES]
    first = {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}}
    content = {"name": "Names", "brand": "acme", "primary": "nps", "questions": [first, *named]}
    await shop.put("/v1/surveys/names", content)
    invited = await shop.invite(survey="names")
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9)
        for name in OTHER_NAMES:
            await page.get_by_label(f"About {name}").fill(name)
        await page.close()
        page = await visits.open(invited.url)
        await expect(page.get_by_label("About submit")).to_have_value("submit")
        await send(page)
        await expect_heading(page, THANKS)
    row = await only_answer(shop, invited.customer)
    assert row["answers"] == {"nps": 9} | {name: name for name in OTHER_NAMES}


async def test_boxes_and_choices_survive_a_closed_tab(browser: Browser, shop: Shop) -> None:
    options = [{"id": name, "text": {"en": name.title()}} for name in ("price", "speed", "care")]
    questions = [
        {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}},
        {"id": "what", "kind": "choices", "required": False, "text": {"en": "What?"}, "options": options},
        {"id": "most", "kind": "choice", "required": False, "text": {"en": "Most?"}, "options": options},
    ]
    content = {"name": "Boxes", "brand": "acme", "primary": "nps", "questions": questions}
    await shop.put("/v1/surveys/boxes", content)
    invited = await shop.invite(survey="boxes")
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9)
        for name in ("Price", "Care"):
            await page.get_by_role("checkbox", name=name).check()
        await page.get_by_role("radio", name="Speed").check()
        await page.close()
        page = await visits.open(invited.url)
        await expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)
        await send(page)
        await expect_heading(page, THANKS)
    row = await only_answer(shop, invited.customer)
    assert row["answers"] == {"nps": 9, "what": ["price", "care"], "most": "speed"}


async def test_without_script_every_step_is_a_page_of_its_own(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with visitor(browser, script=False) as context:
        page = await context.new_page()
        await page.goto(invited.url + "?score=5")
        await page.get_by_label(REASON).fill("plain")
        await send(page)
        await expect_heading(page, NEXT)
        await page.get_by_label(NEXT).fill("nothing")
        await send(page)
        await expect_heading(page, THANKS)
    row = await only_answer(shop, invited.customer)
    assert row["answers"] == {"nps": 5, "why": "plain", "fix": "nothing"}
