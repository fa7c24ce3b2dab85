"""A survey as its customers would see it, over HTTP, before anybody is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.parts import Parts
from survey_service.wiring import create_app
from tests.support.problems import assert_problem, pointers
from tests.support.service import BASE_URL, ApiClient, api_client, client_of

BRAND = {"name": "Acme"}
SURVEY: dict[str, Any] = {
    "name": "After delivery",
    "brand": "acme",
    "default_language": "de",
    "primary": "nps",
    "questions": [
        {"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}},
        {"id": "why", "kind": "text", "text": {"de": "Warum?"}},
    ],
    "messages": {"email": {"subject": {"en": "Hello {{customer.first_name|there}}", "de": "Hallo"}}},
}
COLLECTIONS = ("events", "invitations", "deliveries", "responses", "customers")


@pytest.fixture
async def configured(parts: Parts) -> AsyncIterator[ApiClient]:
    """A client of a service, pages included, that has the survey `after`, in its second version."""
    _, secret = await parts.store.api_keys.create("test", tuple(Scope))
    async with client_of(create_app(parts), secret) as api:
        assert (await api.put("/v1/brands/acme", json=BRAND)).status == 201
        assert (await api.put("/v1/surveys/after", json={**SURVEY, "name": "first"})).status == 201
        assert (await api.put("/v1/surveys/after", json=SURVEY)).status == 200
        yield api


async def preview(api: ApiClient, query: str = "") -> dict[str, Any]:
    response = await api.get(f"/v1/surveys/after/preview{query}")
    assert response.status == 200, await response.text()
    body: dict[str, Any] = await response.json()
    return body


async def test_every_language_is_shown_on_each_channel(configured: ApiClient) -> None:
    body = await preview(configured)
    assert (body["survey"], body["version"]) == ("after", 2)
    german, english = body["previews"]
    assert (german["language"], english["language"]) == ("de", "en")
    assert "Wie wahrscheinlich?" in german["email"]["html"]
    assert "How likely?" in english["email"]["html"]
    assert "How likely?" in english["email"]["text"]
    assert english["email"]["subject"].endswith("Hello there")
    assert english["sms"]["text"].count("How likely?") == 1
    assert (english["sms"]["encoding"], english["sms"]["segments"]) == ("GSM-7", 1)


async def test_everything_is_marked_and_leads_nowhere_but_to_previews(configured: ApiClient, parts: Parts) -> None:
    (english,) = (await preview(configured, "?language=en"))["previews"]
    page = await configured.get(english["page"].removeprefix(BASE_URL))
    assert page.status == 200
    assert "This is a preview" in await page.text()
    assert english["email"]["subject"].startswith("[Preview] ")
    assert english["sms"]["text"].startswith("[Preview] ")
    for body in (english["email"]["html"], english["email"]["text"]):
        assert "This is a preview" in body
        assert f"{BASE_URL}/preview/" in body
        assert f"{BASE_URL}/s/" not in body
        assert f"{BASE_URL}/u/" not in body
    for name in COLLECTIONS:
        assert await parts.store.database[name].count_documents({}) == 0


async def test_an_earlier_version_can_be_looked_at(configured: ApiClient) -> None:
    body = await preview(configured, "?version=1&language=de")
    assert body["version"] == 1
    (german,) = body["previews"]
    assert (await configured.get(german["page"].removeprefix(BASE_URL))).status == 200


async def test_what_cannot_be_shown_is_refused(configured: ApiClient, parts: Parts) -> None:
    for query, pointer in (
        ("language=fr", "/language"),
        ("language=<b>", "/language"),
        ("version=0", "/version"),
        ("version=x", "/version"),
        ("colour=red", "/colour"),
    ):
        answer = await configured.get(f"/v1/surveys/after/preview?{query}")
        assert pointers(await assert_problem(answer, 422, "invalid")) == {pointer}
    await assert_problem(await configured.get("/v1/surveys/after/preview?version=3"), 404, "not_found")
    await assert_problem(await configured.get("/v1/surveys/other/preview"), 404, "not_found")
    async with api_client(parts, Scope.EVENTS_WRITE) as other:
        await assert_problem(await other.get("/v1/surveys/after/preview"), 403, "forbidden")
