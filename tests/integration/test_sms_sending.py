"""Sending text messages: each one is accepted once at most, whatever Twilio does, and every end has its reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

from survey_service.delivery.resolving import LOOK_AFTER
from survey_service.delivery.spending import next_day
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.suppression import SuppressionReason, SuppressionScope
from survey_service.store.paging import PageRequest
from tests.support.pipeline import NAME, a_customer, a_survey, an_event
from tests.support.sms_sending import SmsSending, number_of, open_sms_sending
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.twilio_server import Act, Refuse

ADA = number_of(100)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LONG_QUESTION = {"en": "How likely are you to recommend us? " + "Please think of everything that happened. " * 4}

Open = Callable[..., AbstractAsyncContextManager[SmsSending]]


@pytest.fixture
def open_one(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a service with more settings: `async with open_one(SURVEY_SMS_COUNTRIES="DE") as sms`."""
    return partial(open_sms_sending, mongodb_uri, database_name, smtp, monkeypatch)


@pytest.fixture
async def sms(open_one: Open) -> AsyncIterator[SmsSending]:
    """A service that sends text messages."""
    async with open_one() as opened:
        yield opened


async def suppressed(sms: SmsSending) -> set[tuple[SuppressionScope, str, SuppressionReason]]:
    rows = (await sms.pipeline.store.suppressions.page({}, PageRequest(limit=100))).rows
    return {(row.scope, row.brand, row.reason) for row in rows}


async def test_an_event_becomes_a_text_message_with_its_segments_and_its_status_address(sms: SmsSending) -> None:
    await sms.ask(ADA)
    row = await sms.delivery_to(ADA)
    assert (row.state, row.attempts, row.segments, row.provider) == (DeliveryState.SENT, 1, 1, "twilio")
    (message,) = sms.twilio.accepted
    assert (message.sid, message.recipient) == (row.provider_id, ADA)
    token = await sms.pipeline.token()
    assert message.text == (
        f"Acme: How likely are you to recommend Acme? Reply 0-10. https://survey.example/s/{token} STOP to opt out"
    )
    assert message.status_url == f"https://survey.example/callbacks/twilio/status/{row.id}"
    assert (await sms.pipeline.invitation()).state is InvitationState.SENT


@dataclass(frozen=True, slots=True)
class Case:
    """What Twilio does with a send, and what becomes of the delivery."""

    act: Act | Refuse
    state: DeliveryState
    reason: Reason | None
    attempts: int
    accepted: int


UNKNOWN = (DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN, 1)
CASES = [
    Case(Refuse(429, 20429, headers={"Retry-After": "7"}), DeliveryState.PLANNED, None, 1, 0),
    Case(Refuse(429), DeliveryState.PLANNED, None, 1, 0),
    Case(Refuse(400, 21611), DeliveryState.PLANNED, None, 1, 0),
    # No message would have passed: it costs no try.
    Case(Refuse(401, 20003), DeliveryState.PLANNED, None, 0, 0),
    Case(Refuse(400, 21610), DeliveryState.DEAD, Reason.OPTED_OUT, 1, 0),
    Case(Refuse(400, 21211), DeliveryState.DEAD, Reason.ADDRESS_UNUSABLE, 1, 0),
    Case(Refuse(400, 21614), DeliveryState.DEAD, Reason.ADDRESS_UNUSABLE, 1, 0),
    Case(Refuse(400, 21408), DeliveryState.DEAD, Reason.REFUSED, 1, 0),
    Case(Refuse(400), DeliveryState.DEAD, Reason.REFUSED, 1, 0),
    Case(Refuse(500, 20500), *UNKNOWN, accepted=0),
    Case(Refuse(503), *UNKNOWN, accepted=0),
    Case(Act.HANG_BEFORE, *UNKNOWN, accepted=0),
    Case(Act.DROP_BEFORE, *UNKNOWN, accepted=0),
    Case(Act.HANG_AFTER, *UNKNOWN, accepted=1),
    Case(Act.DROP_AFTER, *UNKNOWN, accepted=1),
    Case(Act.CUT_SHORT, *UNKNOWN, accepted=1),
    Case(Act.GARBAGE, *UNKNOWN, accepted=1),
    Case(Act.NAMELESS, *UNKNOWN, accepted=1),
]


async def test_every_class_of_error_ends_in_its_state_and_nothing_is_accepted_twice(sms: SmsSending) -> None:
    phones = [number_of(number) for number in range(len(CASES))]
    for phone, case in zip(phones, CASES, strict=True):
        sms.twilio.script(case.act, matching=phone)
    await sms.ask(*phones)
    for phone, case in zip(phones, CASES, strict=True):
        row = await sms.delivery_to(phone)
        assert (row.state, row.reason, row.attempts) == (case.state, case.reason, case.attempts), case
        assert sms.accepted_by(phone) == case.accepted, case

    sms.twilio.behave()
    for period in (MINUTE, 10 * MINUTE, 60 * MINUTE, DAY):
        await sms.later(period)
    for phone, case in zip(phones, CASES, strict=True):
        row = await sms.delivery_to(phone)
        tried_again = case.state is DeliveryState.PLANNED
        found = case.state is DeliveryState.UNKNOWN and case.accepted
        assert row.state is (DeliveryState.SENT if tried_again or found else case.state), case
        assert row.attempts == case.attempts + tried_again, case
        assert sms.accepted_by(phone) == case.accepted + tried_again, case


async def test_while_twilio_cannot_be_reached_messages_wait_without_losing_a_try(sms: SmsSending) -> None:
    await sms.twilio.stop()
    await sms.ask(ADA)
    row = await sms.delivery_to(ADA)
    assert (row.state, row.attempts) == (DeliveryState.PLANNED, 0)
    await sms.twilio.start()
    await sms.later(MINUTE)
    assert (await sms.delivery_to(ADA)).state is DeliveryState.SENT
    assert sms.accepted_by(ADA) == 1


# --- what a failure means for the person


async def test_who_told_twilio_stop_is_out_with_number_and_person(sms: SmsSending) -> None:
    sms.twilio.script(Refuse(400, 21610))
    await sms.ask(ADA)
    stop = SuppressionReason.STOP
    assert await suppressed(sms) == {
        (SuppressionScope.ADDRESS, "acme", stop),
        (SuppressionScope.PERSON, "acme", stop),
    }
    assert (await sms.pipeline.invitation()).state is InvitationState.CANCELLED


async def test_a_number_that_no_message_reaches_is_suppressed_for_every_brand(sms: SmsSending) -> None:
    sms.twilio.script(Refuse(400, 21614))
    await sms.ask(ADA)
    assert await suppressed(sms) == {(SuppressionScope.ADDRESS, "*", SuppressionReason.BOUNCED)}
    invitation = await sms.pipeline.invitation()
    assert (invitation.state, invitation.reason) == (InvitationState.UNDELIVERABLE, Reason.ADDRESS_UNUSABLE)


# --- what is unknown


async def test_an_unknown_message_is_looked_for_and_settled_by_its_link_in_twilios_list(sms: SmsSending) -> None:
    sms.twilio.script(Act.DROP_AFTER)
    await sms.ask(ADA)
    row = await sms.delivery_to(ADA)
    assert row.due_at is not None
    assert (await sms.pipeline.invitation()).state is InvitationState.WAITING
    await sms.later(LOOK_AFTER[0])
    row = await sms.delivery_to(ADA)
    (message,) = sms.twilio.accepted
    assert (row.state, row.reason, row.provider_id) == (DeliveryState.SENT, None, message.sid)
    assert (row.due_at, row.lease, row.detail) == (None, None, None)
    assert (await sms.pipeline.invitation()).state is InvitationState.SENT


async def test_what_twilio_never_had_is_looked_for_three_times_and_never_sent_again(sms: SmsSending) -> None:
    sms.twilio.script(Act.DROP_BEFORE, times=1)
    await sms.ask(ADA)
    for looks, period in enumerate(LOOK_AFTER, start=1):
        await sms.later(period)
        assert (await sms.delivery_to(ADA)).lookups == looks
    row = await sms.delivery_to(ADA)
    assert (row.state, row.due_at, row.attempts) == (DeliveryState.UNKNOWN, None, 1)
    await sms.later(DAY)
    assert (sms.twilio.requests, sms.accepted_by(ADA)) == (1, 0)


async def test_a_message_without_a_link_cannot_be_recognised_and_is_not_looked_for(sms: SmsSending) -> None:
    (question, *others) = a_survey().questions
    long = question.model_copy(update={"text": LONG_QUESTION})
    await sms.pipeline.store.configuration.surveys.put(NAME, a_survey(questions=(long, *others)))
    sms.twilio.script(Act.DROP_AFTER)
    await sms.ask(ADA)
    await sms.later(LOOK_AFTER[0])
    row = await sms.delivery_to(ADA)
    assert (row.state, row.lookups, row.due_at) == (DeliveryState.UNKNOWN, 0, None)
    assert row.segments == 2


async def test_a_look_that_twilio_cannot_answer_is_repeated(sms: SmsSending) -> None:
    sms.twilio.script(Act.DROP_AFTER, times=1)
    await sms.ask(ADA)
    await sms.twilio.stop()
    await sms.later(LOOK_AFTER[0])
    row = await sms.delivery_to(ADA)
    assert (row.state, row.lookups) == (DeliveryState.UNKNOWN, 0)
    await sms.twilio.start()
    await sms.later(10 * MINUTE)
    assert (await sms.delivery_to(ADA)).state is DeliveryState.SENT


async def test_a_row_left_in_sending_by_a_dead_worker_becomes_unknown_and_is_not_sent(sms: SmsSending) -> None:
    await leave_in_sending(sms)
    await sms.pipeline.run()
    row = await sms.delivery_to(ADA)
    assert (row.state, row.reason) == (DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    assert sms.twilio.requests == 0


async def test_a_row_left_in_sending_that_twilio_has_reported_is_sent(sms: SmsSending) -> None:
    delivery = await leave_in_sending(sms)
    await sms.pipeline.store.deliveries.note_provider_id(delivery, "twilio", f"SM{'0' * 32}")
    await sms.pipeline.run()
    assert (await sms.delivery_to(ADA)).state is DeliveryState.SENT
    assert sms.twilio.requests == 0


async def leave_in_sending(sms: SmsSending) -> str:
    """A message whose worker died after it marked it; its lease has run out."""
    pipeline = sms.pipeline
    await pipeline.post(an_event("ord-1", a_customer("ada", phone=ADA, email=None)))
    loops = {loop.stage.name: loop for loop in pipeline.service.worker.loops}
    await loops["intake"].run_until_idle()
    await loops["planning"].run_until_idle()
    claim = await pipeline.store.deliveries.claims.claim(10)
    assert claim is not None
    (row,) = claim.rows
    assert await pipeline.store.deliveries.mark_sending(row, 1)
    pipeline.pass_time(pipeline.store.deliveries.claims.lease + MINUTE)
    return row.id


# --- cost and fraud


@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        ("+4915123456789", None),
        ("+436601234567", None),
        ("+33612345678", Reason.COUNTRY_NOT_ALLOWED),
        ("+12015550123", Reason.COUNTRY_NOT_ALLOWED),
        ("+499001234567", Reason.NUMBER_REFUSED),
        ("+491801234567", Reason.NUMBER_REFUSED),
        ("+19002345678", Reason.NUMBER_REFUSED),
        ("+881612345678", Reason.NUMBER_REFUSED),
        ("+870773111632", Reason.NUMBER_REFUSED),
    ],
)
async def test_only_numbers_of_allowed_countries_that_cost_what_a_message_costs_are_written_to(
    open_one: Open, phone: str, reason: Reason | None
) -> None:
    async with open_one(SURVEY_SMS_COUNTRIES="DE,AT") as sms:
        await sms.ask(phone)
        row = await sms.delivery_to(phone)
        assert (row.state, row.reason) == (DeliveryState.DEAD if reason else DeliveryState.SENT, reason)
        assert sms.accepted_by(phone) == (reason is None)


async def test_without_a_list_of_countries_every_country_is_allowed(sms: SmsSending) -> None:
    await sms.ask("+33612345678")
    assert sms.accepted_by("+33612345678") == 1


@pytest.mark.parametrize("cap", ["SURVEY_SMS_DAILY_SEGMENTS", "SURVEY_SMS_PREFIX_DAILY_SEGMENTS"])
async def test_what_the_days_budget_does_not_hold_leaves_on_the_next_day(open_one: Open, cap: str) -> None:
    async with open_one(**{cap: "3"}) as sms:
        await sms.ask(*(number_of(number) for number in range(5)))
        assert len(sms.twilio.accepted) == 3
        waiting = [row for row in await sms.pipeline.deliveries() if row.state is DeliveryState.PLANNED]
        assert {row.reason for row in waiting} == {Reason.BUDGET_EXCEEDED}
        assert {row.due_at for row in waiting} == {next_day(sms.pipeline.clock.now())}
        await sms.later(DAY)
        assert len(sms.twilio.accepted) == 5


async def test_one_countrys_budget_leaves_the_others_alone(open_one: Open) -> None:
    async with open_one(SURVEY_SMS_PREFIX_DAILY_SEGMENTS="1") as sms:
        await sms.ask(number_of(1), number_of(2), "+33612345678")
        assert sorted(message.recipient[:3] for message in sms.twilio.accepted) == ["+33", "+49"]


async def test_what_twilio_refused_costs_nothing(open_one: Open) -> None:
    async with open_one(SURVEY_SMS_DAILY_SEGMENTS="1") as sms:
        sms.twilio.script(Refuse(400, 21408), times=1)
        await sms.ask(number_of(1))
        await sms.ask(number_of(2))
        assert sms.accepted_by(number_of(2)) == 1


async def test_a_budget_that_comes_back_too_late_ends_the_message(open_one: Open) -> None:
    async with open_one(SURVEY_SMS_DAILY_SEGMENTS="1") as sms:
        await sms.pipeline.configure(channels=("sms",), expires_after="PT1H")
        until_midnight = next_day(sms.pipeline.clock.now()) - sms.pipeline.clock.now()
        sms.pipeline.pass_time(until_midnight - timedelta(hours=3))
        await sms.ask(number_of(1), number_of(2))
        (ended,) = [row for row in await sms.pipeline.deliveries() if row.state is not DeliveryState.SENT]
        assert (ended.state, ended.reason) == (DeliveryState.DEAD, Reason.BUDGET_EXCEEDED)


async def test_twenty_takers_at_once_never_pass_a_cap_and_take_all_or_nothing(sms: SmsSending) -> None:
    counters, later = sms.pipeline.store.counters, sms.pipeline.clock.now() + DAY
    taken = await asyncio.gather(*(counters.take_all("t", 3, 50, later) for _ in range(20)))
    assert sum(taken) == 16
    assert await counters.take_all("t", 2, 50, later)
    assert not await counters.take_all("t", 1, 50, later)
    await counters.give_back("t", 3)
    assert await counters.take_all("t", 3, 50, later)


# --- other messages


async def test_words_written_for_one_occasion_are_sent_as_they_are(sms: SmsSending) -> None:
    sms.twilio.script(Refuse(429, 20429), times=1)
    await sms.ask(ADA)
    row = await sms.delivery_to(ADA)
    deliveries = sms.pipeline.store.database["deliveries"]
    await deliveries.update_one({"_id": row.id}, {"$set": {"text": "“Thanks” — {{brand.name}} ☺"}})
    await sms.later(10 * MINUTE)
    assert [message.text for message in sms.twilio.accepted] == ["“Thanks” — {{brand.name}} ☺"]
