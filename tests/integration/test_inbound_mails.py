"""What people write back by mail becomes an answer, a note, an opt-out or a case; nothing is lost, or read twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest

from survey_service.followup.changing import change_case
from survey_service.models.api_key import Scope
from survey_service.models.case import Case, CaseState
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.follow_up import FollowUpContent
from survey_service.models.inbound import InboundState
from survey_service.models.mail import Mail, MailResult
from survey_service.models.outbox import NewsType, news_of, outbox_change
from survey_service.models.response import Response, ResponseStatus
from survey_service.models.suppression import SuppressionReason
from survey_service.store.paging import PageRequest
from tests.support.cases import PLACE, all_cases, answer, invite, put_people, put_rule, the_case, unhappy
from tests.support.pipeline import BASE_URL, Pipeline, a_brand
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client

URL = "/callbacks/email/inbound"
AS_MAIL = {"Content-Type": "message/rfc822"}
QUOTED = "\r\n\r\nOn Mon, Nov 24, 2025 at 10:00 AM Acme <hello@acme.example> wrote:\r\n> How likely?\r\n> STOP\r\n"


@pytest.fixture(autouse=True)
async def configured(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.store.configuration.brands.put("acme", a_brand(answers_to="answers@acme.example"))
    await put_people(pipeline, mia={})


@pytest.fixture
async def pipe(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """The mail system."""
    async with api_client(pipeline.service.parts, Scope.RESPONSES_WRITE) as client:
        yield client


def a_mail(about: Delivery, text: str, *fields: str, sender: str = "Ada <ada@example.com>") -> str:
    lines = (f"From: {sender}", "To: hello@acme.example", f"In-Reply-To: <{about.id}@acme.example>", *fields)
    return "".join(f"{line}\r\n" for line in lines) + f"\r\n{text}{QUOTED}"


async def hand_over(pipe: ApiClient, raw: str | bytes) -> dict[str, Any]:
    reply = await pipe.post(URL, data=BytesIO(raw.encode() if isinstance(raw, str) else raw), headers=AS_MAIL)
    assert reply.status == 202, await reply.text()
    body: dict[str, Any] = await reply.json()
    return body


async def asked(pipeline: Pipeline) -> Delivery:
    """Ada was asked; the mail that she got."""
    await invite(pipeline)
    return await pipeline.delivery()


async def write_back(pipeline: Pipeline, pipe: ApiClient, text: str, *fields: str, **changes: Any) -> Mail:
    """Answer the mail that asked, and let everything be done; what became of it."""
    rows = [row for row in await pipeline.deliveries() if row.kind is DeliveryKind.INVITE]
    taken = await hand_over(pipe, a_mail(rows[0], text, *fields, **changes))
    assert taken["taken"] == "stored"
    await pipeline.run()
    found = await pipeline.store.mails.get(taken["mail"])
    assert found is not None
    assert found.state is InboundState.HANDLED
    return found


async def the_response(pipeline: Pipeline) -> Response:
    (only,) = await pipeline.responses()
    return only


async def notes(pipeline: Pipeline) -> list[str]:
    return [note.text for person in await pipeline.customers() for note in person.notes]


async def put_mail_rule(pipeline: Pipeline, **changes: Any) -> None:
    fields = {"name": "Mails", "on": "mail", "condition": "response.comment != ''"} | {"case": {"title": "A mail"}}
    await pipeline.store.configuration.follow_ups.put("mails", FollowUpContent.model_validate(fields | changes))


async def test_a_mail_to_a_customer_says_where_its_answer_goes(pipeline: Pipeline) -> None:
    row = await asked(pipeline)
    assert f"Reply-To: answers+{row.id}@acme.example".encode() in pipeline.smtp.mails[0].content


async def test_a_score_and_words_become_the_answer(pipeline: Pipeline, pipe: ApiClient) -> None:
    await asked(pipeline)
    mail = await write_back(pipeline, pipe, "9 - fast and friendly.\r\n\r\nAda")
    response = await the_response(pipeline)
    assert (mail.result, response.score, response.channel) == (MailResult.ANSWERED, 9, ChannelName.EMAIL)
    assert response.comment == "fast and friendly.\n\nAda"
    assert (response.status, response.texts) == (ResponseStatus.FINISHED, (mail.id,))


async def test_words_after_a_score_become_the_comment(pipeline: Pipeline, pipe: ApiClient) -> None:
    await asked(pipeline)
    await write_back(pipeline, pipe, "3", "Message-ID: <1@x>")
    mail = await write_back(pipeline, pipe, "It was broken, on 24 November.", "Message-ID: <2@x>")
    response = await the_response(pipeline)
    assert (mail.result, response.score, response.comment) == (
        MailResult.ANSWERED,
        3,
        "It was broken, on 24 November.",
    )


@pytest.mark.parametrize("text", ["10 days late", "I waited. 9", "My number: 9", "Why do you ask?", "9-17h only"])
async def test_what_is_not_surely_a_score_is_kept_as_a_note(pipeline: Pipeline, pipe: ApiClient, text: str) -> None:
    await asked(pipeline)
    mail = await write_back(pipeline, pipe, text)
    assert (mail.result, await notes(pipeline), await pipeline.responses()) == (MailResult.NOTED, [text], ())


async def test_a_mail_after_the_end_is_a_note(pipeline: Pipeline, pipe: ApiClient) -> None:
    await answer(pipeline, await invite(pipeline), nps="9", why="ok")
    before = await the_response(pipeline)
    mail = await write_back(pipeline, pipe, "2, it broke")
    assert (mail.result, await notes(pipeline)) == (MailResult.NOTED, ["2, it broke"])
    assert [note.touchpoint for person in await pipeline.customers() for note in person.notes] == [PLACE]
    assert await the_response(pipeline) == before


async def test_the_same_mail_is_read_once(pipeline: Pipeline, pipe: ApiClient) -> None:
    await asked(pipeline)
    first = await write_back(pipeline, pipe, "9", "Message-ID: <1@x>")
    again = await write_back(pipeline, pipe, "9", "Message-ID: <1@x>")
    assert first.id == again.id
    assert (await the_response(pipeline)).revision == 1
    assert await notes(pipeline) == []


async def test_a_mail_whose_worker_died_after_storing_the_answer_is_not_a_note_too(
    pipeline: Pipeline, pipe: ApiClient
) -> None:
    await asked(pipeline)
    mail = await write_back(pipeline, pipe, "9")
    undone = {"$set": {"state": "pending", "result": None, "due_at": pipeline.clock.now()}}
    await pipeline.store.database["mails"].update_one({"_id": mail.id}, undone)
    await pipeline.run()
    assert (await the_response(pipeline)).revision == 1
    assert await notes(pipeline) == []


@pytest.mark.parametrize("text", ["STOP", "Unsubscribe", "please stop emailing me", "Abmelden bitte"])
async def test_a_mail_that_asks_for_silence_opts_out(pipeline: Pipeline, pipe: ApiClient, text: str) -> None:
    await asked(pipeline)
    mail = await write_back(pipeline, pipe, text)
    rows = (await pipeline.store.suppressions.page({}, PageRequest(limit=10))).rows
    assert mail.result is MailResult.OPTED_OUT
    assert {(row.scope.value, row.reason) for row in rows} == {
        ("person", SuppressionReason.UNSUBSCRIBED),
        ("address", SuppressionReason.UNSUBSCRIBED),
    }


@pytest.mark.parametrize("text", ["9", "STOP"])
async def test_from_another_address_nothing_counts_but_as_a_note(
    pipeline: Pipeline, pipe: ApiClient, text: str
) -> None:
    await asked(pipeline)
    mail = await write_back(pipeline, pipe, text, sender="mallory@example.com")
    assert (mail.result, await notes(pipeline), await pipeline.responses()) == (MailResult.NOTED, [text], ())
    assert (await pipeline.store.suppressions.page({}, PageRequest(limit=10))).rows == ()


async def test_what_no_person_wrote_is_taken_and_forgotten(pipeline: Pipeline, pipe: ApiClient) -> None:
    row = await asked(pipeline)
    taken = await hand_over(pipe, a_mail(row, "I am away", "Auto-Submitted: auto-replied"))
    assert taken == {"taken": "automatic", "mail": None, "delivery": row.id}
    assert await hand_over(pipe, a_mail(row, "")) == {"taken": "empty", "mail": None, "delivery": row.id}
    for raw in ("", "\0", "In-Reply-To: <dlv_unknown@acme.example>\r\n\r\nhello"):
        assert await hand_over(pipe, raw) == {"taken": "unknown", "mail": None, "delivery": None}


async def test_a_mail_of_ten_megabytes_is_read_and_a_larger_one_refused(pipeline: Pipeline, pipe: ApiClient) -> None:
    row = await asked(pipeline)
    body = a_mail(row, "9", 'Content-Type: multipart/mixed; boundary="b"').partition("\r\n\r\n")[0]
    parts = f"{body}\r\n\r\n--b\r\n\r\n9\r\n--b\r\nContent-Type: image/png\r\n\r\n".encode()
    assert (await hand_over(pipe, parts + b"x" * (10 * 1024 * 1024 - len(parts))))["taken"] == "stored"
    await pipeline.run()
    assert (await the_response(pipeline)).score == 9
    refused = await pipe.post(URL, data=BytesIO(parts + b"x" * (10 * 1024 * 1024)), headers=AS_MAIL)
    await assert_problem(refused, 413, "too_large")


async def test_a_key_without_the_scope_hands_over_nothing(pipeline: Pipeline) -> None:
    async with api_client(pipeline.service.parts, Scope.EVENTS_WRITE) as client:
        assert (await client.post(URL, data=b"x", headers=AS_MAIL)).status == 403


async def test_a_mail_without_an_answer_opens_a_case_by_rule_and_alerts(pipeline: Pipeline, pipe: ApiClient) -> None:
    await put_mail_rule(pipeline, alert={})
    await asked(pipeline)
    await write_back(pipeline, pipe, "Where is my parcel?")
    case = await the_case(pipeline)
    assert (case.rule, case.comment, case.score, case.owner) == ("mails", "Where is my parcel?", None, "mia")
    assert case.customer_ref == "c-ada"
    (alert,) = [letter for letter in pipeline.letters() if letter.to == "mia@acme.example"]
    assert "“Where is my parcel?”" in alert.text
    assert await pipeline.responses() == ()


async def change(pipeline: Pipeline, case: Case, state: CaseState) -> None:
    now = pipeline.clock.now()
    changed = change_case(case, {"state": state}, "mia", now)
    assert await pipeline.store.cases.change(case, changed.case, changed.told, held=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CaseState.OPEN, CaseState.OPEN),
        (CaseState.WAITING, CaseState.OPEN),
        (CaseState.RESOLVED, CaseState.OPEN),
        (CaseState.CLOSED, CaseState.CLOSED),
    ],
)
async def test_a_mail_about_an_answer_with_a_case_is_a_note_on_it(
    pipeline: Pipeline, pipe: ApiClient, before: CaseState, after: CaseState
) -> None:
    await put_rule(pipeline)
    await put_mail_rule(pipeline)
    case = await unhappy(pipeline)
    if before is not CaseState.OPEN:
        await change(pipeline, case, before)
    mail = await write_back(pipeline, pipe, "Any news?")
    noted = await the_case(pipeline)
    assert [(note.by, note.text) for note in noted.notes] == [("customer", "Any news?")]
    assert noted.state is after
    (letter,) = [letter for letter in pipeline.letters() if "Any news?" in letter.text]
    assert (letter.to, letter.subject) == ("mia@acme.example", "The customer wrote: Unhappy customer")
    assert f"{BASE_URL}/dashboard/customers/{noted.customer}" in letter.links
    news = news_of(mail.id, NewsType.MAIL_RECEIVED, mail.received_at)
    await pipeline.store.database["mails"].update_one({"_id": mail.id}, outbox_change(news))
    await pipeline.run()
    assert (await the_case(pipeline)).notes == noted.notes


@pytest.mark.parametrize(("place", "noted"), [(PLACE, True), ("munich", False)])
async def test_a_mail_about_another_touchpoint_is_no_note_on_a_case_that_others_read(
    pipeline: Pipeline, pipe: ApiClient, place: str, noted: bool
) -> None:
    await put_rule(pipeline)
    await put_mail_rule(pipeline)
    case = await unhappy(pipeline)
    assert case.touchpoint == PLACE
    await invite(pipeline, "ord-2", touchpoint=place)
    await write_back(pipeline, pipe, "Any news?")  # to the newest
    notes = {row.touchpoint: [note.text for note in row.notes] for row in await all_cases(pipeline)}
    assert notes == ({PLACE: ["Any news?"]} if noted else {PLACE: [], place: []})


async def test_an_answer_to_a_reply_from_the_case_is_a_note_on_that_case(pipeline: Pipeline, pipe: ApiClient) -> None:
    await put_rule(pipeline)
    case = await unhappy(pipeline)
    now = pipeline.clock.now()
    reply = (await pipeline.deliveries())[0].model_copy(
        update={
            "id": "dlv_reply",
            "kind": DeliveryKind.CASE_REPLY,
            "to": "ada@example.com",
            "customer": case.customer,
            "case": case.id,
            "text": "We look into it.",
            "state": DeliveryState.REQUESTED,
            "due_at": now,
            "person": "mia",
        }
    )
    await pipeline.store.deliveries.insert([reply])
    await pipeline.run()
    assert (await hand_over(pipe, a_mail(reply, "10, thank you")))["taken"] == "stored"
    await pipeline.run()
    assert [note.text for note in (await the_case(pipeline)).notes] == ["10, thank you"]
    assert len(await all_cases(pipeline)) == 1
    assert (await the_response(pipeline)).score == 2
