"""A call that is asked for on the page is confirmed: once, with an entry for the calendar, and not to everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryKind, DeliveryState
from survey_service.models.response import CallWish
from survey_service.models.suppression import SuppressionReason
from survey_service.models.survey import SurveyContent
from survey_service.store.suppressions import address_suppression
from survey_service.tokens import OptOutSubject
from survey_service.wiring import create_app
from tests.support.pipeline import NAME, Pipeline, a_brand, a_customer, a_survey, a_trigger, an_event, open_pipeline
from tests.support.service import ApiClient, client_of
from tests.support.sms_sending import twilio_settings
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.twilio_server import ScriptedTwilio

ADA, BOB = "+4915123456789", "+4915123456780"


def a_survey_with_a_call() -> SurveyContent:
    """A score, and a call at any full hour of the next days."""
    offer = {"windows": {"mon-sun": ("00:00-24:00",)}, "minutes": 60, "notice": "PT1H"}
    questions = (
        {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}},
        {"id": "call", "kind": "call", "required": False, "text": {"en": "Shall we call you?"}, "call": offer},
    )
    return a_survey(questions=questions)


async def configure(pipeline: Pipeline, *channels: str) -> None:
    configuration = pipeline.store.configuration
    await configuration.brands.put("acme", a_brand(timezone="Europe/Berlin", contact="help@acme.example"))
    await configuration.surveys.put(NAME, a_survey_with_a_call())
    await configuration.triggers.put(NAME, a_trigger(channels=channels or ("email",)))


@pytest.fixture
async def web(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """A browser, after Ada has got her mail."""
    await configure(pipeline)
    await pipeline.handle(an_event(customer=a_customer(timezone="Asia/Kathmandu")))
    async with client_of(create_app(pipeline.service.parts)) as client:
        yield client


def tomorrow(pipeline: Pipeline) -> datetime:
    """A full hour that is offered."""
    return (pipeline.clock.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


async def wish_for_a_call(web: ApiClient, pipeline: Pipeline, begin: datetime, **more: str) -> int:
    """Post what the page would; the status."""
    form = {"nps": "3", "call": begin.isoformat(), "call.phone": BOB, "call.about": "the invoice, twice", **more}
    response = await web.post(f"/s/{await pipeline.token()}", data=form)
    return response.status


async def confirmations(pipeline: Pipeline) -> list[Delivery]:
    return [row for row in await pipeline.deliveries() if row.kind is DeliveryKind.DIALOGUE]


def confirming_mails(smtp: ScriptedSmtpServer) -> list[EmailMessage]:
    """The mails that something is attached to."""
    mails = [message_from_bytes(mail.content, policy=default) for mail in smtp.mails]
    return [mail for mail in mails if isinstance(mail, EmailMessage) and any(mail.iter_attachments())]


async def test_a_call_that_is_asked_for_is_confirmed_by_one_mail_with_one_entry_for_the_calendar(
    web: ApiClient, pipeline: Pipeline
) -> None:
    begin = tomorrow(pipeline)
    assert await wish_for_a_call(web, pipeline, begin) == 200
    await pipeline.run()
    (response,) = await pipeline.responses()
    assert response.answers["call"] == CallWish(at=begin, minutes=60, about="the invoice, twice", phone=BOB)
    (row,) = await confirmations(pipeline)
    assert (row.state, row.attempts) == (DeliveryState.SENT, 1)

    (mail,) = confirming_mails(pipeline.smtp)
    assert mail["To"] == "ada@example.com"
    assert mail["Message-ID"] == f"<{row.id}@acme.example>"
    assert str(mail["Subject"]).startswith("We call you on ")
    (entry,) = mail.iter_attachments()
    assert (entry.get_content_type(), entry.get_filename()) == ("text/calendar", "call.ics")
    assert entry.get_param("method") == "PUBLISH"
    lines = entry.get_payload(decode=True).replace(b"\r\n ", b"").decode().split("\r\n")
    assert f"UID:{row.id}" in lines
    assert f"DTSTART:{begin.astimezone(UTC):%Y%m%dT%H%M%SZ}" in lines
    assert f"DTSTAMP:{row.created_at:%Y%m%dT%H%M%SZ}" in lines
    assert "\\nAbout: the invoice\\, twice\\n" in "".join(lines)
    body = mail.get_body(("plain",))
    assert body is not None
    assert f"We call {BOB}." in body.get_content()
    assert ":45 " in body.get_content()  # the customer's own clock: five hours and three quarters ahead


async def test_a_form_that_is_posted_twice_is_confirmed_once(web: ApiClient, pipeline: Pipeline) -> None:
    begin = tomorrow(pipeline)
    for _ in range(2):
        await wish_for_a_call(web, pipeline, begin, _submission="page-1")
        await pipeline.run()
    assert len(await confirmations(pipeline)) == len(confirming_mails(pipeline.smtp)) == 1


async def test_of_many_tabs_that_ask_for_a_call_at_once_one_is_confirmed(web: ApiClient, pipeline: Pipeline) -> None:
    begin = tomorrow(pipeline)
    await asyncio.gather(*(wish_for_a_call(web, pipeline, begin + timedelta(hours=tab)) for tab in range(6)))
    await pipeline.run()
    (row,) = await confirmations(pipeline)
    (response,) = await pipeline.responses()
    wish = response.answers["call"]
    assert isinstance(wish, CallWish)
    assert row.call is not None
    assert row.call.at == wish.at
    assert len(confirming_mails(pipeline.smtp)) == 1


async def test_a_worker_that_dies_while_it_sends_leaves_the_same_mail_to_the_next(
    web: ApiClient, pipeline: Pipeline
) -> None:
    await wish_for_a_call(web, pipeline, tomorrow(pipeline))
    claims = pipeline.store.deliveries.claims
    planned = await claims.claim(10)
    assert planned is not None
    (row,) = planned.rows
    await pipeline.store.deliveries.record_wait(row, pipeline.clock.now())
    sending = await claims.claim(10)
    assert sending is not None
    assert await pipeline.store.deliveries.mark_sending(sending.rows[0])
    pipeline.pass_time(claims.lease + timedelta(seconds=1))
    await pipeline.run()
    (sent,) = await confirmations(pipeline)
    assert (sent.id, sent.state, sent.attempts, sent.deaths) == (row.id, DeliveryState.SENT, 2, 1)
    assert [mail["Message-ID"] for mail in confirming_mails(pipeline.smtp)] == [f"<{row.id}@acme.example>"]


async def test_nobody_is_told_of_a_call_that_has_begun(web: ApiClient, pipeline: Pipeline) -> None:
    begin = tomorrow(pipeline)
    await wish_for_a_call(web, pipeline, begin)
    pipeline.pass_time(begin - pipeline.clock.now())
    await pipeline.run()
    (row,) = await confirmations(pipeline)
    assert (row.state, row.reason) == (DeliveryState.CANCELLED, Reason.EXPIRED)
    assert confirming_mails(pipeline.smtp) == []


@pytest.mark.parametrize("silence", ["the person", "the address"])
async def test_who_is_suppressed_gets_none_and_the_wish_stands(
    web: ApiClient, pipeline: Pipeline, silence: str
) -> None:
    parts, invitation = pipeline.service.parts, await pipeline.invitation()
    if silence == "the person":
        await parts.opting_out.opt_out(OptOutSubject("acme", invitation.customer))
    else:
        reason = SuppressionReason.BOUNCED
        stop = address_suppression(parts.keyring, "ada@example.com", "acme", reason, pipeline.clock.now())
        await pipeline.store.suppressions.insert([stop])
    assert await wish_for_a_call(web, pipeline, tomorrow(pipeline)) == 200
    await pipeline.run()
    (row,) = await confirmations(pipeline)
    assert (row.state, row.reason) == (DeliveryState.CANCELLED, Reason.SUPPRESSED)
    assert confirming_mails(pipeline.smtp) == []
    (response,) = await pipeline.responses()
    assert isinstance(response.answers["call"], CallWish)


@pytest.mark.parametrize(
    "about", ["x\r\nBcc: victim@example.com", "<script>alert(1)</script>", "END:VEVENT\n\u202e\x00"]
)
async def test_what_the_call_is_about_is_only_ever_a_value(web: ApiClient, pipeline: Pipeline, about: str) -> None:
    await wish_for_a_call(web, pipeline, tomorrow(pipeline), **{"call.about": about})
    await pipeline.run()
    (mail,) = confirming_mails(pipeline.smtp)
    assert mail["Bcc"] is None
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>alert" not in html.get_content()
    (entry,) = mail.iter_attachments()
    assert entry.get_payload(decode=True).count(b"END:VEVENT\r\n") == 1


async def test_without_an_address_the_call_is_confirmed_by_text_message(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer
) -> None:
    async with ScriptedTwilio() as twilio:
        twilio.statuses = ()
        async with open_pipeline(mongodb_uri, database_name, smtp, **twilio_settings(twilio)) as pipeline:
            await configure(pipeline, "sms")
            await pipeline.handle(an_event(customer=a_customer(phone=ADA, email=None, timezone="Europe/Berlin")))
            async with client_of(create_app(pipeline.service.parts)) as web:
                begin = tomorrow(pipeline)
                for _ in range(2):
                    assert await wish_for_a_call(web, pipeline, begin, **{"call.phone": ""}) == 200
                    await pipeline.run()
            (row,) = await confirmations(pipeline)
            asked, confirmed = twilio.accepted
    assert (row.to, row.state, row.segments) == (ADA, DeliveryState.SENT, 1)
    assert (asked.recipient, confirmed.recipient) == (ADA, ADA)
    assert confirmed.text.startswith("Acme: We call you on ")
    assert "STOP" not in confirmed.text  # the first message of the conversation said it
    assert "invoice" not in confirmed.text
    assert smtp.mails == []
