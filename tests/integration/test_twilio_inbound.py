"""`/callbacks/twilio/inbound`: what Twilio signed is stored once; everything else is refused, and nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse
from twilio.request_validator import SIGNATURE_HEADER, RequestValidator

from survey_service.models.inbound import MAX_INBOUND_TEXT, InboundState, InboundText
from survey_service.parts import Parts
from survey_service.wiring import create_app
from tests.support.service import BASE_URL, SMS_AUTH_TOKEN, ApiClient, client_of

PATH = "/callbacks/twilio/inbound"
SID = "SM" + "0" * 31 + "1"
FORM = {"MessageSid": SID, "From": "+4915123456789", "To": "+15005550006", "Body": "9", "NumMedia": "0"}
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@pytest.fixture
async def web(parts: Parts) -> AsyncIterator[ApiClient]:
    async with client_of(create_app(parts)) as client:
        yield client


async def post(
    web: ApiClient, form: dict[str, str], token: str = SMS_AUTH_TOKEN, url: str = BASE_URL + PATH
) -> ClientResponse:
    signature = RequestValidator(token).compute_signature(url, form)
    return await web.post(PATH, data=form, headers={SIGNATURE_HEADER: signature})


async def stored(parts: Parts) -> list[InboundText]:
    found = parts.store.database["inbound_texts"].find()
    return [InboundText.from_document(document) async for document in found]


async def test_a_signed_text_is_stored_and_answered_with_nothing_to_say(web: ApiClient, parts: Parts) -> None:
    answer = await post(web, FORM)
    assert (answer.status, answer.content_type, await answer.text()) == (200, "text/xml", TWIML)
    (row,) = await stored(parts)
    assert (row.id, row.sender, row.recipient, row.text) == (SID, FORM["From"], FORM["To"], "9")
    assert (row.state, row.due_at) == (InboundState.PENDING, row.received_at)


async def test_a_replay_is_answered_the_same_and_stored_once(web: ApiClient, parts: Parts) -> None:
    answers = await asyncio.gather(*(post(web, FORM) for _ in range(5)))
    assert [(answer.status, await answer.text()) for answer in answers] == [(200, TWIML)] * 5
    (first,) = await stored(parts)
    assert (await post(web, FORM | {"Body": "STOP"})).status == 200
    assert await stored(parts) == [first]


@pytest.mark.parametrize("forgery", ["token", "url", "field", "none"])
async def test_a_forged_text_is_refused(web: ApiClient, parts: Parts, forgery: str) -> None:
    if forgery == "token":
        answer = await post(web, FORM, token="somebody else's token")
    elif forgery == "url":
        answer = await post(web, FORM, url="https://elsewhere.example" + PATH)
    elif forgery == "field":
        signature = RequestValidator(SMS_AUTH_TOKEN).compute_signature(BASE_URL + PATH, FORM)
        answer = await web.post(PATH, data=FORM | {"Body": "0"}, headers={SIGNATURE_HEADER: signature})
    else:
        answer = await web.post(PATH, data=FORM)
    assert answer.status == 403
    assert answer.content_type == "application/problem+json"
    assert await stored(parts) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageSid": None},
        {"MessageSid": "SM1"},
        {"MessageSid": {"$ne": ""}},
        {"From": None},
        {"To": ""},
        {"Body": None},
        {"NumMedia": "many"},
    ],
)
async def test_a_text_with_a_missing_or_malformed_field_is_refused(
    web: ApiClient, parts: Parts, changes: dict[str, object]
) -> None:
    form = {name: str(value) for name, value in (FORM | changes).items() if value is not None}
    answer = await post(web, form)
    assert answer.status == 422
    problem = await answer.text()
    assert (await answer.json())["type"] == "/problems/invalid"
    assert FORM["From"] not in problem
    assert await stored(parts) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Body": "x" * 10_000}, "x" * MAX_INBOUND_TEXT),
        ({"Body": "👍🏽🎉"}, "👍🏽🎉"),
        ({"Body": None, "NumMedia": "1"}, ""),
        ({"Body": "{{brand.name}} {$where: 1} <b>"}, "{{brand.name}} {$where: 1} <b>"),
        ({"Body": "a\x00b\r\n\u202ec"}, "a\x00b\r\n\u202ec"),
        ({"Body": ""}, ""),
    ],
)
async def test_any_text_is_taken_as_it_is(
    web: ApiClient, parts: Parts, changes: dict[str, str | None], text: str
) -> None:
    form = {name: value for name, value in (FORM | changes).items() if value is not None}
    assert (await post(web, form)).status == 200
    (row,) = await stored(parts)
    assert row.text == text


@pytest.mark.parametrize(("said", "known"), [("STOP", "STOP"), ("HELP", "HELP"), ("BLOCKED", None)])
async def test_what_the_provider_took_it_for_is_kept(
    web: ApiClient, parts: Parts, said: str, known: str | None
) -> None:
    assert (await post(web, FORM | {"OptOutType": said})).status == 200
    (row,) = await stored(parts)
    assert row.opt_out_type == known


async def test_a_look_is_no_text(web: ApiClient, parts: Parts) -> None:
    assert (await web.get(PATH)).status == 405
    assert (await web.post(PATH, json=FORM)).status == 415
    assert await stored(parts) == []
