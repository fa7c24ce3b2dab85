"""Mail scanners open every link and run every script: nothing comes of it, and the person who comes later is heard."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.conftest import Shop
from tests.support.backend import Row, address_of, make_event
from tests.support.browser import PHONE, visitor
from tests.support.inbox import links_in
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TABS = 4


@pytest.mark.parametrize("mails", [4, pytest.param(20, marks=pytest.mark.long)])
async def test_a_scanner_that_opens_every_link_of_many_mails_changes_nothing_and_a_tap_does(
    browser: Browser, shop: Shop, mails: int
) -> None:
    names = [f"scanned-{mails}-{number}" for number in range(mails)]
    keys = [await shop.post_event(make_event(name)) for name in names]
    links = {name: links_in(await mail_to(shop, name)) for name in names}
    assert all(len(found) == 11 + 3 for found in links.values())  # the scale, the button, unsubscribe, privacy
    before = await everything_about(shop, keys)

    async with visitor(browser) as scanner:
        # The one that leads elsewhere is the brand's privacy page.
        queue = [link for found in links.values() for link in found if link.startswith(shop.url)]
        assert len(queue) == 13 * mails
        await asyncio.gather(*(open_each(scanner, queue[tab::TABS]) for tab in range(TABS)))
    assert await everything_about(shop, keys) == before

    answering, leaving = names[:2]
    async with visitor(browser, PHONE) as person:
        page = await person.new_page()
        await page.goto(next(link for link in links[answering] if link.endswith("score=6")))
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("What should we fix first?")
        await page.goto(next(link for link in links[leaving] if "/u/" in link))
        await page.get_by_role("button", name="Never ask me again").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("You will get no more surveys from us")
    (row,) = await shop.responses_of(f"c-{answering}")
    assert row["score"] == 6
    assert len(await shop.rows("/v1/suppressions")) > len(before["suppressions"])


async def mail_to(shop: Shop, name: str) -> str:
    """The HTML of the one mail to the customer of an event."""
    (mail,) = await until(lambda: shop.sandbox_mails(address_of(name)), f"the mail to {name} is in the sandbox")
    return mail


async def everything_about(shop: Shop, events: list[str]) -> dict[str, list[Row]]:
    """All that a visit could change, as the API shows it, with the time of its last change."""

    async def is_settled() -> bool:
        return not await shop.rows("/v1/deliveries", state="sending")

    await until(is_settled, "every mail is recorded as sent")
    invitations = [row for event in events for row in await shop.rows("/v1/invitations", event=event)]
    return {
        "invitations": [await shop.get(f"/v1/invitations/{row['id']}") for row in invitations],
        "responses": await shop.rows("/v1/responses"),
        "suppressions": await shop.rows("/v1/suppressions"),
    }


async def open_each(scanner: BrowserContext, links: list[str]) -> None:
    """One tab: open link after link, and give each page's scripts the time to run."""
    page = await scanner.new_page()
    for link in links:
        answer = await page.goto(link, wait_until="load")
        assert answer is not None
        assert answer.status == 200
