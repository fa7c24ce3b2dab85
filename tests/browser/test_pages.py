"""Every page that a person can come to: accessible in light and dark, on a desk and on the smallest phone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from survey_service.pages.sandbox_look import SandboxCounts, SandboxView, render_sandbox
from tests.browser.conftest import Shop
from tests.support.backend import SURVEY, address_of, make_event
from tests.support.browser import DESK, PHONE, SMALLEST, assert_accessible, assert_fits, visitor
from tests.support.inbox import links_in
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Open = Callable[[Shop, Page], Awaitable[None]]


async def survey(shop: Shop, page: Page) -> None:
    await page.goto((await shop.invite()).url)
    await expect(page.get_by_role("button", name="Send")).to_be_visible()


async def survey_with_a_number_from_the_mail(shop: Shop, page: Page) -> None:
    await page.goto((await shop.invite()).url + "?score=7")
    await expect(page.get_by_text("You chose 7.")).to_be_visible()


async def survey_from_one_to_seven(shop: Shop, page: Page) -> None:
    question = {
        "id": "ces",
        "kind": "ces",
        "text": {"en": "Acme made it easy for me to get help.", "de": "Acme hat es mir leicht gemacht."},
        "low_label": {"en": "Strongly disagree"},
        "high_label": {"en": "Strongly agree"},
    }
    content = {"name": "Effort", "brand": "acme", "primary": "ces", "questions": [question]}
    await shop.put("/v1/surveys/effort", content)
    await page.goto((await shop.invite(survey="effort")).url)
    await expect(page.get_by_role("radio")).to_have_count(7)


async def survey_that_was_sent_too_early(shop: Shop, page: Page) -> None:
    await survey(shop, page)
    await page.evaluate("document.forms[0].noValidate = true")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.get_by_text("Please choose a number.")).to_be_visible()


async def one_more_question_after_a_low_score(shop: Shop, page: Page) -> None:
    await survey(shop, page)
    await page.get_by_role("radio", name="3 of 10").check()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("What should we fix first?")


async def thanks(shop: Shop, page: Page) -> None:
    await survey(shop, page)
    await page.get_by_role("radio", name="10 of 10").check()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")


async def finished(shop: Shop, page: Page) -> None:
    await thanks(shop, page)
    await page.goto(page.url)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your answer is with us already")


async def closed(shop: Shop, page: Page) -> None:
    invited = await shop.invite()
    await shop.post(f"/v1/invitations/{invited.invitation}/cancel")
    await page.goto(invited.url)
    await expect(page.get_by_role("heading", level=1)).to_have_text("This survey has closed")


async def unknown(shop: Shop, page: Page) -> None:
    await page.goto(f"{shop.url}/s/0123456789abcdefghijkl")
    await expect(page.get_by_role("heading", level=1)).to_have_text("We do not know this link")


async def unsubscribe(shop: Shop, page: Page) -> None:
    await survey(shop, page)
    await page.get_by_role("link", name="Unsubscribe").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Too many surveys from Acme?")


async def unsubscribed(shop: Shop, page: Page) -> None:
    await unsubscribe(shop, page)
    await page.get_by_role("button", name="Never ask me again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You will get no more surveys from us")


async def preview(shop: Shop, page: Page) -> None:
    await shop.post(f"/v1/surveys/{SURVEY}/test-send", {"to": "qa@acme.example"})
    mail, *_ = await until(lambda: shop.sandbox_mails("qa@acme.example"), "the test mail is in the sandbox")
    await page.goto(next(link for link in links_in(mail) if "/preview/" in link))
    await expect(page.get_by_text("This is a preview")).to_be_visible()


async def sandbox_mail(shop: Shop, page: Page) -> None:
    await shop.post_event(make_event("shown-in-the-sandbox"))
    await until(lambda: shop.sandbox_mails("shown-in-the-sandbox@example.com"), "the mail is in the sandbox")
    await page.goto(f"{shop.url}/sandbox")
    await page.get_by_role("link", name="shown-in-the-sandbox@example.com").first.click()
    await expect(page.frame_locator("iframe").get_by_role("link", name="10", exact=True)).to_be_visible()


async def sandbox_text(shop: Shop, page: Page) -> None:
    await sandbox_mail(shop, page)
    await page.get_by_role("link", name="Text", exact=True).click()
    await expect(page.get_by_text("Your answer takes one tap here:")).to_be_visible()


async def sandbox_headers(shop: Shop, page: Page) -> None:
    await sandbox_mail(shop, page)
    await page.get_by_role("link", name="Headers", exact=True).click()
    await expect(page.get_by_role("rowheader", name="List-Unsubscribe-Post")).to_be_visible()


async def sandbox_without_mails(shop: Shop, page: Page) -> None:
    # The service of all these tests has mails, so the page comes from its renderer.
    empty = render_sandbox(SandboxView(mails=(), counts=SandboxCounts(events=0, invitations=0, mails=0, responses=0)))
    await page.route("**/sandbox", lambda route: route.fulfill(body=empty, content_type="text/html; charset=utf-8"))
    await page.goto(f"{shop.url}/sandbox")
    await expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()


STATES: list[Open] = [
    survey,
    survey_with_a_number_from_the_mail,
    survey_from_one_to_seven,
    survey_that_was_sent_too_early,
    one_more_question_after_a_low_score,
    thanks,
    finished,
    closed,
    unknown,
    unsubscribe,
    unsubscribed,
    preview,
    sandbox_mail,
    sandbox_text,
    sandbox_headers,
    sandbox_without_mails,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_a_page_is_accessible_fits_every_screen_and_stays_at_home(
    browser: Browser, shop: Shop, state: Open
) -> None:
    complaints: list[str] = []
    asked: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    def note(request: Request) -> None:
        asked.append(request.url)

    async with visitor(browser, DESK) as context:
        page = await context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", note)
        await state(shop, page)
        for device in (DESK, PHONE):
            await page.set_viewport_size(device.size)
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await assert_accessible(page)
        await page.set_viewport_size(SMALLEST.size)
        await assert_fits(page)
    assert complaints == []
    assert [url for url in asked if not url.startswith((shop.url, "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_mail_itself_is_accessible_and_fits_every_screen(
    browser: Browser, shop: Shop, scheme: Literal["light", "dark"]
) -> None:
    name = f"mail-in-{scheme}"
    await shop.post_event(make_event(name))
    mail, *_ = await until(lambda: shop.sandbox_mails(address_of(name)), "the mail is in the sandbox")
    async with visitor(browser, SMALLEST, scheme=scheme) as context:
        page = await context.new_page()
        await page.set_content(mail)
        # A mail is a part of the client's page, so the rules about a whole page do not hold for it.
        await assert_accessible(page, only=["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"])
        await assert_fits(page)
