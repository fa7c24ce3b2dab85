"""What people talk about, on the dashboard: the API's figures, of one's own touchpoints, and nothing but words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.person import PersonContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.comments import STAFF, WAITING, put_topics, read_comments
from tests.support.content import put_survey
from tests.support.dashboards import HOSTILE, enter_as, enter_with_key, headline, page
from tests.support.figures import answered, count_answers, load
from tests.support.service import ApiClient, api_client, client_of

SAD, HAPPY = "A very long waiting time at the gate!", "Friendly crew on board, thank you all."
FIGURES = re.compile(
    r'<a class="name" href="([^"]+)">([^<]+)</a>.*?class="score">([^<]+)</span>\s*'
    r'<span class="verdict (\w+)"><b>([^<]+)</b> · (\d+) answers',
    re.DOTALL,
)


@pytest.fixture
async def shop(store: Store) -> None:
    """Two places: people wait in one, and are happy in the other."""
    await put_survey(store)
    await store.configuration.people.put(
        "ada", PersonContent(name="Ada Weber", email="ada@acme.example", touchpoints=("mitte",))
    )
    for place in ("mitte", "kiel"):
        await store.configuration.touchpoints.put(place, TouchpointContent(name=place.title(), region="North"))
    now = store.clock.now()
    rows = [
        answered(
            number,
            now - timedelta(days=1, minutes=number),
            {"nps": 3 if number % 2 else 10},
            touchpoint="kiel" if number % 2 else "mitte",
            region="North",
            comment=(SAD if number % 2 else HAPPY) if number < 30 else None,
            customer=f"cus_{number}",
            language="en",
        )
        for number in range(40)
    ]
    await load(store, rows)


async def read(store: Store) -> None:
    await store.database["responses"].update_many(
        {"comment": {"$gt": ""}}, {"$set": {"reading": {"due_at": store.clock.now()}}}
    )
    await read_comments(store)
    await count_answers(store)


def figures(html: str) -> list[tuple[str, ...]]:
    """Address, name, score, verdict, share and n of each topic."""
    return FIGURES.findall(html.partition('id="topics-heading"')[2])


async def test_topics_show_the_figures_of_the_api_and_lead_to_their_answers(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await put_topics(store)
    await read(store)
    await enter_with_key(visitor, store)
    html = await page(visitor, period="12m", zone="UTC")
    shown = figures(html)
    assert [(name, share, n) for _, name, _, _, share, n in shown] == [
        ("Staff", "38\N{NO-BREAK SPACE}%", "15"),
        ("Waiting", "38\N{NO-BREAK SPACE}%", "15"),
    ]
    assert "75\N{NO-BREAK SPACE}% of the answers speak of a topic." in html
    async with api_client(parts) as api:
        answer = await api.get("/v1/metrics", params={"metric": "nps", "group_by": "topic", "rank": "true"})
        rows = {row["topic"]: row for row in (await answer.json())["data"]}
    verdicts = {WAITING: "worse", STAFF: "better"}
    for href, name, score, verdict, _, _ in shown:
        row = rows[name.lower()]
        assert score == f"{row['score']:.1f}".replace("-", "−")
        assert verdict == verdicts[name.lower()]
        assert row["significant"]
        within = await page(visitor, href.replace("&amp;", "&"))
        assert headline(within)[2] == "15 answers"
        assert "75\N{NO-BREAK SPACE}% of the answers speak of a topic." in within
        assert [each[1:] for each in figures(within)] == [each[1:] for each in shown]
        assert (SAD in within) is (name == "Waiting")
    assert "What detractors say" in html
    assert re.findall(r'<bdi class="phrase" lang="en">([^<]+)</bdi> <span class="people">(\d+)', html) == [
        ("long waiting time", "15"),
        ("gate", "15"),
    ]


async def test_people_see_what_is_said_in_their_touchpoints(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await put_topics(store)
    await read(store)
    await enter_as(visitor, parts)
    html = await page(visitor)
    assert [(name, n) for _, name, _, _, _, n in figures(html)] == [("Staff", "15")]
    assert "waiting time" not in html
    assert "No words yet that three of them or more have in common." in html
    assert "waiting time" not in await page(visitor, topic=WAITING)


@pytest.mark.parametrize("filters", [{"region": "North"}, {"channel": "email"}, {"topic": "no-such"}])
async def test_other_filters_hold_for_what_is_said_too(
    visitor: ApiClient, store: Store, shop: None, filters: dict[str, str]
) -> None:
    await put_topics(store)
    await read(store)
    await enter_with_key(visitor, store)
    html = await page(visitor, **filters)
    assert ("What people talk about" in html) is ("topic" not in filters)


async def test_without_topics_the_page_says_how_to_make_some(visitor: ApiClient, store: Store, shop: None) -> None:
    await count_answers(store)
    await enter_with_key(visitor, store)
    html = await page(visitor)
    assert "PUT /v1/topics/waiting" in html
    assert "long waiting time" in html


async def test_without_comments_there_is_no_such_section(visitor: ApiClient, store: Store) -> None:
    await put_survey(store)
    await load(store, [answered(1, store.clock.now() - timedelta(hours=1), comment=None)])
    await count_answers(store)
    await enter_with_key(visitor, store)
    assert "What people talk about" not in await page(visitor)


async def test_more_than_can_be_counted_at_once_leaves_the_rest_of_the_page(
    visitor: ApiClient, store: Store, shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_topics(store)
    await read(store)
    await enter_with_key(visitor, store)
    monkeypatch.setattr("survey_service.store.histograms.MOST_ANSWERS", 5)
    html = await page(visitor, touchpoint="mitte", region="North", topic="")
    assert headline(html)[2] == "20 answers"
    assert figures(html) == []


async def test_hostile_names_and_comments_are_words(visitor: ApiClient, store: Store, shop: None) -> None:
    content = {"name": {"en": HOSTILE}, "words": {"en": ["gate"]}}
    async with client_of(visitor.app, (await store.api_keys.create("k", [Scope.CONFIG_WRITE]))[1]) as api:
        assert (await api.put("/v1/topics/x", json=content)).status == 201
    said = {"comment": f"{HOSTILE} at the gate \u202e <b>bold words</b>"}
    await store.database["responses"].update_many({"score": 3}, {"$set": said})
    await read(store)
    await enter_with_key(visitor, store)
    html = await page(visitor)
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "\u202e" not in html
    assert "<b>bold" not in html
