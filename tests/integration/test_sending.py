"""Sending: what is due leaves once, by the rules, and every end has its reason."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from survey_service.delivery import known
from survey_service.delivery.gate import MAX_DEATHS
from survey_service.models.decision import Reason
from survey_service.models.delivery import Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.pause import Pause, PauseScope
from survey_service.models.suppression import EVERY_BRAND, Suppression, SuppressionReason, SuppressionScope
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.texts.addresses import email_key
from survey_service.tokens import OptOutSubject
from survey_service.work.retry import EMAIL_SCHEDULE
from tests.support.inbox import message_ids
from tests.support.pipeline import NAME, Pipeline, a_brand, a_customer, an_event, open_pipeline
from tests.support.smtp_server import DROP, HANG, ScriptedSmtpServer, Step

HOUR = timedelta(hours=1)
SLACK = timedelta(seconds=5)


async def hold_in_provider(pipeline: Pipeline) -> asyncio.Task[int]:
    """The worker, stopped while the server thinks about the first mail."""
    pipeline.smtp.script(Step.ACCEPTANCE, HANG, times=1)
    running = asyncio.create_task(pipeline.run())
    async with asyncio.timeout(10):
        await pipeline.smtp.until(lambda: pipeline.smtp.hanging == 1)
    return running


async def suppress(pipeline: Pipeline, address: str, brand: str = "acme") -> None:
    subject = pipeline.service.parts.keyring.subject_hash(email_key(address))
    row = Suppression(
        id=f"sup_{subject[:10]}_{brand}",
        scope=SuppressionScope.ADDRESS,
        brand=brand,
        subject_hash=subject,
        reason=SuppressionReason.MANUAL,
        created_at=pipeline.clock.now(),
    )
    await pipeline.store.suppressions.insert([row])


def assert_ended(row: Delivery, state: DeliveryState, reason: Reason) -> None:
    assert (row.state, row.reason, row.due_at, row.lease) == (state, reason, None, None)


# --- what leaves


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


# --- what the server says


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
        wait = EMAIL_SCHEDULE[number - 1]
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
    for wait in EMAIL_SCHEDULE:
        assert (await pipeline.delivery()).state is DeliveryState.PLANNED
        pipeline.pass_time(wait * 1.2)
        await pipeline.run()
    row = await pipeline.delivery()
    assert_ended(row, DeliveryState.DEAD, Reason.RETRIES_EXHAUSTED)
    assert row.attempts == len(EMAIL_SCHEDULE) + 1
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


# --- what operators hold


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        (PauseScope.EVERYTHING, None),
        (PauseScope.CHANNEL, "email"),
        (PauseScope.TRIGGER, NAME),
        (PauseScope.BRAND, "acme"),
        (PauseScope.TOUCHPOINT, "berlin"),
    ],
)
async def test_a_pause_holds_what_it_means_until_it_is_lifted(
    pipeline: Pipeline, scope: PauseScope, target: str | None
) -> None:
    await pipeline.configure()
    name = f"{scope}:{target}" if target else scope.value
    configuration = pipeline.store.configuration
    await configuration.pauses.put(Pause(id=name, scope=scope, target=target, created_at=pipeline.clock.now()))
    other = Pause(id="brand:other", scope=PauseScope.BRAND, target="other", created_at=pipeline.clock.now())
    await configuration.pauses.put(other)
    await pipeline.handle(an_event(data={"touchpoint": "berlin"}))
    row = await pipeline.delivery()
    assert (row.state, row.held_by, row.attempts) == (DeliveryState.PLANNED, name, 0)
    assert pipeline.smtp.commands == []
    pipeline.pass_time(HOUR)
    await pipeline.run()
    assert pipeline.smtp.commands == []
    await configuration.pauses.delete(name)
    assert await pipeline.store.deliveries.let_go(name, pipeline.clock.now()) == 1
    await pipeline.run()
    row = await pipeline.delivery()
    assert (row.state, row.held_by) == (DeliveryState.SENT, None)


async def test_a_pause_that_is_lifted_frees_nothing_that_another_one_holds(pipeline: Pipeline) -> None:
    await pipeline.configure()
    for name, scope, target in (
        ("everything", PauseScope.EVERYTHING, None),
        ("brand:acme", PauseScope.BRAND, "acme"),
    ):
        pause = Pause(id=name, scope=scope, target=target, created_at=pipeline.clock.now())
        await pipeline.store.configuration.pauses.put(pause)
    await pipeline.handle(an_event())
    await pipeline.store.configuration.pauses.delete("everything")
    assert await pipeline.store.deliveries.let_go("everything", pipeline.clock.now()) == 1
    await pipeline.run()
    assert (await pipeline.delivery()).held_by == "brand:acme"
    assert pipeline.smtp.commands == []


async def test_a_trigger_that_is_disabled_stops_what_is_unsent(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event())
    await pipeline.configure(delay="PT2H", enabled=False)
    pipeline.pass_time(2 * HOUR)
    await pipeline.run()
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.TRIGGER_DISABLED)
    assert pipeline.smtp.commands == []


@pytest.mark.parametrize("change", ["disable", "pause", "suppress"])
async def test_mails_of_a_batch_that_still_wait_for_their_slot_are_stopped_too(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """One connection, a slow server: the second mail was claimed and checked long before its turn comes."""
    monkeypatch.setattr(known, "FRESH_FOR", 0.0)
    url = f"smtp://{smtp.address}?connections=1"
    async with open_pipeline(mongodb_uri, database_name, smtp, SURVEY_SMTP_URL=url) as pipeline:
        await pipeline.configure()
        smtp.script(Step.RCPT, HANG, times=1)
        await pipeline.post(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
        running = asyncio.create_task(pipeline.run())
        async with asyncio.timeout(10):
            await smtp.until(lambda: smtp.hanging == 1)
        waiting = next(row for row in await pipeline.deliveries() if row.state is DeliveryState.PLANNED)
        if change == "disable":
            await pipeline.configure(enabled=False)
        elif change == "pause":
            pause = Pause(id="everything", scope=PauseScope.EVERYTHING, created_at=pipeline.clock.now())
            await pipeline.store.configuration.pauses.put(pause)
        else:
            await suppress(pipeline, waiting.to)
        await smtp.stop()
        await smtp.start()
        await running
        row = await pipeline.store.deliveries.get(waiting.id)
        assert row is not None
        assert row.attempts == 0
        assert row.state is (DeliveryState.PLANNED if change == "pause" else DeliveryState.CANCELLED)
        assert smtp.mails == []


async def test_a_mail_that_is_cancelled_while_it_waits_for_its_slot_is_not_sent(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before may still be believed; the mark alone tells that the row was taken away."""
    monkeypatch.setattr(known, "FRESH_FOR", 600.0)
    url = f"smtp://{smtp.address}?connections=1"
    async with open_pipeline(mongodb_uri, database_name, smtp, SURVEY_SMTP_URL=url) as pipeline:
        await pipeline.configure()
        smtp.script(Step.RCPT, HANG, times=1)
        await pipeline.post(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
        running = asyncio.create_task(pipeline.run())
        async with asyncio.timeout(10):
            await smtp.until(lambda: smtp.hanging == 1)
        waiting = next(row for row in await pipeline.deliveries() if row.state is DeliveryState.PLANNED)
        await withdraw_waiting(pipeline.store.database, {"invitation": waiting.invitation}, Reason.CANCELLED)
        await smtp.stop()
        await smtp.start()
        await running
        row = await pipeline.store.deliveries.get(waiting.id)
        assert row is not None
        assert_ended(row, DeliveryState.CANCELLED, Reason.CANCELLED)
        assert row.attempts == 0


# --- people and their word


async def test_an_opt_out_cancels_what_waits_and_stops_what_comes(pipeline: Pipeline) -> None:
    await pipeline.configure("early")
    await pipeline.configure("late", event_type="order.shipped", delay="PT2H")
    await pipeline.handle(an_event("ord-1"), an_event("ord-2", type="order.shipped"))
    subject = OptOutSubject("acme", (await pipeline.invitations())[0].customer)
    for _ in range(2):  # repeating it is harmless
        await pipeline.service.parts.opting_out.opt_out(subject)
    states = {row.trigger: (row.state, row.reason) for row in await pipeline.invitations()}
    assert states == {
        "early": (InvitationState.SENT, None),
        "late": (InvitationState.CANCELLED, Reason.OPTED_OUT),
    }
    pipeline.pass_time(3 * HOUR)
    await pipeline.handle(an_event("ord-3"), an_event("ord-4", {"email": "Ada@example.com", "phone": "+4915123456789"}))
    assert pipeline.recipients() == ["ada@example.com"]
    for name in ("ord-3", "ord-4"):
        assert (await pipeline.decision(name)).reason is Reason.SUPPRESSED


async def test_an_opt_out_holds_for_its_brand_alone(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event("ord-1"))
    await pipeline.service.parts.opting_out.opt_out(OptOutSubject("other", (await pipeline.invitation()).customer))
    await pipeline.handle(an_event("ord-2"))
    assert len(pipeline.recipients()) == 2


@pytest.mark.parametrize(("brand", "stopped"), [("acme", True), (EVERY_BRAND, True), ("other", False)])
async def test_an_address_that_was_suppressed_meanwhile_is_not_written_to(
    pipeline: Pipeline, brand: str, stopped: bool
) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event())
    await suppress(pipeline, "ADA@example.com", brand)
    pipeline.pass_time(2 * HOUR)
    await pipeline.run()
    row = await pipeline.delivery()
    if stopped:
        assert_ended(row, DeliveryState.CANCELLED, Reason.SUPPRESSED)
        invitation = await pipeline.invitation()
        assert (invitation.state, invitation.reason) == (InvitationState.UNDELIVERABLE, Reason.SUPPRESSED)
    assert len(pipeline.smtp.mails) == (0 if stopped else 1)


async def test_consent_that_was_withdrawn_meanwhile_counts(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event())
    await pipeline.handle(an_event("news", a_customer(consent={"email": False}), type="consent.changed"))
    pipeline.pass_time(2 * HOUR)
    await pipeline.run()
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.NO_CONSENT)


async def test_only_the_allowed_addresses_are_written_to(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer
) -> None:
    async with open_pipeline(mongodb_uri, database_name, smtp, SURVEY_ONLY_TO="bob@*") as pipeline:
        await pipeline.configure()
        await pipeline.handle(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
        assert pipeline.recipients() == ["bob@example.com"]
        rows = {row.to: row for row in await pipeline.deliveries()}
        assert_ended(rows["ada@example.com"], DeliveryState.CANCELLED, Reason.ADDRESS_NOT_ALLOWED)


# --- ends


async def test_what_expires_before_it_could_leave_never_leaves(pipeline: Pipeline) -> None:
    await pipeline.configure(expires_after="P1D")
    pipeline.smtp.script(Step.CONNECT, DROP)
    await pipeline.handle(an_event())
    pipeline.smtp.behave()
    pipeline.pass_time(timedelta(days=1))
    await pipeline.run()
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.EXPIRED)
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.reason, invitation.due_at) == (
        InvitationState.EXPIRED,
        Reason.EXPIRED,
        None,
    )
    assert pipeline.smtp.mails == []


async def test_an_invitation_that_nobody_answers_expires(pipeline: Pipeline) -> None:
    await pipeline.configure(expires_after="P1D")
    await pipeline.handle(an_event())
    pipeline.pass_time(timedelta(days=1))
    await pipeline.run()
    assert (await pipeline.invitation()).state is InvitationState.EXPIRED
    assert (await pipeline.delivery()).state is DeliveryState.SENT


async def test_a_brand_that_is_gone_asks_nobody(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event())
    await pipeline.store.configuration.brands.delete("acme")
    pipeline.pass_time(2 * HOUR)
    await pipeline.run()
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.SURVEY_GONE)


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


# --- workers that die, and words that come while a worker holds the row


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


@pytest.mark.parametrize("word", ["cancel", "opt out", "answer"])
async def test_a_word_that_comes_while_a_worker_holds_the_row_stops_the_mail(pipeline: Pipeline, word: str) -> None:
    await pipeline.configure()
    await pipeline.post(an_event())
    intake, planning, last, *_ = pipeline.service.worker.loops
    await intake.run_until_idle()
    await planning.run_until_idle()
    claim = await pipeline.store.deliveries.claims.claim(1)
    assert claim is not None
    invitation = await pipeline.invitation()
    expected = Reason.CANCELLED
    if word == "cancel":
        await withdraw_waiting(pipeline.store.database, {"invitation": invitation.id}, Reason.CANCELLED)
    elif word == "opt out":
        expected = Reason.OPTED_OUT
        await pipeline.service.parts.opting_out.opt_out(OptOutSubject("acme", invitation.customer))
    else:
        expected = Reason.ANSWERED
        await pipeline.service.parts.recording.submit(await pipeline.token(), {"nps": "9"})
    await last.stage.handle(claim)
    await pipeline.run()
    assert pipeline.smtp.commands == []
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, expected)


async def test_a_mail_that_is_being_sent_when_it_is_cancelled_is_recorded_as_sent(pipeline: Pipeline) -> None:
    """It cannot be called back; the row tells the truth, and the invitation stays closed."""
    await pipeline.configure()
    await pipeline.post(an_event())
    running = await hold_in_provider(pipeline)
    await withdraw_waiting(pipeline.store.database, {"invitation": (await pipeline.invitation()).id}, Reason.CANCELLED)
    await pipeline.smtp.stop()
    await pipeline.smtp.start()
    await running
    invitation, row = await pipeline.invitation(), await pipeline.delivery()
    assert invitation.state is InvitationState.CANCELLED
    assert row.state is DeliveryState.PLANNED  # the drop was temporary …
    pipeline.pass_time(timedelta(minutes=1))
    await pipeline.run()
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.CANCELLED)  # … and it does not go again


async def test_what_was_answered_before_it_left_is_not_sent(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event())
    await pipeline.service.parts.recording.submit(await pipeline.token(), {"nps": "9"})
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.ANSWERED)
    pipeline.pass_time(3 * HOUR)
    await pipeline.run()
    assert pipeline.smtp.mails == []
    assert (await pipeline.invitation()).state is InvitationState.FINISHED


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
