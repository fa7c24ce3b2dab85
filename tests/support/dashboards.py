"""The dashboard for tests: a shop with answers to look at, ways to sign in, and what a page says."""

from __future__ import annotations

import re
from datetime import timedelta

from survey_service.models.api_key import Scope
from survey_service.models.person import PersonContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.tokens import SignInSubject
from tests.support.content import put_survey
from tests.support.factories import OUR_CUSTOMER, make_customer
from tests.support.figures import answered, count_answers, load
from tests.support.service import ApiClient

PLACES = {"mitte": "Berlin Mitte", "west": "Berlin West", "kiel": "Kiel"}
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}</svg>"
ADA = PersonContent(name="Ada Weber", email="Ada@acme.example", touchpoints=("mitte", "west"), timezone="Europe/Berlin")


async def open_shop(store: Store) -> None:
    """Three places with answers of the last weeks: happy ones, mixed ones and sad ones; Ada sees two of them."""
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
    """A page that is there; redirects are not followed."""
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
    """What a mail that signs somebody in leads to."""
    subject = SignInSubject(person, parts.keyring.mark(ADA.email or ""), parts.clock.now() + lasts)
    return f"/dashboard/sign-in/{parts.keyring.sign_in_token(subject)}"


async def enter_as(client: ApiClient, parts: Parts, person: str = "ada") -> None:
    """Sign in by the button of such a mail."""
    answer = await client.post(link_for(parts, person), allow_redirects=False)
    assert answer.status == 303


def headline(html: str) -> tuple[str, ...]:
    """Score, interval and number of answers, as they are shown."""
    figure = re.search(r'<strong>(.*?)</strong>.*?interval">(.*?)</span>.*?n">(.*?)</span>', html)
    assert figure is not None
    return figure.groups()
