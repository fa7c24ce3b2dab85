"""Whoever opts out hears nothing more, on any channel, of whatever was queued: each message says why it stayed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from survey_service.models.decision import Reason
from survey_service.models.delivery import WAITING_STATES, ChannelName, DeliveryKind, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.pause import Pause, PauseScope
from survey_service.wiring import create_app
from tests.support.pipeline import Pipeline, a_customer, a_survey, an_event
from tests.support.service import client_of
from tests.support.smtp_server import Step

DAY = timedelta(days=1)
ADA = a_customer(phone="+4915123456789")
TRIGGERS = {
    "falls-back": {"channels": ("email", "sms"), "channel_mode": "fallback"},
    "reminds": {"reminders": ({"after": "P1D"}, {"after": "P5D"})},
    "reminds-later": {"reminders": ({"after": "P3D"},)},
    "waits": {"delay": "P1D"},
}


async def pause(pipeline: Pipeline, scope: PauseScope, target: str | None = None) -> None:
    name = f"{scope.value}:{target}" if target else scope.value
    row = Pause(id=name, scope=scope, target=target, created_at=pipeline.clock.now())
    await pipeline.store.configuration.pauses.put(row)


async def lift_every_pause(pipeline: Pipeline) -> None:
    for row in await pipeline.store.configuration.pauses.all():
        await pipeline.store.configuration.pauses.delete(row.id)
        await pipeline.store.deliveries.let_go(row.id, pipeline.clock.now())


async def ask(pipeline: Pipeline, *triggers: str) -> None:
    """One event of Ada for each trigger."""
    await pipeline.handle(*(an_event(f"event-of-{name}", ADA, type=name) for name in triggers))


async def test_after_one_click_nothing_that_was_queued_leaves_on_any_channel(pipeline: Pipeline) -> None:
    for name, content in TRIGGERS.items():
        await pipeline.store.configuration.surveys.put(name, a_survey(name=name))
        await pipeline.configure(name, survey=name, event_type=name, **content)
    # The mail is refused for good, so the text message is next; it waits for its channel.
    await pause(pipeline, PauseScope.CHANNEL, "sms")
    pipeline.smtp.script(Step.DATA, "554 5.7.1 not this one", times=1)
    await ask(pipeline, "falls-back")
    await ask(pipeline, "reminds", "reminds-later")
    assert len(pipeline.smtp.mails) == 2
    await pause(pipeline, PauseScope.EVERYTHING)
    pipeline.pass_time(DAY + timedelta(minutes=1))
    await pipeline.run()
    await ask(pipeline, "waits")
    queued = [(row.kind, row.channel) for row in await pipeline.deliveries() if row.state in WAITING_STATES]
    assert Counter(queued) == {
        (DeliveryKind.FALLBACK, ChannelName.SMS): 1,
        (DeliveryKind.REMINDER, ChannelName.EMAIL): 1,
        (DeliveryKind.INVITE, ChannelName.EMAIL): 1,
    }

    (way_out,) = {link for letter in pipeline.letters() for link in letter.links if "/u/" in link}
    async with client_of(create_app(pipeline.service.parts)) as client:
        answer = await client.post(f"/u/{way_out.rpartition('/')[2]}", data={"List-Unsubscribe": "One-Click"})
        assert answer.status == 200
    await lift_every_pause(pipeline)
    for _ in range(30):
        pipeline.pass_time(DAY)
        await pipeline.run()

    assert len(pipeline.smtp.mails) == 2
    rows = await pipeline.deliveries()
    assert Counter(row.state for row in rows) == {
        DeliveryState.SENT: 2,  # before
        DeliveryState.DEAD: 1,  # the mail that was refused
        DeliveryState.CANCELLED: 5,
    }
    assert Counter(row.reason for row in rows if row.state is DeliveryState.CANCELLED) == {
        Reason.OPTED_OUT: 3,
        Reason.SUPPRESSED: 2,  # the reminders that were planned afterwards
    }
    for invitation in await pipeline.invitations():
        if invitation.sent_at is None:
            assert (invitation.state, invitation.reason) == (InvitationState.CANCELLED, Reason.OPTED_OUT)
        else:
            assert invitation.state is InvitationState.EXPIRED


async def test_events_of_somebody_who_opted_out_are_decided_and_say_so(pipeline: Pipeline) -> None:
    await pipeline.configure(channels=("email", "sms"))
    await pipeline.handle(an_event("ord-0", ADA))
    subject = pipeline.service.parts.opting_out.subject_of(
        next(link for link in pipeline.letters()[0].links if "/u/" in link).rpartition("/")[2]
    )
    assert subject is not None
    await pipeline.service.parts.opting_out.opt_out(subject)
    pipeline.pass_time(30 * DAY)
    await pipeline.handle(an_event("ord-1", ADA))
    decision = await pipeline.decision("ord-1")
    assert (decision.reason, decision.values) == (Reason.SUPPRESSED, {"channels": ["email", "sms"]})
