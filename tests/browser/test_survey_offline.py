"""Answers that do not get through at once: they are kept, sent again under one id, and counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.conftest import Shop
from tests.support.bad_network import answer, cut, lose_the_receipt, only_posts, slow_way
from tests.support.browser import PHONE, assert_accessible
from tests.support.survey_page import (
    ALREADY,
    NEXT,
    REASON,
    THANKS,
    expect_heading,
    fill,
    is_empty,
    only_answer,
    person,
    put_link,
    send,
    stored,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEPT_ON_DEVICE = "kept on this device"


async def test_an_answer_given_offline_goes_out_when_the_network_is_back(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9, "on a train")
        await visits.context.set_offline(True)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-disabled", "false")
        await assert_accessible(page)
        await visits.context.set_offline(False)
        await expect_heading(page, THANKS)
        assert await stored(page) == []
        assert len(visits.submissions) == 1
    assert (await only_answer(shop, invited.customer))["comment"] == "on a train"


async def test_an_answer_given_offline_goes_out_when_its_link_is_opened_again(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
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
        page = await visits.open(invited.url)
        await expect_heading(page, ALREADY)
    assert (await only_answer(shop, invited.customer))["comment"] == "on a train"


async def test_a_word_changed_while_it_waits_is_sent_under_the_same_id(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9, "god")
        await visits.context.set_offline(True)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await page.get_by_label(REASON).fill("good")
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await visits.context.set_offline(False)
        await expect_heading(page, THANKS)
        assert len(visits.submissions) == 1
    assert (await only_answer(shop, invited.customer))["comment"] == "good"


@pytest.mark.parametrize("is_reopened", [False, True], ids=["page-stays", "page-is-reopened"])
async def test_an_answer_whose_receipt_was_lost_is_there_once(browser: Browser, shop: Shop, is_reopened: bool) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 10, "smooth")

        await page.route("**/s/*", lose_the_receipt, times=1)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        if is_reopened:
            await page.close()
            page = await visits.open(invited.url)
        await expect_heading(page, ALREADY if is_reopened else THANKS)
        assert await stored(page) == []
        assert len(visits.submissions) == 1
    assert (await only_answer(shop, invited.customer))["comment"] == "smooth"


async def test_a_first_page_whose_receipt_was_lost_leaves_the_next_one_alone(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 2)

        await page.route("**/s/*", lose_the_receipt, times=1)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await page.close()
        page = await visits.context.new_page()
        typed = asyncio.Event()

        async def hold(route: Route) -> None:
            await typed.wait()
            await route.continue_()

        await page.route("**/s/*", only_posts(hold))
        await visits.visit(page, invited.url)
        await expect_heading(page, NEXT)
        async with page.expect_request_finished(lambda request: request.method == "POST"):
            await page.get_by_label(NEXT).fill("the queue")
            typed.set()
        await expect(page.get_by_label(NEXT)).to_have_value("the queue")
        await send(page)
        await expect_heading(page, THANKS)
        await until(lambda: is_empty(page), "nothing is kept")
    row = await only_answer(shop, invited.customer)
    assert (row["status"], row["answers"]) == ("finished", {"nps": 2, "fix": "the queue"})


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(cut, id="connection-reset"),
        pytest.param(answer(500), id="internal-error"),
        pytest.param(answer(502, "Bad gateway"), id="bad-gateway"),
        pytest.param(answer(503, **{"Retry-After": "1"}), id="busy"),
        pytest.param(answer(429, **{"Retry-After": "1"}), id="too-many"),
        pytest.param(answer(429, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), id="too-many-until-a-date"),
        pytest.param(answer(200, "<p>Please sign in to this network"), id="captive-portal"),
    ],
)
async def test_trouble_on_the_way_is_waited_out(
    browser: Browser, shop: Shop, trouble: Callable[[Route], Awaitable[None]]
) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9, "stubborn")
        await page.route("**/s/*", trouble, times=2)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await expect_heading(page, THANKS)
        assert (len(visits.sent), len(visits.submissions)) == (3, 1)
        assert await stored(page) == []
    assert (await only_answer(shop, invited.customer))["comment"] == "stubborn"


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        await visits.context.clock.install()
        page = await visits.open(invited.url)
        await page.evaluate("AbortSignal.timeout = undefined")  # it would go by the same clock
        await fill(page, 9)
        await page.route("**/s/*", answer(503, **{"Retry-After": "3600"}), times=1)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await visits.context.clock.run_for("59:00")
        assert len(visits.sent) == 1
        await visits.context.clock.run_for("02:00")
        await expect_heading(page, THANKS)
    await only_answer(shop, invited.customer)


async def test_the_network_that_comes_back_ends_a_long_wait(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9)
        await page.route("**/s/*", answer(503, **{"Retry-After": "3600"}), times=1)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await visits.context.set_offline(True)
        await visits.context.set_offline(False)
        await expect_heading(page, THANKS)
    await only_answer(shop, invited.customer)


async def test_a_server_that_says_nothing_is_asked_again_after_fifteen_seconds(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        await visits.context.add_init_script(
            "const limit = AbortSignal.timeout.bind(AbortSignal);"
            "AbortSignal.timeout = (wanted) => { window.wanted = wanted; return limit(300); };"
        )
        page = await visits.open(invited.url)
        await fill(page, 9)
        held: list[Route] = []

        async def hold(route: Route) -> None:
            held.append(route)

        await page.route("**/s/*", hold, times=1)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text("Sending")
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await page.evaluate("AbortSignal.timeout = undefined")  # as in older browsers
        await expect_heading(page, THANKS)
        assert await page.evaluate("wanted") == 15_000
    assert len(held) == 1
    await only_answer(shop, invited.customer)


async def test_a_tab_closed_right_after_the_tap_still_sends(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits, slow_way(invited.url) as url:
        page = await visits.open(url)
        await fill(page, 9)
        async with page.expect_request(lambda request: request.method == "POST"):
            await send(page)
        await page.close()
        await until(lambda: shop.responses_of(invited.customer), "the answer is there")
    await only_answer(shop, invited.customer)


@pytest.mark.parametrize("are_closed", [False, True], ids=["open-tabs", "closed-tabs"])
async def test_of_two_tabs_that_waited_for_the_network_one_answer_counts(
    browser: Browser, shop: Shop, are_closed: bool
) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        tabs = [await visits.open(invited.url) for _ in range(2)]
        await visits.context.set_offline(True)
        for tab, score in zip(tabs, (9, 10), strict=True):
            await fill(tab, score)
            await send(tab)
            await expect(tab.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        assert len([text for text in await stored(tabs[0]) if "_submission" in text]) >= 2
        if are_closed:
            for tab in tabs:
                await tab.close()
            await visits.context.set_offline(False)
            tab = await visits.open(invited.url)
            await expect(tab.get_by_role("button", name="Send")).to_have_count(0)
        else:
            await visits.context.set_offline(False)
            for tab in tabs:
                await expect(tab.get_by_role("button", name="Send")).to_have_count(0)
            headings = [await tab.get_by_role("heading", level=1).inner_text() for tab in tabs]
            assert sorted(heading.startswith(THANKS) for heading in headings) == [False, True]
        await until(lambda: is_empty(tab), "nothing is kept")
        assert len(visits.submissions) == 2
    assert (await only_answer(shop, invited.customer))["score"] in {9, 10}


async def test_a_survey_that_closed_in_the_meantime_says_so_and_keeps_nothing(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await fill(page, 9, "too late")
        await visits.context.set_offline(True)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await shop.post(f"/v1/invitations/{invited.invitation}/cancel")
        await visits.context.set_offline(False)
        await expect_heading(page, "This survey has closed")
        assert await stored(page) == []
    assert await shop.responses_of(invited.customer) == []


async def test_a_browser_that_forbids_to_store_sends_all_the_same(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        await visits.context.add_init_script(
            "const forbid = () => { throw new DOMException('no', 'SecurityError'); };"
            "Object.defineProperty(window, 'localStorage', { get: forbid });"
        )
        page = await visits.open(invited.url)
        await fill(page, 9, "private")
        await visits.context.set_offline(True)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text("keep this page open")
        await visits.context.set_offline(False)
        await expect_heading(page, THANKS)
    assert (await only_answer(shop, invited.customer))["comment"] == "private"


async def test_a_browser_without_room_to_store_sends_all_the_same(browser: Browser, shop: Shop) -> None:
    invited = await shop.invite()
    async with person(browser) as visits:
        page = await visits.open(invited.url)
        await page.evaluate("localStorage.full = 'x'.repeat(5 * 1024 * 1024 - 100)")
        await fill(page, 9, "x" * 200)
        await visits.context.set_offline(True)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text("keep this page open")
        await visits.context.set_offline(False)
        await expect_heading(page, THANKS)
    assert (await only_answer(shop, invited.customer))["comment"] == "x" * 200


async def test_a_form_of_a_public_link_sent_again_from_a_new_page_is_one_answer(browser: Browser, shop: Shop) -> None:
    url = await put_link(shop, "lost-receipt")
    async with person(browser, device=PHONE) as visits:
        page = await visits.open(url)
        await fill(page, 9, "by the window")

        await page.route("**/l/*", lose_the_receipt, times=1)
        await send(page)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await page.close()
        # The link hands out a new form; what waits is sent on the old one, even with another word in it.
        page = await visits.context.new_page()
        await page.route("**/l/*", only_posts(cut), times=2)
        await visits.visit(page, url)
        await expect(page.get_by_role("status")).to_contain_text(KEPT_ON_DEVICE)
        await page.get_by_label(REASON).fill("by the door")
        await send(page)
        await expect_heading(page, THANKS)
        assert await stored(page) == []
        assert (len(visits.submissions), len({form["_sheet"][0] for form in visits.sent})) == (1, 1)
    (row,) = await shop.rows("/v1/responses", touchpoint="lost-receipt")
    assert row["comment"] == "by the window"
