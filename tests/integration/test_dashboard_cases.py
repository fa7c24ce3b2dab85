"""Open cases and the funnel on the dashboard: what is due first on top, in the same filters, nothing unsaid."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.case import Case
from survey_service.pages import dashboard
from survey_service.pages.dashboard_viewers import NEEDED
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.comments import put_topics
from tests.support.content import SURVEY, put_survey
from tests.support.dashboards import enter_as, enter_with_key, open_shop, page
from tests.support.factories import make_invitation
from tests.support.service import ApiClient

DAY = timedelta(days=1)
TITLES = re.compile(r'<p class="line">(?:<a[^>]*>|<b>)([^<]+)<')


async def open_cases(store: Store, due_in_days: list[int], **changes: Any) -> None:
    """Cases called by the days until they are due; the later due, the earlier opened."""
    now = store.clock.now()
    fields = {"rule": "r", "survey": SURVEY, "brand": "acme", "channel": "web", "metric": "nps", "scale": "0-10"}
    rows = [
        {"title": f"due {days}", "due_by": now + days * DAY, "opened_at": now - days * DAY, **fields, **changes}
        for days in due_in_days
    ]
    ids = [f"{days}_{changes.get('touchpoint')}_{changes.get('survey')}" for days in due_in_days]
    cases = [{**row, "id": f"cas_{name}", "response": f"rsp_{name}"} for row, name in zip(rows, ids, strict=True)]
    await store.cases.insert([Case.model_validate({**case, "due_within": "P1D"}) for case in cases])


def titles(html: str) -> list[str]:
    return TITLES.findall(html)


async def test_what_is_due_first_stands_on_top_and_the_rest_is_a_link_away(
    visitor: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_shop(store)
    await open_cases(store, [3, -2, 1, 4, -1, 2, 5, 0], touchpoint="kiel")
    await open_cases(store, [-9], touchpoint="kiel", state="resolved")
    await enter_with_key(visitor, store)
    html = await page(visitor, period="4w")
    assert titles(html) == ["due -2", "due -1", "due 0", "due 1", "due 2", "due 3"]
    assert html.count('<span class="late">overdue since') == 3
    (everything,) = re.findall(r'<a href="(/dashboard/cases[^"]*)">Show all 8</a>', html)
    assert everything == "/dashboard/cases?period=4w"

    monkeypatch.setattr(dashboard, "CASES_A_PAGE", 5)
    first = await page(visitor, everything)
    assert "8 open cases" in first
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = await page(visitor, following.replace("&amp;", "&"))
    assert titles(first) + titles(second) == [f"due {days}" for days in range(-2, 6)]
    assert 'rel="next"' not in second
    assert 'href="/dashboard?period=4w"' in second
    assert titles(await page(visitor, "/dashboard/cases", after="x")) == titles(first)


async def test_cases_are_those_of_the_filters(visitor: ApiClient, parts: Parts, store: Store) -> None:
    await open_shop(store)
    for number, place in enumerate(("mitte", "west", "kiel", None)):
        await open_cases(store, [number], touchpoint=place)
    await enter_with_key(visitor, store)

    async def found(**filters: str) -> list[str]:
        shown = titles(await page(visitor, **filters))
        assert shown == titles(await page(visitor, "/dashboard/cases", **filters))
        return shown

    assert await found() == ["due 0", "due 1", "due 2", "due 3"]
    assert await found(region="Kiel") == ["due 2"]
    assert await found(region="Berlin") == ["due 0", "due 1"]
    assert await found(region="Berlin", touchpoint="west") == ["due 1"]
    assert await found(region="Berlin", touchpoint="kiel") == []
    await enter_as(visitor, parts)
    assert await found() == ["due 0", "due 1"]
    assert await found(region="Kiel") == []


async def test_a_topic_that_cases_and_invitations_do_not_know_is_said(visitor: ApiClient, store: Store) -> None:
    await open_shop(store)
    await put_topics(store)
    await enter_with_key(visitor, store)
    said = {"": "Cases have no topic", "/cases": "Cases have no topic", "/funnel": "Invitations have no topic"}
    for path, sentence in said.items():
        assert sentence in await page(visitor, f"/dashboard{path}", topic="staff")
        assert sentence not in await page(visitor, f"/dashboard{path}")


async def test_who_may_not_read_cases_is_shown_none(visitor: ApiClient, store: Store) -> None:
    await open_shop(store)
    await open_cases(store, [1])
    await enter_with_key(visitor, store, *(NEEDED - {Scope.CASES_READ}))
    assert "due 1" not in await page(visitor)
    assert "cases-heading" not in await page(visitor)
    answer = await visitor.get("/dashboard/cases")
    assert answer.status == 404
    assert "due 1" not in await answer.text()


async def test_the_way_of_invitations_can_be_looked_at_before_anybody_answers(visitor: ApiClient, store: Store) -> None:
    await put_survey(store)
    now = store.clock.now()
    sent = make_invitation("ord-1", created_at=now, sent_at=now, survey=SURVEY)
    await store.database["invitations"].insert_one(sent.to_document())
    await enter_with_key(visitor, store)
    html = await page(visitor)
    assert "No answers yet" in html
    assert 'id="funnel"' in html
