"""Sending: what is due leaves once, by the rules, and every end has its reason."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from survey_service.delivery.gate import MAX_DEATHS
from survey_service.delivery.sending import SendDeliveries
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.work.retry import SEND_SCHEDULE
from tests.support.factories import make_delivery, make_invitation
from tests.support.inbox import message_ids
from tests.support.pipeline import NAME, Pipeline, a_brand, a_customer, an_event, open_pipeline
from tests.support.sending import assert_ended
from tests.support.smtp_server import DROP, HOLD, ScriptedSmtpServer, Step
from tests.support.waiting import until

HOUR = timedelta(hours=1)
SLACK = timedelta(seconds=5)


async def test_an_event_becomes_a_mail_with_its_headers(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event())
    row = await pipeline.delivery()
    assert (row.state, row.attempts, row.provider, row.provider_status) == (DeliveryState.SENT, 1, "smtp", "accepted")
    assert row.sent_at is not None
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.sent_at is not None) == (InvitationState.SENT, True)
    (mail,) = pipeline.smtp.mails
    assert (mail.sender, mail.recipients) == (f"bounces+{row.id}@acme.example", ("ada@example.com",))
    message = message_from_bytes(mail.content, policy=default)
    assert message["Message-ID"] == f"<{row.id}@acme.example>"
    assert message["From"] == "Acme <hello@acme.example>"
    assert message["To"] == "ada@example.com"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].startswith("<https://survey.example/u/")
    assert message["Auto-Submitted"] == "auto-generated"
    token = await pipeline.token()
    assert pipeline.letters()[0].survey_url == f"https://survey.example/s/{token}"


async def test_who_is_waited_for_leaves_before_the_crowd_that_waits_for_the_same_server(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer
) -> None:
    url = f"smtp://{smtp.address}?timeout=60&connections=1"
    async with open_pipeline(mongodb_uri, database_name, smtp, SURVEY_SMTP_URL=url) as pipeline:
        await pipeline.configure()
        smtp.script(Step.ACCEPTANCE, HOLD, times=1)
        await pipeline.post(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(5)))
        crowd = asyncio.create_task(pipeline.run())
        await smtp.until(lambda: smtp.hanging == 1)
        now, row = pipeline.clock.now(), make_delivery(make_invitation("shown"))
        to_whom = {"kind": DeliveryKind.TEST, "to": "qa@acme.example", "invitation": None, "trigger": None}
        times = {"due_at": now, "expires_at": now + HOUR}
        await pipeline.store.deliveries.insert([row.model_copy(update={**to_whom, **times})])
        (stage,) = [loop for loop in pipeline.service.worker.loops if loop.stage.name == "sending:email:awaited"]
        send = stage.stage.handle
        assert isinstance(send, SendDeliveries)
        awaited = asyncio.create_task(stage.run_until_idle())

        async def is_in_line() -> bool:
            return bool(send._slots[ChannelName.EMAIL]._waiters)

        await until(is_in_line, "the message waits for the server")
        smtp.let_go()
        await asyncio.gather(crowd, awaited)
        assert [letter.to for letter in pipeline.letters()].index("qa@acme.example") == 1


async def test_100_customers_get_one_mail_each(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(100)))
    assert pipeline.recipients() == sorted(f"c{number}@example.com" for number in range(100))
    assert {row.state for row in await pipeline.deliveries()} == {DeliveryState.SENT}
    assert await pipeline.run() == 0


async def test_nothing_leaves_before_its_time(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event())
    pipeline.pass_time(2 * HOUR - timedelta(minutes=1))
    await pipeline.run()
    assert pipeline.smtp.mails == []
    pipeline.pass_time(timedelta(minutes=1))
    await pipeline.run()
    assert pipeline.recipients() == ["ada@example.com"]


@pytest.mark.parametrize("step", [Step.MAIL, Step.RCPT, Step.DATA, Step.ACCEPTANCE])
async def test_a_4xx_is_tried_again_by_the_schedule(pipeline: Pipeline, step: Step) -> None:
    await pipeline.configure()
    pipeline.smtp.script(step, "451 4.3.0 later", times=2)
    await pipeline.handle(an_event())
    for number in (1, 2):
        row = await pipeline.delivery()
        assert (row.state, row.attempts, row.lease) == (DeliveryState.PLANNED, number, None)
        assert row.detail
        assert row.detail.startswith("451 4.3.0")
        assert row.due_at is not None
        wait = SEND_SCHEDULE[number - 1]
        assert wait * 0.8 - SLACK < row.due_at - pipeline.clock.now() <= wait * 1.2
        assert await pipeline.run() == 0
        pipeline.pass_time(wait * 1.2)
        await pipeline.run()
    row = await pipeline.delivery()
    assert (row.state, row.attempts, row.detail) == (DeliveryState.SENT, 3, None)
    assert len(pipeline.smtp.mails) == 1


async def test_when_the_schedule_is_used_up_the_mail_is_dead_until_an_operator_retries_it(pipeline: Pipeline) -> None:
    await pipeline.configure()
    pipeline.smtp.script(Step.RCPT, "450 4.2.0 greylisted")
    await pipeline.handle(an_event())
    for wait in SEND_SCHEDULE:
        assert (await pipeline.delivery()).state is DeliveryState.PLANNED
        pipeline.pass_time(wait * 1.2)
        await pipeline.run()
    row = await pipeline.delivery()
    assert_ended(row, DeliveryState.DEAD, Reason.RETRIES_EXHAUSTED)
    assert row.attempts == len(SEND_SCHEDULE) + 1
    assert (await pipeline.invitation()).state is InvitationState.UNDELIVERABLE
    pipeline.smtp.behave()
    assert await pipeline.store.deliveries.retry(row.id, pipeline.clock.now())
    await pipeline.run()
    assert (await pipeline.delivery()).state is DeliveryState.SENT
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.reason) == (InvitationState.SENT, None)


async def test_a_hard_bounce_silences_the_address_for_every_brand_and_no_other(pipeline: Pipeline) -> None:
    await pipeline.configure()
    pipeline.smtp.script(Step.RCPT, "550 5.1.1 no such user", matching="ada@")
    await pipeline.handle(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
    rows = {row.to: row for row in await pipeline.deliveries()}
    assert_ended(rows["ada@example.com"], DeliveryState.DEAD, Reason.ADDRESS_UNUSABLE)
    assert rows["bob@example.com"].state is DeliveryState.SENT
    assert pipeline.recipients() == ["bob@example.com"]
    states = {row.customer_ref: (row.state, row.reason) for row in await pipeline.invitations()}
    assert states["c-ada"] == (InvitationState.UNDELIVERABLE, Reason.ADDRESS_UNUSABLE)
    pipeline.smtp.behave()
    await pipeline.handle(an_event("ord-3", a_customer("ADA", id="c-other", email="ADA@example.com")))
    assert (await pipeline.decision("ord-3")).reason is Reason.SUPPRESSED
    assert pipeline.recipients() == ["bob@example.com"]


async def test_a_refused_message_says_nothing_against_the_address(pipeline: Pipeline) -> None:
    await pipeline.configure()
    pipeline.smtp.script(Step.ACCEPTANCE, "554 5.7.1 looks like spam", times=1)
    await pipeline.handle(an_event("ord-1"))
    assert_ended(await pipeline.delivery(), DeliveryState.DEAD, Reason.REFUSED)
    await pipeline.handle(an_event("ord-2"))
    assert pipeline.recipients() == ["ada@example.com"]


@pytest.mark.parametrize("step", [Step.CONNECT, Step.EHLO])
async def test_a_server_that_lets_nobody_in_uses_up_no_tries(pipeline: Pipeline, step: Step) -> None:
    await pipeline.configure()
    pipeline.smtp.script(step, DROP)
    await pipeline.handle(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
    for _ in range(15):  # more often than the schedule is long
        pipeline.pass_time(timedelta(seconds=40))
        await pipeline.run()
    assert {(row.state, row.attempts) for row in await pipeline.deliveries()} == {(DeliveryState.PLANNED, 0)}
    pipeline.smtp.behave()
    pipeline.pass_time(timedelta(seconds=40))
    await pipeline.run()
    assert pipeline.recipients() == ["ada@example.com", "bob@example.com"]
    assert {(row.state, row.attempts) for row in await pipeline.deliveries()} == {(DeliveryState.SENT, 1)}


async def test_a_server_that_is_gone_is_waited_out(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.smtp.stop()
    await pipeline.handle(an_event())
    row = await pipeline.delivery()
    assert (row.state, row.attempts) == (DeliveryState.PLANNED, 0)
    await pipeline.smtp.start()
    pipeline.pass_time(timedelta(seconds=40))
    await pipeline.run()
    assert pipeline.recipients() == ["ada@example.com"]


async def test_a_mail_whose_acceptance_was_not_heard_goes_again_under_the_same_message_id(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event("ord-0", a_customer("bob")))
    pipeline.smtp.script(Step.ACCEPTANCE, DROP, times=1)
    await pipeline.handle(an_event())
    pipeline.pass_time(timedelta(minutes=1))
    await pipeline.run()
    assert {name: len(ids) for name, ids in message_ids(pipeline.smtp.mails).items()} == {
        "ada@example.com": 1,
        "bob@example.com": 1,
    }
    assert {row.state for row in await pipeline.deliveries()} == {DeliveryState.SENT}


async def test_a_mail_that_cannot_be_written_says_so_and_holds_up_no_other(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
    intake, *_ = pipeline.service.worker.loops
    await intake.run_until_idle()
    broken = next(row for row in await pipeline.invitations() if row.customer_ref == "c-ada")
    await pipeline.store.database["invitations"].update_one({"_id": broken.id}, {"$set": {"token.kid": "00000000"}})
    await pipeline.run()
    rows = {row.to: row for row in await pipeline.deliveries()}
    assert_ended(rows["ada@example.com"], DeliveryState.DEAD, Reason.COMPOSING_FAILED)
    assert pipeline.recipients() == ["bob@example.com"]


async def test_a_test_message_goes_to_the_brands_list_alone(pipeline: Pipeline) -> None:
    await pipeline.configure()
    now = pipeline.clock.now()
    rows = [
        Delivery(
            id=f"dlv_{number}",
            kind=DeliveryKind.TEST,
            channel="email",
            brand="acme",
            survey=NAME,
            survey_version=1,
            to=to,
            language="en",
            state=DeliveryState.REQUESTED,
            due_at=now,
            created_at=now,
            planned_at=now,
            expires_at=now + HOUR,
        )
        for number, to in enumerate(("qa@acme.example", "somebody@example.com"))
    ]
    await pipeline.store.deliveries.insert(rows)
    await pipeline.run()
    assert pipeline.recipients() == ["qa@acme.example"]
    assert pipeline.letters()[0].subject.startswith("[Test] ")
    ended = await pipeline.store.deliveries.get("dlv_1")
    assert ended is not None
    assert_ended(ended, DeliveryState.CANCELLED, Reason.ADDRESS_NOT_ALLOWED)


async def claim_sending(pipeline: Pipeline) -> Delivery:
    """A worker that dies after it marked its row; its lease has run out."""
    intake, planning, *_ = pipeline.service.worker.loops
    await intake.run_until_idle()
    await planning.run_until_idle()
    claim = await pipeline.store.deliveries.claims.claim(1)
    assert claim is not None
    assert await pipeline.store.deliveries.mark_sending(claim.rows[0])
    pipeline.pass_time(pipeline.store.deliveries.claims.lease + timedelta(seconds=1))
    return claim.rows[0]


async def test_a_mail_that_a_dead_worker_was_sending_is_sent_with_the_same_message_id(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event())
    row = await claim_sending(pipeline)
    await pipeline.run()
    (letter,) = pipeline.letters()
    assert letter.message_id == f"<{row.id}@acme.example>"
    sent = await pipeline.delivery()
    assert (sent.state, sent.attempts, sent.deaths, sent.claim) == (DeliveryState.SENT, 2, 1, 2)


async def test_a_text_message_that_a_dead_worker_was_sending_is_never_sent_again(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event())
    row = await claim_sending(pipeline)
    await pipeline.store.database["deliveries"].update_one({"_id": row.id}, {"$set": {"channel": "sms"}})
    await pipeline.run()
    row = await pipeline.delivery()
    assert (row.state, row.reason, row.lease) == (DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN, None)
    assert (await pipeline.invitation()).state is not InvitationState.UNDELIVERABLE
    pipeline.pass_time(timedelta(days=2))
    await pipeline.run()
    assert_ended(await pipeline.delivery(), DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN)


async def test_a_row_that_kills_its_workers_ends_as_poison_and_harms_no_neighbour(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event("ord-1"), an_event("ord-2", a_customer("bob")), an_event("ord-3", a_customer("eve")))
    intake, planning, last, *_ = pipeline.service.worker.loops
    await intake.run_until_idle()
    await planning.run_until_idle()
    claims = pipeline.store.deliveries.claims
    taken = await claims.claim(10)
    assert taken is not None
    poison = taken.rows[0].id
    for _ in range(MAX_DEATHS):
        pipeline.pass_time(claims.lease + timedelta(seconds=1))
        while claim := await claims.claim(10):
            (row,) = claim.rows  # alone
            if row.id != poison:
                await claims.release(claim.lease)
                rest = await claims.claim(1)
                assert rest is not None
                await last.stage.handle(rest)
            else:
                break
    pipeline.pass_time(claims.lease + timedelta(seconds=1))
    await pipeline.run()
    row = await pipeline.store.deliveries.get(poison) or taken.rows[0]
    assert_ended(row, DeliveryState.DEAD, Reason.POISON)
    assert row.attempts == 0
    assert {other.state for other in await pipeline.deliveries() if other.id != poison} == {DeliveryState.SENT}
    # An operator may give it its tries again.
    assert await pipeline.store.deliveries.retry(poison, pipeline.clock.now())
    await pipeline.run()
    assert len(pipeline.smtp.mails) == 3


async def test_a_status_that_came_before_the_send_returned_is_not_lowered(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event())
    row = await claim_sending(pipeline)
    assert await pipeline.store.deliveries.raise_status(row.id, "delivered", 4)
    await pipeline.run()
    sent = await pipeline.delivery()
    assert (sent.state, sent.provider_status, sent.provider_rank) == (DeliveryState.SENT, "delivered", 4)
    assert not await pipeline.store.deliveries.raise_status(row.id, "sent", 2)


async def test_the_sender_of_a_brand_may_have_a_comma_and_a_domain_of_its_own_script(pipeline: Pipeline) -> None:
    await pipeline.configure()
    sender: dict[str, Any] = {"email_from": "Müller, Söhne <post@müller.example>", "return_path": None}
    await pipeline.store.configuration.brands.put("acme", a_brand(**sender))
    await pipeline.handle(an_event())
    (mail,) = pipeline.smtp.mails
    assert mail.sender == "post@xn--mller-kva.example"
