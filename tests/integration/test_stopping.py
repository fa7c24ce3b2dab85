"""Stopping: what is paused, disabled, cancelled or opted out of does not leave, however late the word comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from survey_service.delivery import known
from survey_service.delivery.holding import Holding
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.pause import Pause, PauseScope
from survey_service.models.suppression import EVERY_BRAND
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.tokens import OptOutSubject
from tests.support.deciding import hold_everything, let_everything_go
from tests.support.pipeline import NAME, Pipeline, a_customer, an_event, open_pipeline
from tests.support.sending import assert_ended, hold_in_provider, suppress
from tests.support.smtp_server import DROP, HANG, ScriptedSmtpServer, Step

HOUR = timedelta(hours=1)


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
    pipeline.pass_time(HOUR)
    await pipeline.run()
    assert await pipeline.delivery() == row  # nobody looked at it again
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


async def test_what_a_pause_holds_expires_in_its_time(pipeline: Pipeline) -> None:
    await pipeline.configure(expires_after="P1D")
    await hold_everything(pipeline)
    await pipeline.handle(an_event())
    pipeline.pass_time(timedelta(days=1, seconds=1))
    await pipeline.run()
    row = await pipeline.delivery()
    assert_ended(row, DeliveryState.CANCELLED, Reason.EXPIRED)
    assert row.held_by is None


async def test_a_pause_that_is_lifted_while_a_worker_holds_the_row_holds_it_no_longer(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pipeline.configure()
    await hold_everything(pipeline)
    deliveries = pipeline.store.deliveries
    record = deliveries.record_wait

    async def lift_first(*args: Any, **named: Any) -> bool:
        await let_everything_go(pipeline)
        return await record(*args, **named)

    monkeypatch.setattr(deliveries, "record_wait", lift_first)
    await pipeline.handle(an_event())
    assert (await pipeline.delivery()).state is DeliveryState.SENT


async def test_what_a_lifted_pause_still_holds_is_found_by_every_process(pipeline: Pipeline) -> None:
    """Whoever lifted it died before it let go."""
    await pipeline.configure()
    await hold_everything(pipeline)
    await pipeline.handle(an_event())
    holding = Holding(pipeline.store, pipeline.service.parts.bells)
    await holding.let_go_of_lifted()
    assert (await pipeline.delivery()).held_by == "everything"
    await pipeline.store.configuration.pauses.delete("everything")
    await holding.let_go_of_lifted()
    await pipeline.run()
    assert (await pipeline.delivery()).state is DeliveryState.SENT


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
        await pipeline.service.parts.recording.submit_token(await pipeline.token(), {"nps": "9"})
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
    await pipeline.service.parts.recording.submit_token(await pipeline.token(), {"nps": "9"})
    assert_ended(await pipeline.delivery(), DeliveryState.CANCELLED, Reason.ANSWERED)
    pipeline.pass_time(3 * HOUR)
    await pipeline.run()
    assert pipeline.smtp.mails == []
    assert (await pipeline.invitation()).state is InvitationState.FINISHED
