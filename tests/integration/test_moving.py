"""Moving: a first message that was delayed, or is tried again, never meets another one that has its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from survey_service.models.contact_policy import POLICY_ID, ContactPolicyContent
from survey_service.models.decision import Outcome, Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.pause import Pause, PauseScope
from tests.support.pipeline import Pipeline, an_event
from tests.support.smtp_server import Step

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def configure(pipeline: Pipeline, **second: object) -> None:
    """Two triggers about the same event, the second a day and an hour later; a day between any two messages."""
    await pipeline.configure(exempt=False)
    await pipeline.configure("later", exempt=False, delay="P1DT1H", **second)
    policy = ContactPolicyContent(limits=(), cooldown="P1D")
    await pipeline.store.configuration.policies.put(POLICY_ID, policy)


async def pause_and_pass(pipeline: Pipeline, period: timedelta) -> None:
    """Everything is held for a while, then let go at once."""
    pauses = pipeline.store.configuration.pauses
    everything = PauseScope.EVERYTHING
    await pauses.put(Pause(id=everything.value, scope=everything, created_at=pipeline.clock.now()))
    await pipeline.run()
    pipeline.pass_time(period)
    await pauses.delete(everything.value)
    await pipeline.store.deliveries.let_go(everything.value, pipeline.clock.now())
    await pipeline.run()


@pytest.mark.parametrize("held_for", [DAY + HOUR * 2, DAY * 3])
async def test_two_messages_that_were_held_back_do_not_leave_together(pipeline: Pipeline, held_for: timedelta) -> None:
    await configure(pipeline)
    await pipeline.post(an_event())
    await pause_and_pass(pipeline, held_for)
    assert len(pipeline.letters()) == 1
    (waiting,) = [row for row in await pipeline.deliveries() if row.state is DeliveryState.PLANNED]
    assert waiting.reason is Reason.SAME_TEXT  # one survey, and so the first rule that stands against it
    assert waiting.due_at is not None
    assert waiting.due_at - pipeline.clock.now() > DAY - HOUR
    pipeline.pass_time(DAY + HOUR)
    await pipeline.run()
    assert len(pipeline.letters()) == 2


async def test_a_delayed_message_without_a_place_before_its_end_is_not_sent_and_says_why(pipeline: Pipeline) -> None:
    await configure(pipeline, expires_after="P1DT6H")
    await pipeline.post(an_event())
    await pause_and_pass(pipeline, DAY + HOUR * 2)
    assert len(pipeline.letters()) == 1
    (ended,) = [row for row in await pipeline.deliveries() if row.state is DeliveryState.CANCELLED]
    assert ended.reason is Reason.SAME_TEXT  # one survey, and so the first rule that stands against it


async def test_what_leaves_on_its_plan_keeps_its_place(pipeline: Pipeline) -> None:
    await configure(pipeline)
    await pipeline.handle(an_event())
    before = await pipeline.store.contacts.holding([row.id for row in await pipeline.invitations()])
    pipeline.pass_time(DAY + HOUR + timedelta(minutes=1))
    await pipeline.run()
    assert len(pipeline.letters()) == 2
    assert await pipeline.store.contacts.holding(list(before)) == before


async def fail(pipeline: Pipeline) -> str:
    """A first message is refused for good, under a policy of one in ninety days; its id."""
    await pipeline.configure(exempt=False)
    policy = ContactPolicyContent(limits=({"max": 1, "period": "P90D"},), cooldown=None)
    await pipeline.store.configuration.policies.put(POLICY_ID, policy)
    pipeline.smtp.script(Step.RCPT, "554 5.7.1 policy", times=1)
    await pipeline.handle(an_event())
    assert (await pipeline.invitation()).state is InvitationState.UNDELIVERABLE
    assert await pipeline.store.contacts.holding([(await pipeline.invitation()).id]) == {}
    return (await pipeline.delivery()).id


async def retry(pipeline: Pipeline, delivery: str) -> None:
    assert await pipeline.store.deliveries.retry(delivery, pipeline.clock.now())
    await pipeline.run()


async def test_a_message_that_is_tried_again_is_not_sent_beside_one_that_was_asked_meanwhile(
    pipeline: Pipeline,
) -> None:
    dead = await fail(pipeline)
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-2"))
    assert len(pipeline.letters()) == 1
    pipeline.pass_time(DAY)
    await retry(pipeline, dead)
    assert len(pipeline.letters()) == 1
    ended = await pipeline.store.deliveries.get(dead)
    assert ended is not None
    assert (ended.state, ended.reason) == (DeliveryState.CANCELLED, Reason.CONTACT_LIMIT)


@pytest.mark.parametrize("fails_again", [False, True])
async def test_a_message_that_is_tried_again_has_a_place_as_long_as_it_may_arrive(
    pipeline: Pipeline, fails_again: bool
) -> None:
    dead = await fail(pipeline)
    if fails_again:
        pipeline.smtp.script(Step.RCPT, "554 5.7.1 policy", times=1)
    await retry(pipeline, dead)
    assert len(pipeline.letters()) == (0 if fails_again else 1)
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-2"))
    decision = await pipeline.decision("ord-2")
    said = (Outcome.INVITED, None) if fails_again else (Outcome.SKIPPED, Reason.CONTACT_LIMIT)
    assert (decision.outcome, decision.reason) == said
