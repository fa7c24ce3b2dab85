"""`/l/{link}`: a form that is handed out makes one response at most, whoever sends it and however often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pymongo
import pytest

from survey_service.models.response import FinishedBy, ResponseStatus
from survey_service.models.touchpoint import TouchpointContent
from survey_service.pages.links import SHEET_AGE
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.tokens import Keyring, SheetSubject
from tests.support.forms import read_page
from tests.support.public_links import (
    LINK,
    PATH,
    QUESTIONS,
    a_survey,
    configure_link,
    open_page,
    put_link,
    responses,
    send,
)
from tests.support.service import SECRET, ApiClient, make_parts

ONCE_MORE = "please tap “Send” once more"


@pytest.fixture
async def parts(store: Store) -> Parts:
    await configure_link(store)
    return make_parts(store)


async def test_a_form_makes_one_response_that_says_where_it_comes_from(visitor: ApiClient, store: Store) -> None:
    await store.configuration.surveys.put("visit", a_survey(dimensions={"agent": "event.data.agent"}))
    page = await open_page(visitor)
    assert page.questions == {"nps", "why"}
    answer = await send(visitor, page, nps="9", why="quick")
    assert (answer.status, "Thank you" in await answer.text()) == (200, True)
    (row,) = await responses(store)
    assert (row.link, row.touchpoint, row.channel, row.language) == (LINK, "mitte", "web", "en")
    assert (row.invitation, row.customer, row.event, row.trigger) == (None, None, None, None)
    assert (row.survey, row.survey_version, row.brand) == ("visit", 2, "acme")
    assert row.dimensions == {"agent": None}  # of the group without one, as an event that names none
    assert (row.status, row.finished_by) == (ResponseStatus.FINISHED, FinishedBy.CUSTOMER)
    assert (row.answers, row.score, row.comment) == ({"nps": 9, "why": "quick"}, 9, "quick")
    assert row.network is not None
    assert "127" not in row.network


async def test_the_page_says_where_we_ask_about(visitor: ApiClient) -> None:
    page = await open_page(visitor)
    assert "We ask about your visit to Berlin Mitte." in page.text
    assert "How likely, Berlin Mitte?" in page.text
    assert not any("/u/" in link for link in page.links)


async def test_a_touchpoint_that_is_gone_is_called_by_its_id(visitor: ApiClient, store: Store) -> None:
    await store.configuration.touchpoints.delete("mitte")
    await settle(store)
    assert "We ask about your visit to mitte." in (await open_page(visitor)).text


async def test_a_form_that_is_sent_again_and_again_makes_one_response(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor)
    await send(visitor, page, nps="9")
    (first,) = await responses(store)
    for score in ("9", "0", "10"):
        again = await send(visitor, page, nps=score)
        assert (again.status, "with us already" in await again.text()) == (200, True)
    assert await responses(store) == (first,)


async def test_a_form_that_is_sent_many_times_at_once_makes_one_response(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor)
    answers = await asyncio.gather(*(send(visitor, page, nps=str(score)) for score in range(7, 11) for _ in range(3)))
    assert {answer.status for answer in answers} == {200}
    (row,) = await responses(store)
    assert row.revision == 1


async def test_two_forms_make_two_responses(visitor: ApiClient, store: Store) -> None:
    one, other = await open_page(visitor), await open_page(visitor)
    assert one.fields["_sheet"] != other.fields["_sheet"]
    await send(visitor, one, nps="9")
    await send(visitor, other, nps="9")
    assert len(await responses(store)) == 2


async def test_the_questions_that_an_answer_calls_for_follow_on_the_same_sheet(
    visitor: ApiClient, store: Store
) -> None:
    page = await open_page(visitor)
    second = read_page(await (await send(visitor, page, nps="3")).text())
    assert (second.questions, second.fields["_sheet"]) == ({"fix"}, page.fields["_sheet"])
    (partial,) = await responses(store)
    assert partial.status is ResponseStatus.PARTIAL
    again = read_page(await (await send(visitor, page, nps="10")).text())
    assert again.questions == {"fix"}
    assert "Thank you" in await (await send(visitor, second, fix="the queue")).text()
    (row,) = await responses(store)
    assert (row.id, row.status, row.answers) == (partial.id, ResponseStatus.FINISHED, {"nps": 3, "fix": "the queue"})


async def test_a_page_with_a_fault_comes_again_and_stores_nothing(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor)
    answer = await send(visitor, page, why="no number")
    again = read_page(await answer.text())
    assert (answer.status, again.fields["why"], again.fields["_sheet"]) == (422, "no number", page.fields["_sheet"])
    assert await responses(store) == ()
    await send(visitor, again, nps="9")
    assert [row.answers for row in await responses(store)] == [{"nps": 9, "why": "no number"}]


def sheets_that_do_not_hold(parts: Parts) -> dict[str, str]:
    """By why they do not."""
    now, sign = parts.clock.now(), parts.keyring.sheet_token
    genuine = sign(SheetSubject(LINK, "nonce", now))
    return {
        "none": "",
        "words": "hello",
        "hostile": "{'$ne': 1}\0",
        "huge": "A" * 10_000,
        "cut off": genuine[:-2],
        "altered": genuine[:30] + ("A" if genuine[30] != "A" else "B") + genuine[31:],
        "another link's": sign(SheetSubject("hamburg", "nonce", now)),
        "another service's": Keyring(["another secret of more than sixteen"]).sheet_token(
            SheetSubject(LINK, "nonce", now)
        ),
        "another purpose's": parts.keyring.survey_token("nonce") or "",
        "too old": sign(SheetSubject(LINK, "nonce", now - SHEET_AGE - timedelta(minutes=1))),
    }


async def test_without_a_sheet_that_holds_the_form_comes_again_with_what_was_typed(
    visitor: ApiClient, parts: Parts, store: Store
) -> None:
    page = await open_page(visitor)
    for reason, sheet in sheets_that_do_not_hold(parts).items():
        answer = await send(visitor, page, _sheet=sheet, nps="4", why=reason)
        again = read_page(await answer.text())
        assert (answer.status, ONCE_MORE in again.error) == (422, True), reason
        assert (again.fields["nps"], again.fields["why"]) == ("4", reason)
        assert again.fields["_sheet"] not in {sheet, page.fields["_sheet"]}
        assert await responses(store) == ()
    await send(visitor, again)
    assert [row.answers for row in await responses(store)] == [{"nps": 4, "why": "too old"}]


async def test_a_form_without_the_field_is_handed_out_again(visitor: ApiClient, store: Store) -> None:
    answer = await visitor.post(PATH, data={"nps": "9"})
    assert (answer.status, read_page(await answer.text()).fields["nps"]) == (422, "9")
    assert await responses(store) == ()


async def test_what_was_begun_on_an_old_sheet_is_gone_on_with(visitor: ApiClient, parts: Parts, store: Store) -> None:
    page = await open_page(visitor)
    second = read_page(await (await send(visitor, page, nps="3")).text())
    store.clock.shift += SHEET_AGE + timedelta(minutes=1)
    assert "Thank you" in await (await send(visitor, second, fix="the queue")).text()
    late = await send(visitor, page, nps="3")
    assert "with us already" in await late.text()
    assert [row.status for row in await responses(store)] == [ResponseStatus.FINISHED]


async def test_a_survey_that_changes_between_two_pages_keeps_its_version(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor)
    second = read_page(await (await send(visitor, page, nps="3")).text())
    await store.configuration.surveys.put("visit", a_survey(questions=QUESTIONS[:1]))
    await settle(store)
    assert (await open_page(visitor)).questions == {"nps"}
    await send(visitor, second, fix="the queue")
    (row,) = await responses(store)
    assert (row.survey_version, row.answers["fix"], row.status) == (1, "the queue", ResponseStatus.FINISHED)


async def test_an_unknown_link_has_a_friendly_page(visitor: ApiClient, store: Store) -> None:
    for name in ("hamburg", "BERLIN", "a" * 5000, "%00", "$ne", "<b>", "berlin%0A", "berlin ", "é", "🙂"):
        for answer in (await visitor.get(f"/l/{name}"), await visitor.post(f"/l/{name}", data={"nps": "9"})):
            assert (answer.status, "We do not know this link" in await answer.text()) == (404, True)
    assert await responses(store) == ()


async def test_a_link_whose_survey_or_brand_is_gone_is_unknown(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor)
    await store.configuration.brands.delete("acme")
    await settle(store)
    assert (await visitor.get(PATH)).status == 404
    assert (await send(visitor, page, nps="9")).status == 404
    await store.configuration.surveys.delete("visit")
    await settle(store)
    assert (await visitor.get(PATH)).status == 404
    assert await responses(store) == ()


async def test_a_disabled_link_is_closed(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor)
    await put_link(store, enabled=False)
    await settle(store)
    for answer in (await visitor.get(PATH), await send(visitor, page, nps="9"), await visitor.post(PATH, data={})):
        assert (answer.status, "This survey has closed" in await answer.text()) == (410, True)
    assert await responses(store) == ()


@pytest.mark.parametrize(
    ("link", "query", "header", "spoken"),
    [
        ({}, "", "", "en"),
        ({}, "", "de-AT,fr;q=0.8", "de"),
        ({}, "", "fr,de;q=0.5", "de"),
        ({}, "", "fr", "en"),
        ({}, "?lang=de", "en", "de"),
        ({}, "?lang=fr", "de", "de"),
        ({}, "?lang=%00", "de", "de"),
        ({"language": "de"}, "", "en", "de"),
        ({"language": "de"}, "?lang=en", "en", "de"),
    ],
)
async def test_the_page_speaks_the_links_language_else_the_chosen_else_the_browsers(
    visitor: ApiClient, store: Store, link: dict[str, Any], query: str, header: str, spoken: str
) -> None:
    await put_link(store, **link)
    await settle(store)
    page = await open_page(visitor, PATH + query, **{"Accept-Language": header})
    assert page.lang == spoken
    assert any(link.startswith("?lang=") for link in page.links) is ("language" not in link)
    await send(visitor, page, nps="9")
    assert [row.language for row in await responses(store)] == [spoken]


async def test_a_get_writes_nothing(visitor: ApiClient, mongodb_uri: str, database_name: str) -> None:
    await open_page(visitor)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        before = client[database_name].command("dbHash")["collections"]
        for query in ("", "?score=9", "?score=9&lang=de", "?lang=x", "?_sheet=x", "?nps=9"):
            await open_page(visitor, PATH + query)
            assert (await visitor.head(PATH + query)).status == 200
        assert client[database_name].command("dbHash")["collections"] == before


async def test_a_score_in_the_address_is_chosen_and_still_has_to_be_sent(visitor: ApiClient, store: Store) -> None:
    page = await open_page(visitor, f"{PATH}?score=9")
    assert page.fields["nps"] == "9"
    assert await responses(store) == ()


async def test_a_page_is_kept_by_no_cache_and_runs_nothing_foreign(visitor: ApiClient) -> None:
    for answer in (await visitor.get(PATH), await visitor.post(PATH, data={"nps": "9"})):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers


HOSTILE = [
    "<script>alert(1)</script>",
    "{{brand.name}}",
    "'; DROP",
    "\u202egnp.exe",
    "a\0b",
    "🙂" * 50,
    '"><img src=x>',
]


async def test_hostile_words_come_back_as_words(visitor: ApiClient, store: Store) -> None:
    for words in HOSTILE:
        page = await open_page(visitor)
        answer = await send(visitor, page, why=words)
        html = await answer.text()
        assert answer.status == 422
        assert "<script>alert" not in html
        assert "<img" not in html
        assert (await send(visitor, read_page(html), nps="9")).status == 200
    assert len(await responses(store)) == len(HOSTILE)


async def test_a_link_id_is_only_ever_a_value(visitor: ApiClient, store: Store) -> None:
    await store.configuration.touchpoints.put("<b>x</b>", TouchpointContent(name="<script>alert(1)</script>"))
    await put_link(store, touchpoint="<b>x</b>")
    await settle(store)
    html = await (await visitor.get(PATH)).text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize(
    "body", [b"nps=9&why=" + b"x" * 70_000, b"\xff\xfe", b"nps=%ff%fe&_sheet=%ff", b"&" * 5000, b"_sheet=a&_sheet=b"]
)
async def test_a_broken_body_stores_nothing(visitor: ApiClient, store: Store, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await visitor.post(PATH, data=body, headers=headers)
    assert answer.status in {400, 413, 422}
    assert await responses(store) == ()


async def test_a_kiosk_goes_back_to_its_start_and_leads_nowhere_else(visitor: ApiClient, store: Store) -> None:
    await put_link(store, kiosk=True)
    await settle(store)
    page = await open_page(visitor, f"{PATH}?lang=de")
    assert all(link.startswith(("?lang=", "#")) for link in page.links)
    answer = await send(visitor, page, nps="9")
    thanks = read_page(await answer.text())
    assert thanks.refresh == f"8;url={PATH}"
    assert set(thanks.links) == {PATH}
    assert "Set-Cookie" not in answer.headers
    assert (await open_page(visitor)).lang == "en"


def test_a_sheet_says_for_which_link_it_is_and_when_it_was_handed_out(parts: Parts) -> None:
    now = parts.clock.now().replace(microsecond=0)
    subject = SheetSubject(LINK, "nonce", now)
    token = parts.keyring.sheet_token(subject)
    assert Keyring(["the secret of another year", SECRET]).read_sheet_token(token) == subject
    assert parts.keyring.read_preview_token(token) is None
    assert Keyring(["the secret of another year"]).read_sheet_token(token) is None


async def settle(store: Store) -> None:
    """Until pages see the configuration as it is now; they may lag behind by a second."""
    await store.configuration.current()
