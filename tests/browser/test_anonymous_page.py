"""An anonymous survey in a browser: it promises, survives a lost network, and cannot be looked at afterwards."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import Invited, Shop
from tests.support.backend import BRAND, SURVEY_CONTENT
from tests.support.bad_network import lose_the_receipt
from tests.support.browser import DESK, PHONE, Device, assert_accessible, assert_fits
from tests.support.survey_page import ALREADY, NEXT, THANKS, expect_heading, fill, person, send, stored

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEPT_ON_DEVICE = "kept on this device"
CONTENT = {"name": "Pulse", "brand": BRAND, "primary": "nps", "anonymous": True}


@pytest_asyncio.fixture(loop_scope="session")
async def invited(shop: Shop) -> Invited:
    await shop.put("/v1/surveys/pulse", {**CONTENT, "questions": SURVEY_CONTENT["questions"]})
    return await shop.invite(survey="pulse")


async def state_of(shop: Shop, invited: Invited) -> str:
    return str((await shop.get(f"/v1/invitations/{invited.invitation}"))["state"])


@pytest.mark.parametrize("device", [DESK, PHONE], ids=lambda device: device.name)
async def test_the_page_promises_and_goes_on_within_its_tab(
    browser: Browser, shop: Shop, invited: Invited, device: Device
) -> None:
    async with person(browser, device=device) as visits:
        page = await visits.open(invited.url)
        await expect(page.get_by_text("This survey is anonymous")).to_be_visible()
        await assert_accessible(page)
        await assert_fits(page)
        await fill(page, 3, "slow")
        await send(page)
        await page.get_by_label(NEXT).fill("the queue")
        await send(page)
        await expect_heading(page, THANKS)
        assert await stored(page) == []
        again = await visits.open(invited.url)
        await expect_heading(again, ALREADY)
        assert "slow" not in await again.content()
    assert await state_of(shop, invited) == "finished"
    assert await shop.responses_of(invited.customer) == []


async def test_an_answer_given_offline_goes_out_when_its_link_is_opened_again(
    browser: Browser, shop: Shop, invited: Invited
) -> None:
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9, "on a train")
        await visits.context.set_offline(True)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await page.close()
        await visits.context.set_offline(False)
        page = await visits.open(invited.url)
        await expect_heading(page, THANKS)
        assert await stored(page) == []
        assert len(visits.submissions) == 1
    assert await state_of(shop, invited) == "finished"


async def test_an_answer_whose_receipt_was_lost_is_there_once(browser: Browser, shop: Shop, invited: Invited) -> None:
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9)
        await page.route("**/s/*", lose_the_receipt, times=1)
        await send(page)
        await expect_heading(page, THANKS)
        assert await stored(page) == []
        assert len(visits.submissions) == 1
    assert await state_of(shop, invited) == "finished"
