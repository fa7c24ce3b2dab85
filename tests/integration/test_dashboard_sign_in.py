"""Signing in to the dashboard: by a mailed link or with a key, once, for a while, and by nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from survey_service.models.api_key import Scope
from survey_service.pages.dashboard_viewers import COOKIE, NEEDED
from survey_service.pages.sign_in import MAILS_AN_HOUR, TRIES_AN_HOUR
from survey_service.parts import Parts
from survey_service.store.counters import HOUR, hour_of
from survey_service.store.store import Store
from survey_service.tokens import OptOutSubject
from survey_service.wiring import create_app
from tests.support.dashboards import ADA, enter_as, enter_with_key, link_for, open_shop, page
from tests.support.factories import OUR_CUSTOMER
from tests.support.service import BASE_URL, ApiClient, client_of


@pytest.fixture
async def shop(store: Store) -> None:
    """Three places with answers of the last weeks."""
    await open_shop(store)


def start_of_hour(store: Store) -> None:
    """The next full hour: what is counted by the hour begins anew."""
    store.clock.shift += hour_of(store.clock.now()) + HOUR - store.clock.now()


async def letters(store: Store) -> list[dict[str, Any]]:
    return await store.database["deliveries"].find().to_list(None)


async def test_whoever_is_not_signed_in_is_led_to_where_one_does(visitor: ApiClient) -> None:
    for path, query in (("/dashboard", ""), (f"/dashboard/customers/{OUR_CUSTOMER}", f"?customer={OUR_CUSTOMER}")):
        answer = await visitor.get(path, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, f"/dashboard/sign-in{query}")
    assert (await visitor.get("/dashboard/answers")).status == 403


@pytest.mark.parametrize(
    ("base_url", "host", "status"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 200),
        ("http://127.0.0.1:8080", "localhost:8080", 200),
        ("http://127.0.0.1:8080", "evil.example", 303),
        ("http://127.0.0.1:8080", "[1", 303),
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
        proxied = {"Host": host, "X-Forwarded-For": "192.0.2.7"}
        assert (await client.get("/dashboard", headers=proxied, allow_redirects=False)).status == 303


async def test_a_mailed_link_signs_in_once_and_only_by_its_button(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    answer = await visitor.post("/dashboard/sign-in", data={"email": " ada@ACME.example "})
    assert answer.status == 200
    (letter,) = await letters(store)
    assert (letter["to"], letter["kind"], letter["person"]) == ("Ada@acme.example", "sign_in", "ada")
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
    tapped_twice = await visitor.post(path, params={"period": "4w"}, allow_redirects=False)
    assert (tapped_twice.status, tapped_twice.headers["Location"]) == (303, "/dashboard?period=4w")
    assert COOKIE not in tapped_twice.cookies

    left = await visitor.post("/dashboard/sign-out", allow_redirects=False)
    assert left.status == 303
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303
    copied = {"Cookie": f"{COOKIE}={cookie.value}"}
    assert (await visitor.get("/dashboard", headers=copied, allow_redirects=False)).status == 303
    assert (await visitor.post(path, allow_redirects=False)).status == 410


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


async def ask_every_ten_minutes(visitor: ApiClient, store: Store, path: str, data: dict[str, str], asks: int) -> None:
    """Past a limit, without a pause of an hour: what is asked too often must not put the next hour off."""
    for _ in range(asks):
        store.clock.shift += timedelta(minutes=10)
        await visitor.post(path, data=data)


async def test_one_address_is_mailed_a_few_times_an_hour(visitor: ApiClient, store: Store, shop: None) -> None:
    start_of_hour(store)
    answers = [await visitor.post("/dashboard/sign-in", data={"email": "ada@acme.example"}) for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert len(await letters(store)) == MAILS_AN_HOUR
    await ask_every_ten_minutes(visitor, store, "/dashboard/sign-in", {"email": "ada@acme.example"}, 6)
    assert len(await letters(store)) == MAILS_AN_HOUR + 1


async def test_one_network_fails_so_often_an_hour_and_no_more(visitor: ApiClient, store: Store, shop: None) -> None:
    start_of_hour(store)
    bad, good = {"key": "sk_guess"}, {"key": (await store.api_keys.create("office", tuple(NEEDED)))[1]}
    path = "/dashboard/sign-in/key"
    statuses = [
        (await visitor.post(path, data=form, allow_redirects=False)).status
        for form in (good, *(bad for _ in range(TRIES_AN_HOUR)), bad, good)
    ]
    assert statuses == [303, *(403 for _ in range(TRIES_AN_HOUR)), 429, 429]
    await ask_every_ten_minutes(visitor, store, path, bad, 6)
    assert (await visitor.post(path, data=good, allow_redirects=False)).status == 303


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


@pytest.mark.parametrize("changes", [{"active": False}, {"email": "successor@acme.example"}, {"email": None}])
async def test_who_has_left_is_out_at_once_and_no_successor_is_in_their_place(
    visitor: ApiClient, parts: Parts, store: Store, shop: None, changes: dict[str, Any]
) -> None:
    waiting = link_for(parts)
    await enter_as(visitor, parts)
    await store.configuration.people.put("ada", ADA.model_copy(update=changes))
    store.configuration._read_at = 0.0  # pages may lag a second behind
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303
    assert (await visitor.post(waiting, allow_redirects=False)).status == 410


async def test_people_who_share_a_mailbox_get_a_link_each(visitor: ApiClient, store: Store, shop: None) -> None:
    await store.configuration.people.put("bob", ADA.model_copy(update={"name": "Bob Weber"}))
    await visitor.post("/dashboard/sign-in", data={"email": "ada@acme.example"})
    for letter in await letters(store):
        name = letter["subject"].rpartition(" · ")[2]
        assert name in await page(visitor, urlsplit(letter["button"]["url"]).path)
    assert {letter["person"] for letter in await letters(store)} == {"ada", "bob"}


async def test_without_a_brand_no_link_leaves_and_the_log_says_why(
    visitor: ApiClient, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await store.configuration.people.put("ada", ADA)
    assert (await visitor.post("/dashboard/sign-in", data={"email": "ada@acme.example"})).status == 200
    assert await letters(store) == []
    assert "sign_in.no_brand" in "".join(capsys.readouterr())


async def test_a_key_signs_in_if_it_may_read_and_until_it_is_revoked(
    visitor: ApiClient, store: Store, shop: None
) -> None:
    _, secret = await store.api_keys.create("events only", [Scope.EVENTS_READ, Scope.METRICS_READ])
    assert (await visitor.post("/dashboard/sign-in/key", data={"key": secret})).status == 403
    key = await enter_with_key(visitor, store, *NEEDED)
    assert "Berlin Mitte" in await page(visitor)
    await store.api_keys.revoke(key)
    assert (await visitor.get("/dashboard", allow_redirects=False)).status == 303
