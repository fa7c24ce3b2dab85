"""The dashboard: its figures are the API's, people see their own touchpoints, and whoever wants in has to prove it."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.case import Case
from survey_service.models.person import PersonContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.pages.dashboard_viewers import COOKIE, NEEDED
from survey_service.pages.sign_in import MAILS_AN_HOUR, TRIES_AN_HOUR
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.tokens import OptOutSubject, SignInSubject
from survey_service.wiring import create_app
from tests.support.content import SURVEY, put_survey
from tests.support.factories import NOON, OUR_CUSTOMER, make_customer, make_invitation
from tests.support.figures import answered, count_answers, load
from tests.support.service import BASE_URL, ApiClient, api_client, client_of

PLACES = {"mitte": "Berlin Mitte", "west": "Berlin West", "kiel": "Kiel"}
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}</svg>"
ADA = PersonContent(name="Ada Weber", email="Ada@acme.example", touchpoints=("mitte", "west"), timezone="Europe/Berlin")
BUDGET = 60_000  # bytes of the first view


@pytest.fixture
async def visitor(parts: Parts) -> AsyncIterator[ApiClient]:
    """Somebody with a browser and nothing else; redirects are looked at, not followed."""
    async with client_of(create_app(parts)) as client:
        yield client


@pytest.fixture
async def shop(store: Store) -> None:
    """Three places with answers of the last weeks: happy ones, mixed ones and sad ones."""
    await put_survey(store)
    await store.configuration.people.put("ada", ADA)
    for place, name in PLACES.items():
        await store.configuration.touchpoints.put(place, TouchpointContent(name=name, region=name.split()[0]))
    now = store.clock.now()
    scores = {"mitte": [10, 9, 9, 10, 8, 3], "west": [7, 8, 9, 2, 6], "kiel": [0, 1, 3, 6, 10]}
    rows = [
        answered(
            number,
            now - timedelta(days=3 * number % 40, hours=1),
            {"nps": score},
            touchpoint=place,
            region=PLACES[place].split()[0],
            comment=f"words from {place}",
            customer=OUR_CUSTOMER if place == "mitte" else "cus_43",
        )
        for number, (place, score) in enumerate((place, score) for place, given in scores.items() for score in given)
    ]
    await load(store, rows)
    await count_answers(store)
    people = (make_customer(), make_customer("c-43", id="cus_43", keys=("id:c-43",)))
    await store.customers.insert(people)


async def page(client: ApiClient, path: str = "/dashboard", **query: str) -> str:
    answer = await client.get(path, params=query, allow_redirects=False)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def enter_with_key(client: ApiClient, store: Store, *scopes: Scope) -> str:
    """Sign in with a key of these scopes; returns its id."""
    key, secret = await store.api_keys.create("office", scopes or tuple(Scope))
    answer = await client.post("/dashboard/sign-in/key", data={"key": secret}, allow_redirects=False)
    assert answer.status == 303
    return key.id


def link_for(parts: Parts, person: str = "ada", lasts: timedelta = timedelta(minutes=5)) -> str:
    subject = SignInSubject(person, parts.clock.now() + lasts)
    return f"/dashboard/sign-in/{parts.keyring.sign_in_token(subject)}"


async def enter_as(client: ApiClient, parts: Parts, person: str = "ada") -> None:
    answer = await client.post(link_for(parts, person), allow_redirects=False)
    assert answer.status == 303


async def letters(store: Store) -> list[dict[str, Any]]:
    return await store.database["deliveries"].find().to_list(None)


def headline(html: str) -> tuple[str, ...]:
    figure = re.search(r'<strong>(.*?)</strong>.*?interval">(.*?)</span>.*?n">(.*?)</span>', html)
    assert figure is not None
    return figure.groups()


async def test_whoever_is_not_signed_in_is_led_to_where_one_does(visitor: ApiClient) -> None:
    for path in ("/dashboard", f"/dashboard/customers/{OUR_CUSTOMER}"):
        answer = await visitor.get(path, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/dashboard/sign-in")
    assert (await visitor.get("/dashboard/answers")).status == 403


@pytest.mark.parametrize(
    ("base_url", "host", "status"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 200),
        ("http://127.0.0.1:8080", "localhost:8080", 200),
        ("http://127.0.0.1:8080", "evil.example", 303),
        ("https://survey.acme.example", "127.0.0.1", 303),
    ],
)
async def test_the_sandbox_is_open_to_this_machine_alone(
    parts: Parts, shop: None, base_url: str, host: str, status: int
) -> None:
    async with client_of(create_app(replace(parts, base_url=base_url))) as client:
        answer = await client.get("/dashboard", headers={"Host": host}, allow_redirects=False)
        assert answer.status == status
        assert status != 200 or "Sandbox" in await answer.text()


async def test_a_mailed_link_signs_in_once_and_only_by_its_button(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    answer = await visitor.post("/dashboard/sign-in", data={"email": " ada@ACME.example "})
    assert answer.status == 200
    (letter,) = await letters(store)
    assert (letter["to"], letter["kind"], letter["person"]) == ("Ada@acme.example", "alert", None)
    assert letter["expires_at"] - letter["created_at"] == timedelta(minutes=15)
    assert letter["button"]["url"].startswith(f"{BASE_URL}/dashboard/sign-in/")
    path = urlsplit(letter["button"]["url"]).path

    for _ in range(2):
        assert "Sign in</button>" in await page(visitor, path)
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303

    entered = await visitor.post(path, allow_redirects=False)
    cookie = entered.cookies[COOKIE]
    assert (entered.status, entered.headers["Location"]) == (303, "/dashboard")
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/dashboard", "")
    assert cookie["max-age"] == str(12 * 3600)
    assert "Ada Weber" in await page(visitor)
    assert (await visitor.post(path, allow_redirects=False)).status == 410

    left = await visitor.post("/dashboard/sign-out", allow_redirects=False)
    assert left.status == 303
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303


async def test_the_cookie_travels_encrypted_where_the_service_does(parts: Parts, shop: None) -> None:
    async with client_of(create_app(replace(parts, base_url="https://survey.acme.example"))) as client:
        answer = await client.post(link_for(parts), allow_redirects=False)
        assert answer.cookies[COOKIE]["secure"]


async def test_an_address_that_nobody_has_gets_the_same_answer_and_no_mail(
    visitor: ApiClient, store: Store, shop: None
) -> None:
    known = await visitor.post("/dashboard/sign-in", data={"email": "ada@acme.example"})
    before = await letters(store)
    unknown = await visitor.post("/dashboard/sign-in", data={"email": "eve@acme.example"})
    assert (known.status, await known.text()) == (unknown.status, await unknown.text())
    assert await letters(store) == before


async def test_one_address_is_mailed_a_few_times_an_hour(visitor: ApiClient, store: Store, shop: None) -> None:
    answers = [await visitor.post("/dashboard/sign-in", data={"email": "ada@acme.example"}) for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert len(await letters(store)) == MAILS_AN_HOUR


async def test_one_network_tries_so_often_and_no_more(visitor: ApiClient, store: Store, shop: None) -> None:
    tries = [await visitor.post("/dashboard/sign-in/key", data={"key": "sk_guess"}) for _ in range(TRIES_AN_HOUR)]
    assert {answer.status for answer in tries} == {403}
    assert (await visitor.post("/dashboard/sign-in/key", data={"key": "sk_guess"})).status == 429


async def test_no_other_token_signs_in(visitor: ApiClient, parts: Parts, shop: None) -> None:
    good = link_for(parts)
    others = [
        link_for(parts, lasts=timedelta(seconds=-1)),
        link_for(parts, person="nobody"),
        good[:-2],
        f"/dashboard/sign-in/{parts.keyring.opt_out_token(OptOutSubject('ada', '99999999999'))}",
        "/dashboard/sign-in/x",
    ]
    for path in others:
        assert (await visitor.get(path)).status == 410
        answer = await visitor.post(path, allow_redirects=False)
        assert answer.status == 410
        assert COOKIE not in answer.cookies
    # The link's own token is no cookie.
    visitor.session.cookie_jar.update_cookies({COOKIE: good.rpartition("/")[2]})
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303


async def test_another_site_signs_nobody_in(visitor: ApiClient, parts: Parts, shop: None) -> None:
    answer = await visitor.post(link_for(parts), headers={"Sec-Fetch-Site": "cross-site"}, allow_redirects=False)
    assert answer.status == 410


async def test_who_has_left_is_out_at_once(visitor: ApiClient, parts: Parts, store: Store, shop: None) -> None:
    await enter_as(visitor, parts)
    await store.configuration.people.put("ada", ADA.model_copy(update={"active": False}))
    store.configuration._read_at = 0.0  # pages may lag a second behind
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303


async def test_a_key_signs_in_if_it_may_read_and_until_it_is_revoked(
    visitor: ApiClient, store: Store, shop: None
) -> None:
    _, secret = await store.api_keys.create("events only", [Scope.EVENTS_READ, Scope.METRICS_READ])
    assert (await visitor.post("/dashboard/sign-in/key", data={"key": secret})).status == 403
    key = await enter_with_key(visitor, store, *NEEDED)
    assert "Berlin Mitte" in await page(visitor)
    await store.api_keys.revoke(key)
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303


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


async def test_a_page_without_any_survey_is_empty_too(visitor: ApiClient, store: Store) -> None:
    await enter_with_key(visitor, store)
    assert "No answers yet" in await page(visitor)


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
    assert "api:office" in html
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
