"""Moving: a first message that was delayed never meets another one that was planned for that time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from survey_service.models.contact_policy import POLICY_ID, ContactPolicyContent
from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.pause import Pause, PauseScope
from tests.support.deciding import hold_everything
from tests.support.pipeline import Pipeline, an_event

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


async def test_what_a_pause_holds_keeps_its_place_until_it_is_lifted(pipeline: Pipeline) -> None:
    await configure(pipeline)
    await pipeline.post(an_event())
    for loop in pipeline.service.worker.loops[:2]:
        await loop.run_until_idle()
    before = await pipeline.store.contacts.holding([row.id for row in await pipeline.invitations()])
    assert before
    await hold_everything(pipeline)
    pipeline.pass_time(HOUR)
    await pipeline.run()
    assert {row.held_by for row in await pipeline.deliveries()} == {"everything", None}
    assert await pipeline.store.contacts.holding(list(before)) == before


async def test_what_leaves_on_its_plan_keeps_its_place(pipeline: Pipeline) -> None:
    await configure(pipeline)
    await pipeline.handle(an_event())
    before = await pipeline.store.contacts.holding([row.id for row in await pipeline.invitations()])
    pipeline.pass_time(DAY + HOUR + timedelta(minutes=1))
    await pipeline.run()
    assert len(pipeline.letters()) == 2
    assert await pipeline.store.contacts.holding(list(before)) == before
