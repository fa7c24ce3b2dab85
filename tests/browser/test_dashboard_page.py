"""The dashboard in a real Chromium: clean for axe, on every screen, without a script, and light to load."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal

import pymongo
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, Route, expect

from survey_service.models.case import Case
from survey_service.models.touchpoint import TouchpointContent
from survey_service.store.store import Store
from tests.support.browser import DESK, PHONE, SMALLEST, Device, assert_accessible, assert_fits, visitor
from tests.support.comments import put_topics
from tests.support.content import BRAND, SURVEY, put_survey
from tests.support.factories import OUR_CUSTOMER, make_customer, make_invitation
from tests.support.figures import answered, count_answers, load
from tests.support.processes import API_KEY, SECRET, in_database, service_process
from tests.support.service import open_store

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BUDGET = 60_000  # bytes over the wire
SAID = (
    "A very long waiting time at the gate.",
    "It went well.",
    "Friendly crew, clean cabin.",
    "I waited with the crew.",
)
ABOUT: tuple[tuple[str, ...], ...] = (("waiting",), (), ("staff",), ("staff", "waiting"))
PLACES = ("mitte", "west", "kiel", "bremen")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a service of its own with 600 answers of three months."""
    name = f"test_{uuid.uuid4().hex}"
    store = await open_store(mongodb_uri, name)
    try:
        await _fill(store)
        settings = {
            "SURVEY_MONGODB_URI": in_database(mongodb_uri, name),
            "SURVEY_SECRET": SECRET,
            "SURVEY_API_KEY": API_KEY,
            "SURVEY_SANDBOX": "on",
        }
        log = tmp_path_factory.mktemp("dashboard") / "serve.log"
        async with service_process("serve", settings, log) as service:
            yield service.url
    finally:
        store.close()
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


async def _fill(store: Store) -> None:
    await put_survey(store)
    for place in PLACES:
        await store.configuration.touchpoints.put(place, TouchpointContent(name=place.title(), region="North"))
    await put_topics(store)
    await store.customers.insert([make_customer()])
    chance, now = random.Random(1), store.clock.now()  # noqa: S311 -- no secret is made of it
    rows = [
        answered(
            number,
            now - timedelta(hours=chance.randrange(24 * 80)),
            {"nps": min(10, max(0, round(chance.gauss(8 if number % 4 else 5, 2))))},
            touchpoint=PLACES[number % 4],
            comment=SAID[number % 4] if number % 3 else None,
            comment_language="en",
            topics=ABOUT[number % 4] if number % 3 else (),
            customer=OUR_CUSTOMER if number % 5 else f"cus_{number}",
        )
        for number in range(600)
    ]
    await load(store, rows)
    await count_answers(store)
    case = {"rule": "r", "survey": SURVEY, "brand": BRAND, "channel": "web", "metric": "nps", "scale": "0-10"}
    case |= {"title": "Unhappy customer", "due_within": "P1D", "opened_at": now, "customer": OUR_CUSTOMER}
    days = (now + timedelta(days=number) for number in range(-2, 8))
    cases = [{**case, "id": f"cas_{at:%d}", "response": f"rsp_{at:%d}", "due_by": at} for at in days]
    await store.cases.insert([Case.model_validate(each) for each in cases])
    await store.database["invitations"].insert_one(make_invitation(created_at=now, sent_at=now).to_document())


async def opened(page: Page, url: str) -> None:
    await page.goto(url)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(
    "path", ["/dashboard", "/dashboard/cases", f"/dashboard/customers/{OUR_CUSTOMER}", "/dashboard/sign-in"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible_and_fits_every_screen(
    browser: Browser, office: str, path: str, scheme: Literal["light", "dark"]
) -> None:
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    async with visitor(browser, DESK, scheme=scheme) as context:
        page = await context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await opened(page, office + path)
        for details in await page.locator("details").all():
            await details.evaluate("each => { each.open = true; }")
        for device in (DESK, PHONE, SMALLEST):
            await page.set_viewport_size(device.size)
            await assert_accessible(page)
            await assert_fits(page)
    assert complaints == []


async def test_the_first_view_is_light(browser: Browser, office: str) -> None:
    async with visitor(browser, PHONE) as context:
        page = await context.new_page()
        requests: list[Request] = []
        page.on("requestfinished", lambda request: requests.append(request))
        await opened(page, f"{office}/dashboard")
        sizes = [await request.sizes() for request in requests if not request.url.startswith("data:")]
    assert len(sizes) >= 4  # the page, its styles, its script, the funnel
    assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) < BUDGET


@pytest.mark.parametrize("device", [DESK, PHONE], ids=lambda device: device.name)
async def test_everything_works_without_a_script(browser: Browser, office: str, device: Device) -> None:
    async with visitor(browser, device, script=False) as context:
        page = await context.new_page()
        await opened(page, f"{office}/dashboard")
        await expect(page.get_by_role("img", name="Score over time")).to_be_visible()
        await page.locator(".filters summary").click()
        await page.locator("select[name=touchpoint]").select_option("kiel")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_text("150 answers", exact=True)).to_be_visible()
        assert "touchpoint=kiel" in page.url
        await page.get_by_role("link", name="Last 12 months").click()
        assert "touchpoint=kiel" in page.url
        await page.get_by_role("link", name="Staff").click()
        await expect(page.get_by_text("100 answers", exact=True)).to_be_visible()
        assert "topic=staff" in page.url
        await page.get_by_role("link", name="Count how far the invitations came").click()
        await expect(page.get_by_role("heading", name="From event to answer", level=2)).to_be_visible()


async def test_the_script_counts_the_funnel_by_itself(browser: Browser, office: str) -> None:
    async with visitor(browser, DESK) as context:
        page = await context.new_page()
        await opened(page, f"{office}/dashboard")
        await expect(page.get_by_role("img", name="From event to answer")).to_be_visible()


async def test_the_first_answer_comes_in_by_itself_and_the_end_of_a_session_is_said(
    browser: Browser, office: str
) -> None:
    async with visitor(browser, DESK) as context:
        await context.clock.install()
        page = await context.new_page()
        await opened(page, f"{office}/dashboard?touchpoint=nowhere")
        answers = page.locator("#answers")
        await expect(answers).to_contain_text("None in this period so far.")
        one = "<li>the first words</li>"
        await page.route("**/dashboard/answers?*", lambda route: route.fulfill(body=one, content_type="text/html"))
        await context.clock.run_for("00:16")
        await expect(answers).to_have_text("the first words")
        await page.unroute_all()
        refused: list[str] = []

        async def refuse(route: Route) -> None:
            refused.append(route.request.url)
            await route.fulfill(status=403)

        await page.route("**/dashboard/answers?*", refuse)
        await context.clock.run_for("00:16")
        await expect(page.get_by_role("alert")).to_contain_text("You are no longer signed in")
        await expect(page.get_by_role("alert").get_by_role("link", name="Sign in")).to_be_visible()
        await context.clock.run_for("02:00")
        assert len(refused) == 1


async def test_what_is_tapped_is_large_enough(browser: Browser, office: str) -> None:
    async with visitor(browser, PHONE) as context:
        page = await context.new_page()
        await opened(page, f"{office}/dashboard")
        for links in ("main section a", ".periods a"):
            boxes = [await link.bounding_box() for link in await page.locator(links).all()]
            assert boxes
            assert [box["height"] for box in boxes if box and box["height"] < 44] == []


async def test_a_customer_is_found_by_keyboard_and_noted_about(browser: Browser, office: str) -> None:
    async with visitor(browser, PHONE, script=False) as context:
        page = await context.new_page()
        await opened(page, f"{office}/dashboard")
        await page.get_by_label("Customer id, email or phone").fill("c-42")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1, name="Ada Weber")).to_be_visible()
        await page.get_by_role("link", name="What happened before").click()
        await expect(page.get_by_role("link", name="Back to the newest")).to_be_visible()
        await page.get_by_label("A note on wishes and needs").fill("Likes to be called in the afternoon.")
        await page.get_by_role("button", name="Keep the note").click()
        await expect(page.get_by_text("Likes to be called in the afternoon.")).to_be_visible()
