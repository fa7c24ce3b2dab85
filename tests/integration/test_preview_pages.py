"""`/preview/{token}`: the pages follow one another as they will for customers, and leave no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pymongo
import pytest

from survey_service.models.brand import BrandContent
from survey_service.models.survey import SurveyContent
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.tokens import PreviewSubject
from survey_service.wiring import create_app
from tests.support.forms import ReadPage, read_page
from tests.support.service import ApiClient, client_of

QUESTIONS: tuple[dict[str, Any], ...] = (
    {"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}},
    {
        "id": "what",
        "kind": "choices",
        "required": False,
        "text": {"en": "What?"},
        "options": [{"id": "price", "text": {"en": "Price"}}, {"id": "staff", "text": {"en": "Staff"}}],
    },
    {"id": "fix", "kind": "text", "text": {"en": "What to fix?"}, "show_if": "answers.nps <= 6.0"},
    {"id": "more", "kind": "line", "text": {"en": "More?"}, "required": False, "show_if": "answers.fix == 'a\\nb'"},
)


@pytest.fixture
async def address(store: Store, parts: Parts) -> str:
    """Of the preview of a survey on one to three pages."""
    await store.configuration.brands.put("acme", BrandContent(name="Acme"))
    content = {"name": "Visit", "brand": "acme", "primary": "nps", "questions": QUESTIONS}
    await store.configuration.surveys.put("visit", SurveyContent.model_validate(content))
    return f"/preview/{parts.keyring.preview_token(PreviewSubject('visit', 1, 'en'))}"


@pytest.fixture
async def editor(parts: Parts) -> AsyncIterator[ApiClient]:
    async with client_of(create_app(parts)) as client:
        yield client


async def open_page(editor: ApiClient, address: str) -> ReadPage:
    answer = await editor.get(address)
    assert answer.status == 200
    return read_page(await answer.text())


async def send(editor: ApiClient, page: ReadPage, status: int = 200, **answers: Any) -> ReadPage:
    answer = await editor.post(page.action, data=[*({**page.fields, **answers}).items()])
    assert answer.status == status
    return read_page(await answer.text())


async def test_a_preview_leads_through_every_page_that_the_answers_call_for(editor: ApiClient, address: str) -> None:
    first = await open_page(editor, address)
    assert (first.questions, "This is a preview" in first.text) == ({"nps", "what"}, True)
    second = await send(editor, first, nps="3", what="staff")
    assert ("fix" in second.questions, "This is a preview" in second.text) == (True, True)
    third = await send(editor, second, fix="a\nb")
    assert "more" in third.questions
    thanks = await send(editor, third)
    assert "We are sorry" in thanks.text
    assert "This is a preview" in thanks.text


async def test_a_preview_thanks_whom_nothing_more_is_asked(editor: ApiClient, address: str) -> None:
    assert "We are glad" in (await send(editor, await open_page(editor, address), nps="9")).text


async def test_a_preview_says_what_to_put_right_on_each_page(editor: ApiClient, address: str) -> None:
    first = await open_page(editor, address)
    again = await send(editor, first, 422, nps="11")
    assert again.questions == {"nps", "what"}
    second = await send(editor, again, nps="3")
    wrong = await send(editor, second, 422)
    assert "fix" in wrong.questions
    assert "Thank you" in (await send(editor, wrong, fix="speed")).text


async def test_a_preview_believes_no_number_of_pages(editor: ApiClient, address: str) -> None:
    page = await open_page(editor, address)
    for forged in ("", "-1", "x", "99", "1e3", "٣", "9" * 5000, "\0"):
        answer = await editor.post(page.action, data={"nps": "9", "_pages": forged})
        assert (answer.status, "Thank you" in await answer.text()) == (200, True)
        assert (await editor.post(page.action, data={"_pages": forged})).status == 422


async def test_a_preview_leaves_no_trace(editor: ApiClient, address: str, mongodb_uri: str, database_name: str) -> None:
    page = await open_page(editor, address)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        before = client[database_name].command("dbHash")["collections"]
        await send(editor, await send(editor, page, nps="3"), fix="speed")
        assert client[database_name].command("dbHash")["collections"] == before


@pytest.mark.parametrize("token", ["x", "A" * 80, "%00", "é"])
async def test_a_preview_of_nothing_is_unknown(editor: ApiClient, address: str, token: str) -> None:
    assert (await editor.get(f"/preview/{token}")).status == 404
    assert (await editor.post(f"/preview/{token}", data={"nps": "9"})).status == 404
