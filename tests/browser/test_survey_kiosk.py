"""A kiosk: it begins again when it is left alone, keeps nothing of anybody, and loses no answer."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Shop
from tests.support.survey_page import REASON, THANKS, expect_heading, fill, person, put_link, send, stored
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def touch(page: Page, seconds: float) -> None:
    """Let a kiosk go home so many seconds after the next touch."""
    await page.evaluate("(seconds) => { document.body.dataset.idle = seconds; }", seconds)
    await page.get_by_role("heading", level=1).click()


async def test_a_kiosk_that_is_left_alone_begins_again_and_keeps_nothing(browser: Browser, shop: Shop) -> None:
    url = await put_link(shop, "kiosk-idle", kiosk=True)
    async with person(browser) as visits:
        page = await visits.open(url)
        await touch(page, 60)
        await fill(page, 2, "private")
        assert await stored(page) == []
        await touch(page, 0.2)
        await expect(page.get_by_label(REASON)).to_have_value("")
        await expect(page.get_by_role("radio", checked=True)).to_have_count(0)
        assert await stored(page) == []
        assert visits.sent == []


async def test_a_kiosk_begins_again_after_the_thanks(browser: Browser, shop: Shop) -> None:
    url = await put_link(shop, "kiosk-thanks", kiosk=True)
    async with person(browser) as visits:
        page = await visits.open(url)
        for score in (9, 10):
            await fill(page, score)
            await send(page)
            await expect_heading(page, THANKS)
            await touch(page, 0.2)
            await expect(page.get_by_role("button", name="Send")).to_be_visible()
            assert await stored(page) == []
    rows = await shop.rows("/v1/responses", touchpoint="kiosk-thanks")
    assert sorted(row["score"] for row in rows) == [9, 10]


async def test_a_kiosk_without_network_stays_where_it_is_and_sends_when_it_is_back(
    browser: Browser, shop: Shop
) -> None:
    url = await put_link(shop, "kiosk-offline", kiosk=True)
    async with person(browser) as visits:
        page = await visits.open(url)
        tried: list[str] = []
        page.on("requestfailed", lambda request: tried.append(request.method))
        await fill(page, 9, "flaky")
        await visits.context.set_offline(True)
        await touch(page, 0.2)

        async def tried_to_go_home() -> bool:
            return tried.count("GET") >= 2

        await until(tried_to_go_home, "the kiosk looks whether home can be reached")
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text("keep this page open")
        assert await stored(page) == []
        await visits.context.set_offline(False)
        await expect_heading(page, THANKS)
    (row,) = await shop.rows("/v1/responses", touchpoint="kiosk-offline")
    assert row["comment"] == "flaky"
