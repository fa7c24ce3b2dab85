"""A public link for tests: it asks two questions, and a third one of those who gave six or less."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse

from survey_service.models.brand import BrandContent
from survey_service.models.link import LinkContent
from survey_service.models.response import Response
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store
from tests.support.forms import ReadPage, read_page
from tests.support.service import ApiClient

LINK, PATH = "berlin", "/l/berlin"
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"id": "nps", "kind": "nps", "text": {"en": "How likely, {{touchpoint.name}}?", "de": "Wie wahrscheinlich?"}},
    {"id": "why", "kind": "text", "required": False, "text": {"en": "Why?", "de": "Warum?"}},
    {
        "id": "fix",
        "kind": "text",
        "required": False,
        "text": {"en": "What should we fix?", "de": "Was sollten wir ändern?"},
        "show_if": "answers.nps <= 6.0",
    },
)


def a_survey(**changes: Any) -> SurveyContent:
    """The survey of the link."""
    fields = {"name": "Visit", "brand": "acme", "primary": "nps", "questions": QUESTIONS}
    return SurveyContent.model_validate(fields | changes)


async def put_link(store: Store, name: str = LINK, **changes: Any) -> None:
    """Store a link."""
    content = {"survey": "visit", "touchpoint": "mitte", **changes}
    await store.configuration.links.put(name, LinkContent.model_validate(content))


async def configure_link(store: Store) -> None:
    """Store the link, and all that it needs."""
    await store.configuration.brands.put("acme", BrandContent(name="Acme", privacy_url="https://acme.example/privacy"))
    await store.configuration.surveys.put("visit", a_survey())
    await store.configuration.touchpoints.put("mitte", TouchpointContent(name="Berlin Mitte"))
    await put_link(store)


async def open_page(visitor: ApiClient, path: str = PATH, **headers: str) -> ReadPage:
    """The form that a visitor is handed out."""
    answer = await visitor.get(path, headers=headers)
    assert answer.status == 200, await answer.text()
    return read_page(await answer.text())


async def send(visitor: ApiClient, page: ReadPage, **answers: str) -> ClientResponse:
    """Send a form with these answers."""
    return await visitor.post(page.action, data={**page.fields, **answers})


async def responses(store: Store) -> tuple[Response, ...]:
    """All that are stored."""
    return (await store.responses.page({}, PageRequest(limit=1000))).rows
