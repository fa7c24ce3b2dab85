"""Links into the dashboard: what they ask for survives the sign-in, and a brand shows what its weekly mail says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from survey_service.models.api_key import Scope
from survey_service.pages.dashboard_filters import target_of
from survey_service.pages.dashboard_viewers import COOKIE
from survey_service.wiring import create_app
from tests.support.cases import put_people
from tests.support.figures import answered, count_answers, load
from tests.support.pipeline import BASE_URL, Pipeline, a_brand, a_survey
from tests.support.service import ApiClient, client_of

FILTERS = "?brand=beta&question=nps.0-10&zone=UTC"


@pytest.fixture
async def visitor(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """Somebody with a browser who is not signed in; two brands were answered last week."""
    await pipeline.configure()
    configuration = pipeline.store.configuration
    await configuration.brands.put("beta", a_brand(name="Beta & Sons"))
    await configuration.surveys.put("of-beta", a_survey(brand="beta", name="About Beta"))
    await put_people(pipeline, mia={"timezone": "UTC"})
    at = last_week(pipeline)
    rows = [answered(number, at, {"nps": 10}) for number in range(4)]
    rows += [answered(10 + number, at, {"nps": 1}, survey="of-beta", brand="beta") for number in range(3)]
    await load(pipeline.store, rows)
    await count_answers(pipeline.store)
    async with client_of(create_app(pipeline.service.parts)) as client:
        yield client


def last_week(pipeline: Pipeline) -> datetime:
    now = pipeline.clock.now().replace(hour=12, minute=0)
    return now - timedelta(days=now.weekday() + 4)


async def page(client: ApiClient, path: str, **headers: str) -> str:
    answer = await client.get(path, headers=headers, allow_redirects=False)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_who_has_to_sign_in_first_comes_out_where_the_link_led(visitor: ApiClient, pipeline: Pipeline) -> None:
    answer = await visitor.get(f"/dashboard{FILTERS}&token=x", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/dashboard/sign-in{FILTERS}")
    forms = re.findall(r'action="([^"]+)"', await page(visitor, f"/dashboard/sign-in{FILTERS}"))
    escaped = FILTERS.replace("&", "&amp;")
    assert forms == [f"/dashboard/sign-in{escaped}", f"/dashboard/sign-in/key{escaped}"]
    await visitor.post(f"/dashboard/sign-in{FILTERS}", data={"email": "mia@acme.example"})
    await pipeline.run()
    (letter,) = pipeline.letters()
    (link,) = [each for each in letter.links if "/dashboard/sign-in/" in each]
    path = link.removeprefix(BASE_URL)
    assert f"?{urlsplit(link).query}" == FILTERS
    (button,) = re.findall(r'action="([^"]+)"', await page(visitor, path))
    assert button.replace("&amp;", "&") == path
    entered = await visitor.post(path, allow_redirects=False)
    assert (entered.status, entered.headers["Location"]) == (303, f"/dashboard{FILTERS}")


async def test_a_key_comes_out_there_too_and_no_address_leads_elsewhere(visitor: ApiClient, pipeline: Pipeline) -> None:
    _, secret = await pipeline.store.api_keys.create("office", tuple(Scope))
    query = f"{FILTERS}&next=https://evil.example&//evil.example"
    entered = await visitor.post(f"/dashboard/sign-in/key{query}", data={"key": secret}, allow_redirects=False)
    assert entered.headers["Location"] == f"/dashboard{FILTERS}"


@pytest.mark.parametrize(
    ("customer", "leads_to"),
    [
        ("c-42", "/dashboard/customers/c-42"),
        ("//evil.example", "/dashboard/customers/%2F%2Fevil.example"),
        ("https://evil.example", "/dashboard/customers/https%3A%2F%2Fevil.example"),
        ("\\evil.example", "/dashboard/customers/%5Cevil.example"),
        ("a b?c#d", "/dashboard/customers/a%20b%3Fc%23d"),
        ("..", "/dashboard/customers/.."),
        (" ", "/dashboard"),
    ],
)
def test_a_sign_in_leads_on_to_a_customer_and_never_out_of_the_dashboard(customer: str, leads_to: str) -> None:
    assert target_of({"customer": customer}) == leads_to


async def test_a_brand_shows_the_figures_of_its_weekly_mail(visitor: ApiClient, pipeline: Pipeline) -> None:
    _, secret = await pipeline.store.api_keys.create("office", tuple(Scope))
    entered = await visitor.post("/dashboard/sign-in/key", data={"key": secret}, allow_redirects=False)
    # The cookie is for TLS alone, which this client does not speak.
    cookie = {"Cookie": f"{COOKIE}={entered.cookies[COOKIE].value}"}
    headers = {"Authorization": f"Bearer {secret}"}
    told = await (await visitor.post("/v1/people/mia/report", json={}, headers=headers)).json()
    await pipeline.run()
    assert [mail["brand"] for mail in told["data"]] == ["acme", "beta"]
    scores = {"acme": "100.0", "beta": "−100.0"}
    for brand, mail in zip(scores, told["data"], strict=True):
        (letter,) = [each for each in pipeline.letters() if each.subject == mail["subject"]]
        (link,) = [each for each in letter.links if f"brand={brand}" in each and "touchpoint" not in each]
        html = await page(visitor, link.removeprefix(BASE_URL), **cookie)
        assert f"<strong>{scores[brand]}</strong>" in html
        assert scores[brand] in letter.html
    assert "Beta &amp; Sons</option>" in html
    assert '<option value="of-beta"' in html
    assert '<option value="after-delivery"' not in html
    both = await page(visitor, "/dashboard?brand=nobody", **cookie)
    assert "7 answers" in both
