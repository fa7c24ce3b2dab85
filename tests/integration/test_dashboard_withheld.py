"""Figures that too few answered to be shown: the dashboard says so, and never that nobody answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.wiring import create_app
from tests.support.content import BRAND, SURVEY, put_survey
from tests.support.dashboards import enter_with_key, headline, page
from tests.support.figures import answered, count_answers, load
from tests.support.service import ApiClient, client_of

DAY = timedelta(days=1)
FEW = "fewer than 5 answers"
PLACES = ("mitte", "west", "kiel")


@pytest.fixture
async def visitor(parts: Parts, store: Store) -> AsyncIterator[ApiClient]:
    """Somebody who is signed in; beside the usual survey there is an anonymous one."""
    await put_survey(store)
    question = {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}}
    content = {"name": "Trust", "brand": BRAND, "primary": "nps", "questions": [question], "anonymous": True}
    await store.configuration.surveys.put("trust", SurveyContent.model_validate(content))
    for place in PLACES:
        await store.configuration.touchpoints.put(place, TouchpointContent(name=place.title()))
    async with client_of(create_app(parts)) as client:
        await enter_with_key(client, store)
        yield client


async def give(store: Store, days_ago: int, n: int, place: str = "mitte", **changes: object) -> None:
    at = store.clock.now() - days_ago * DAY
    first = 1_000 * days_ago + 100 * PLACES.index(place)
    fields = {"touchpoint": place, "comment": f"words from {place}", **changes}
    await load(store, [answered(first + number, at, {"nps": 9}, **fields) for number in range(n)])
    await count_answers(store)


async def test_a_number_that_is_withheld_is_not_called_silence(visitor: ApiClient, store: Store) -> None:
    await give(store, 1, 3)
    html = await page(visitor, period="7d")
    assert f"There are {FEW} here, and some may be anonymous" in html
    assert "Nobody has answered" not in html
    assert "<strong>" not in html
    assert "words from mitte" in html
    assert headline(await page(visitor, period="7d", survey=SURVEY))[2] == "3 answers"


async def test_what_is_compared_and_what_came_when_says_what_is_withheld(visitor: ApiClient, store: Store) -> None:
    await give(store, 0, 2)
    await give(store, 2, 6)
    await give(store, 9, 4)
    html = await page(visitor, period="7d")
    assert headline(html)[2] == "8 answers"
    assert f"The period before has {FEW}: not shown." in html
    assert re.findall(r"<td>([^<]+)</td></tr>", html[: html.index("The band shows")]) == []
    over_time = html[html.index("The band shows") : html.index("Distribution")]
    assert f"Periods with {FEW} are not shown." in over_time
    assert re.findall(r"<td>([^<]+)</td></tr>", over_time) == ["0", "0", "0", "0", "6", "0", "&lt;5"]
    sparkline = html[html.index('class="trend"') : html.index("Answers by period")]
    assert len(re.findall("<polyline", sparkline)) == 1
    assert len(re.findall(r"\d,\d", re.findall(r'points="([^"]+)"', sparkline)[0])) == 6


async def test_touchpoints_with_too_few_answers_are_named_in_the_table(visitor: ApiClient, store: Store) -> None:
    await give(store, 1, 6)
    await give(store, 1, 5, "west")
    await give(store, 1, 2, "kiel")
    html = await page(visitor, period="7d")
    assert f"With {FEW}, named in the table only: 1" in html
    assert "Among 2 at once, a difference counts only if chance would bring it less than once in 40 times." in html
    row = r'<th scope="row">Kiel</th><td>–</td><td>–</td><td>&lt;5</td><td>–</td>'
    assert re.search(row, html)
    assert 'class="name" href="/dashboard?touchpoint=west' in html
    assert 'class="name" href="/dashboard?touchpoint=kiel' not in html
