"""The dashboard: its figures are the API's, people see their own touchpoints, and whoever wants in has to prove it."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.case import Case
from survey_service.models.response import Measure
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.pages.dashboard_viewers import NEEDED
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.wiring import create_app
from tests.support.content import SURVEY, put_survey
from tests.support.dashboards import ADA, HOSTILE, enter_as, enter_with_key, headline, open_shop, page
from tests.support.factories import NOON, OUR_CUSTOMER, make_customer, make_invitation
from tests.support.figures import answered, count_answers, load
from tests.support.service import BASE_URL, ApiClient, api_client, client_of

BUDGET = 60_000  # bytes of the first view


@pytest.fixture
async def shop(store: Store) -> None:
    """Three places with answers of the last weeks."""
    await open_shop(store)


@pytest.mark.parametrize(
    "filters",
    [{}, {"touchpoint": "kiel"}, {"region": "Berlin"}, {"survey": SURVEY}, {"region": "Berlin", "touchpoint": "west"}],
)
async def test_the_figures_are_those_of_the_api(
    visitor: ApiClient, parts: Parts, store: Store, shop: None, filters: dict[str, str]
) -> None:
    await enter_with_key(visitor, store)
    html = await page(visitor, period="12m", zone="UTC", **filters)
    async with api_client(parts) as api:
        answer = await api.get("/v1/metrics", params={"metric": "nps", **filters})
        (row,) = (await answer.json())["data"]
    score, interval, n = headline(html)
    low, high = (f"{round(row[end])}".replace("-", "−") for end in ("ci_low", "ci_high"))
    assert score == f"{row['score']:.1f}".replace("-", "−")
    assert interval == f"{low} to {high}"
    assert n == f"{row['n']} answers"


async def test_people_see_their_touchpoints_and_nothing_of_the_others(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    fields = {"title": "Unhappy", "rule": "r", "survey": SURVEY, "brand": "acme", "channel": "web", "metric": "nps"}
    fields |= {"scale": "0-10", "due_within": "P1D", "due_by": NOON, "opened_at": NOON, "customer": "cus_43"}
    for place in ("mitte", "kiel"):
        changes = {"id": f"cas_{place}", "response": f"rsp_{place}", "title": f"case of {place}", "touchpoint": place}
        await store.cases.insert([Case.model_validate(fields | changes)])
    await enter_as(visitor, parts)
    html = await page(visitor)
    assert headline(html)[2] == "11 answers"
    assert "Berlin Mitte" in html
    assert "case of mitte" in html
    assert "kiel" not in html.lower()
    fragment = await page(visitor, "/dashboard/answers")
    assert "words from west" in fragment
    assert "kiel" not in fragment

    elsewhere = await page(visitor, touchpoint="kiel")
    assert "words from kiel" not in elsewhere
    assert "case of kiel" not in elsewhere
    assert "<strong>" not in elsewhere
    assert (await visitor.get("/dashboard/customers/cus_43")).status == 200  # was in Berlin West, too
    assert "Kiel" not in await page(visitor, "/dashboard/customers/cus_43")

    for scopes in (NEEDED, {*NEEDED, Scope.CASES_READ}):
        await enter_with_key(visitor, store, *scopes)
        assert ("case of mitte" in await page(visitor)) is (Scope.CASES_READ in scopes)


async def test_the_funnel_counts_the_invitations_of_ones_own_touchpoints(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    now = store.clock.now()
    rows = [
        make_invitation(name, touchpoint=place, created_at=now, sent_at=now, survey=SURVEY)
        for name, place in (("ord-1", "mitte"), ("ord-2", "west"), ("ord-3", "kiel"))
    ]
    await store.database["invitations"].insert_many([row.to_document() for row in rows])
    await enter_as(visitor, parts)
    assert re.findall(r"Sent</th><td>(\d+)", await page(visitor, "/dashboard/funnel")) == ["2"]
    assert "Nothing was sent" in await page(visitor, "/dashboard/funnel", touchpoint="kiel")


async def test_a_customer_who_was_never_here_is_unknown(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await store.configuration.people.put("ada", ADA.model_copy(update={"touchpoints": ("kiel",)}))
    await enter_as(visitor, parts)
    assert (await visitor.get(f"/dashboard/customers/{OUR_CUSTOMER}")).status == 404
    answer = await visitor.post(f"/dashboard/customers/{OUR_CUSTOMER}/notes", data={"note": "hello"})
    assert answer.status == 404
    assert (await store.customers.get_many([OUR_CUSTOMER]))[OUR_CUSTOMER].notes == ()


async def test_hostile_words_are_shown_and_do_nothing(visitor: ApiClient, store: Store) -> None:
    await put_survey(store)
    await store.configuration.touchpoints.put("x", TouchpointContent(name=HOSTILE, region=HOSTILE))
    now = store.clock.now()
    await store.customers.insert([make_customer()])
    await load(
        store,
        [
            answered(number, now - timedelta(hours=1), touchpoint=place, comment=HOSTILE, customer=OUR_CUSTOMER)
            for number, place in enumerate(("x", HOSTILE, None))
        ],
    )
    await count_answers(store)
    await enter_with_key(visitor, store)
    for path in ("/dashboard", "/dashboard/answers", f"/dashboard/customers/{OUR_CUSTOMER}"):
        html = await page(visitor, path)
        assert "&lt;script&gt;" in html
        assert "<script>" not in html
        assert "{{7*7}}" in html
    html = await page(visitor, touchpoint=HOSTILE, region=HOSTILE, survey=HOSTILE, question=HOSTILE, zone=HOSTILE)
    assert "<script>" not in html


@pytest.mark.parametrize(
    "query",
    [
        {"survey": "no-such", "question": "nps.5-6", "zone": "Mars/Base", "period": "1y"},
        {"from": "2026-13-45", "to": "x"},
        {"from": "2999-01-01"},
        {"from": "2000-01-01", "to": "2026-01-01"},
        {"from": "0001-01-01", "to": "9999-12-31"},
    ],
)
async def test_what_an_address_says_wrongly_is_taken_for_unsaid(
    visitor: ApiClient, store: Store, shop: None, query: dict[str, str]
) -> None:
    await enter_with_key(visitor, store)
    assert headline(await page(visitor, **query)) == headline(await page(visitor))


@pytest.mark.parametrize("period", ["7d", "4w", "13w", "12m"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
async def test_every_period_is_shown_in_every_zone(
    visitor: ApiClient, store: Store, shop: None, period: str, zone: str
) -> None:
    await enter_with_key(visitor, store)
    assert "As a table" in await page(visitor, period=period, zone=zone)


async def test_a_day_is_shown_by_the_hour(visitor: ApiClient, store: Store, shop: None) -> None:
    await enter_with_key(visitor, store)
    today = store.clock.now().date().isoformat()
    assert "Score over time" in await page(visitor, **{"from": today, "to": today})


async def test_an_empty_page_says_what_to_do(visitor: ApiClient, store: Store) -> None:
    await put_survey(store)
    await enter_with_key(visitor, store)
    html = await page(visitor)
    assert "No answers yet" in html
    assert f"curl -X POST {BASE_URL}/v1/invitations" in html
    assert "Two touchpoints with answers stand here side by side." in html
    assert "PUT /v1/follow-ups/unhappy" in html
    assert "None in this period so far." in html
    assert 'data-url="/dashboard/answers?' in html  # the first answer comes in by itself
    assert "Two touchpoints" not in await page(visitor, touchpoint="mitte")


async def test_a_page_without_any_survey_is_empty_too(visitor: ApiClient, store: Store) -> None:
    await enter_with_key(visitor, store)
    assert "No answers yet" in await page(visitor)


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({"question": "nps.0-10"}, ["1", "10", "10"]),
        ({"question": "csat.1-5"}, ["2", "4", "5"]),
        ({"survey": SURVEY, "question": "csat.1-5.speed"}, ["4", "5"]),
    ],
)
async def test_the_newest_answers_are_those_that_the_figure_counts(
    visitor: ApiClient, store: Store, filters: dict[str, str], shown: list[str]
) -> None:
    await put_survey(store)
    asked = [{"id": name, "kind": kind, "text": {"en": name}} for name, kind in (("nps", "nps"), ("speed", "csat"))]
    content = {"name": "After delivery", "brand": "acme", "primary": "nps", "questions": asked}
    await store.configuration.surveys.put(SURVEY, SurveyContent.model_validate(content))
    yesterday = store.clock.now() - timedelta(days=1)
    stars = Measure(metric="csat", scale="1-5")
    rows = [answered(number, yesterday - timedelta(seconds=number), {"nps": 10}) for number in range(2)]
    rows = [
        row.model_copy(update={"scores": {"nps": 10, "speed": 4 + n}, "measures": {**row.measures, "speed": stars}})
        for n, row in enumerate(rows)
    ]
    only_nps = answered(3, yesterday, {"nps": 1})
    deleted = answered(4, yesterday, {"csat": 2}, survey="gone", metric="csat", scale="1-5", score=2)
    await load(store, [*rows, only_nps, deleted])
    await count_answers(store)
    await enter_with_key(visitor, store)
    html = await page(visitor, **filters)
    assert headline(html)[2] == f"{len(shown)} answers"
    assert sorted(re.findall(r'<b class="score \w+">(\d+)</b>', html), key=int) == shown


async def test_the_newest_answers_are_found_without_reading_others(
    visitor: ApiClient, store: Store, shop: None
) -> None:
    """A list of what is rarely measured must not read the million answers in which it is not."""
    at = store.clock.now() - timedelta(days=5)
    await load(store, [answered(900 + number, at, {"nps": 9, "csat": 4}) for number in range(3)])
    await load(store, [answered(1_000 + number, at + timedelta(minutes=number)) for number in range(300)])
    question = {"id": "csat", "kind": "csat", "text": {"en": "Happy?"}}
    content = {"name": "Other", "brand": "acme", "primary": "csat", "questions": [question]}
    await store.configuration.surveys.put("other", SurveyContent.model_validate(content))
    await enter_with_key(visitor, store)
    database = store.database["responses"].database
    await database.command("profile", 2)
    html = await page(visitor, "/dashboard/answers", question="csat.1-5")
    await database.command("profile", 0)
    of_list = {"op": "query", "ns": store.database["responses"].full_name, "command.sort.started_at": -1}
    (read,) = await database["system.profile"].find(of_list).to_list(None)
    await database.drop_collection("system.profile")
    assert html.count('<b class="score') == 3
    assert (read["planSummary"].partition(" ")[0], read["docsExamined"]) == ("IXSCAN", 3)


async def test_no_address_of_a_customer_stands_beside_the_answers(visitor: ApiClient, store: Store, shop: None) -> None:
    await enter_with_key(visitor, store, *NEEDED)
    html = await page(visitor)
    assert "words from mitte" in html
    assert "ada@example.com" not in html
    # A key that may not read of single customers is not shown the way to them.
    assert "/dashboard/customers/" not in html
    assert (await visitor.get(f"/dashboard/customers/{OUR_CUSTOMER}")).status == 404


async def test_the_page_of_a_customer_keeps_notes(visitor: ApiClient, store: Store, shop: None) -> None:
    await enter_with_key(visitor, store, *NEEDED, Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE)
    path = f"/dashboard/customers/{OUR_CUSTOMER}"
    assert "words from mitte" in await page(visitor, path)
    for note, status in (("", 422), ("x" * 2001, 422), (f"likes tea {HOSTILE}", 303)):
        answer = await visitor.post(f"{path}/notes", data={"note": note}, allow_redirects=False)
        assert answer.status == status
    html = await page(visitor, path)
    assert "likes tea" in html
    assert "API key office" in html
    assert "<script>" not in html
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await visitor.post(f"{path}/notes", data={"note": "no"}, headers=headers)).status == 403


async def test_the_first_view_is_small_and_locked_down(parts: Parts, store: Store, shop: None) -> None:
    async with client_of(create_app(parts)) as client:
        await enter_with_key(client, store)
        total = 0
        for path in ("/dashboard", *re.findall(r'(?:href|src)="(/static/[^"]+)"', await page(client))):
            answer = await client.session.get(client.make_url(path), auto_decompress=False)  # type: ignore[call-arg]
            body = await answer.read()
            total += len(body)
            assert answer.headers["Content-Encoding"] in {"gzip", "deflate"}
            assert answer.headers["Content-Encoding"] != "gzip" or gzip.decompress(body)
        assert total < BUDGET
        answer = await client.get("/dashboard")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


async def test_a_key_that_may_only_read_of_customers_writes_no_note(
    visitor: ApiClient, store: Store, shop: None
) -> None:
    await enter_with_key(visitor, store, *NEEDED, Scope.CUSTOMERS_READ)
    path = f"/dashboard/customers/{OUR_CUSTOMER}"
    assert "<textarea" not in await page(visitor, path)
    assert (await visitor.post(f"{path}/notes", data={"note": "hello"})).status == 403
