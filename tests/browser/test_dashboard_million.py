"""The dashboard over a million answers: the same page, as light, whose figures are those of all of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from survey_service.models.ids import hashed_id
from survey_service.models.touchpoint import TouchpointContent
from survey_service.store.rollups import recount_mark
from survey_service.store.store import Store
from tests.support.browser import DESK, assert_accessible, visitor
from tests.support.comments import put_topics
from tests.support.content import put_survey
from tests.support.figures import answered, count_answers
from tests.support.processes import API_KEY, SECRET, in_database, service_process
from tests.support.service import open_store

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ANSWERS = 1_000_000
AT_ONCE = 5_000
WEEKS = 13
PLACES = tuple(f"shop-{number}" for number in range(20))
SAID = ("A very long waiting time at the gate.", None, "Friendly crew, clean cabin.", None)
ABOUT: tuple[tuple[str, ...], ...] = (("waiting",), (), ("staff",), ())
SLOWEST = 60_000  # milliseconds that the browser waits; how long it took is in the report of the run


def million(store: Store) -> Iterator[list[dict[str, Any]]]:
    """Answers of thirteen weeks, in every hour of them and at every place, as they are stored once they are read."""
    chance, now = random.Random(1), store.clock.now()  # noqa: S311 -- the same answers in each run
    template = {**answered(0, now, {"nps": 0}).to_document(), "comment_language": "en"}
    for first in range(0, ANSWERS, AT_ONCE):
        documents = []
        for number in range(first, first + AT_ONCE):
            at = now - timedelta(minutes=10, seconds=chance.randrange(WEEKS * 7 * 86_400 - 90_000))
            score = min(10, max(0, round(chance.gauss(8 if number % 4 else 5, 2))))
            documents.append(
                {
                    **template,
                    "_id": hashed_id("rsp", str(number)),
                    "customer": f"cus_{number % 300_000}",
                    "touchpoint": PLACES[number % len(PLACES)],
                    "score": score,
                    "scores": {"nps": score},
                    "comment": SAID[number % 4],
                    "topics": ABOUT[number % 4],
                    "started_at": at,
                    "finished_at": at,
                    "updated_at": at,
                    **recount_mark(),
                }
            )
        yield documents


@pytest.mark.long
async def test_a_million_answers_are_looked_at_as_a_few_are(
    browser: Browser,
    mongodb_uri: str,
    new_database_name: str,
    tmp_path: Path,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    store = await open_store(mongodb_uri, new_database_name)
    await put_survey(store)
    for place in PLACES:
        await store.configuration.touchpoints.put(place, TouchpointContent(name=place.title(), region="North"))
    await put_topics(store)
    await count_answers(store)  # of nothing: where cubes are new, all that is there would be marked once more
    for documents in million(store):
        await store.database["responses"].insert_many(documents, ordered=False)
    await count_answers(store)
    store.close()
    settings = {
        "SURVEY_MONGODB_URI": in_database(mongodb_uri, new_database_name),
        "SURVEY_SECRET": SECRET,
        "SURVEY_API_KEY": API_KEY,
        "SURVEY_SANDBOX": "on",
    }
    async with (
        service_process("serve", settings, tmp_path / "serve.log") as service,
        visitor(browser, DESK) as context,
    ):
        page = await context.new_page()
        page.set_default_timeout(SLOWEST)
        took = {}
        for path in ("/dashboard", "/dashboard?touchpoint=shop-7", "/dashboard?period=12m", "/dashboard/funnel"):
            started = perf_counter()
            await page.goto(service.url + path)
            await page.wait_for_load_state("networkidle")
            took[path] = round(perf_counter() - started, 2)
        record_testsuite_property("seconds", took)
        await page.goto(service.url + "/dashboard")
        await expect(page.locator("body")).to_contain_text("1,000,000 answers")
        await expect(page.locator("body")).to_contain_text("What people talk about")
        await assert_accessible(page)
        await page.screenshot(path=tmp_path / "dashboard.png", full_page=True)
