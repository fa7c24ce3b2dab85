"""The whole way as people see it: an event, its mail in the sandbox, a tap, the survey page, thanks, the row."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Shop
from tests.support.backend import make_event
from tests.support.browser import DESK, PHONE, Device, assert_accessible, assert_fits, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
@pytest.mark.parametrize("device", [DESK, PHONE], ids=lambda device: device.name)
async def test_a_tap_in_the_mail_and_one_on_the_page_are_an_answer(
    browser: Browser, shop: Shop, device: Device, script: bool
) -> None:
    name = f"way-{device.name}-{'with' if script else 'without'}-script"
    key = await shop.post_event(make_event(name))
    await shop.until_rows("/v1/invitations", 1, event=key, state="sent")
    async with visitor(browser, device, script=script) as context:
        inbox = await context.new_page()
        await inbox.goto(f"{shop.url}/sandbox")
        await inbox.get_by_role("link", name=f"{name}@example.com").click()
        await expect(inbox.get_by_role("heading", level=2).first).to_have_text("How did we do?")

        page = await tap_in_the_mail(context, inbox, "7")
        await expect(page.get_by_role("radio", checked=True)).to_have_value("7")
        await expect(page.get_by_text("You chose 7.")).to_be_visible()
        assert await shop.responses_of(f"c-{name}") == []
        if script:
            await assert_accessible(page)
            await assert_fits(page)
        await page.get_by_role("radio", name="9 of 10").check()
        await page.get_by_label("What is the main reason").fill("quick & kind")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
        if script:
            await assert_accessible(page)

    (row,) = await shop.responses_of(f"c-{name}")
    assert (row["score"], row["comment"], row["status"]) == (9, "quick & kind", "finished")
    assert (row["event"], row["channel"]) == (key, "email")


async def tap_in_the_mail(context: BrowserContext, inbox: Page, number: str) -> Page:
    """Tap a number of the mail in its frame, as its customer does; the page that opens."""
    mail = inbox.frame_locator("iframe")
    async with context.expect_page() as opened:
        await mail.get_by_role("link", name=number, exact=True).click()
    page = await opened.value
    await page.wait_for_load_state()
    return page
