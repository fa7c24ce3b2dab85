"""The hourly cap, and waiting for a place: who is asked later, and who is not."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from survey_service.delivery.news import settle_not_sent
from survey_service.models.decision import Outcome, Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.event import EventState
from survey_service.models.invitation import InvitationState
from survey_service.store.counters import HOUR, hour_of
from survey_service.store.withdrawal import withdraw_waiting
from tests.support.deciding import (
    BY_RULES,
    DAY,
    SECOND,
    at_most,
    decisions,
    hold_everything,
    holds,
    put_policy,
    set_time,
)
from tests.support.pipeline import Pipeline, a_customer, an_event


async def test_a_deferred_survey_waits_in_its_place_and_is_sent_at_its_time(pipeline: Pipeline) -> None:
    await pipeline.configure(cooldown="P5D", when_not_allowed="defer", **BY_RULES)
    await put_policy(pipeline)
    await pipeline.handle(an_event("ord-0"))
    first = await pipeline.invitation()
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-1"))
    deferred = await pipeline.decision("ord-1")
    free = first.send_at + 5 * DAY
    assert (deferred.outcome, deferred.reason, deferred.next_eligible_at) == (Outcome.DEFERRED, Reason.COOLDOWN, free)
    waiting = await pipeline.store.invitations.get(deferred.invitation or "")
    assert waiting is not None
    assert (waiting.state, waiting.send_at) == (InvitationState.WAITING, free)
    assert (await holds(pipeline))[waiting.id] == 2  # of the person, and of the address
    # Its place counts: the next one waits behind it.
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-2")).next_eligible_at == free + 5 * DAY
    set_time(pipeline, free - SECOND)
    await pipeline.run()
    assert len(pipeline.smtp.mails) == 1
    set_time(pipeline, free)
    await pipeline.run()
    assert len(pipeline.smtp.mails) == 2


async def test_what_could_only_be_asked_after_its_end_is_skipped_and_says_when(pipeline: Pipeline) -> None:
    await pipeline.configure(cooldown="P30D", when_not_allowed="defer", expires_after="P14D", **BY_RULES)
    await put_policy(pipeline)
    await pipeline.handle(an_event("ord-0"))
    first = (await pipeline.invitation()).send_at
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-1"))
    refused = await pipeline.decision("ord-1")
    assert (refused.outcome, refused.reason, refused.next_eligible_at) == (
        Outcome.SKIPPED,
        Reason.COOLDOWN,
        first + 30 * DAY,
    )
    assert len(await pipeline.invitations()) == 1


@pytest.mark.parametrize("how", ["api", "event", "opt-out"])
async def test_a_cancelled_waiting_invitation_gives_its_place_back(pipeline: Pipeline, how: str) -> None:
    await pipeline.configure(delay="PT2H", cancel_on=("order.returned",), **BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.handle(an_event("ord-0"))
    invitation = await pipeline.invitation()
    assert await holds(pipeline) == {invitation.id: 2}
    if how == "event":
        await pipeline.handle(an_event("ret-0", type="order.returned"))
    else:
        whose = {"invitation": invitation.id} if how == "api" else {"customer": invitation.customer, "brand": "acme"}
        await withdraw_waiting(pipeline.store.database, whose, Reason.CANCELLED)
    assert await holds(pipeline) == {}
    pipeline.pass_time(SECOND)
    await pipeline.configure(delay="PT2H", **BY_RULES)
    await pipeline.handle(an_event("ord-1"))
    assert (await pipeline.decision("ord-1")).outcome is Outcome.INVITED


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.UNKNOWN])
@pytest.mark.parametrize("expires", [False, True])
async def test_a_place_is_not_given_back_while_the_message_may_have_arrived(
    pipeline: Pipeline, state: DeliveryState, expires: bool
) -> None:
    await pipeline.configure(**BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.post(an_event("ord-0"))
    for loop in pipeline.service.worker.loops[:2]:
        await loop.run_until_idle()
    invitation, delivery = await pipeline.invitation(), await pipeline.delivery()
    change = {"$set": {"state": state, "due_at": None}}
    await pipeline.store.database["deliveries"].update_one({"_id": delivery.id}, change)
    if expires:
        pipeline.pass_time(15 * DAY)
        await pipeline.run()
    else:
        assert await withdraw_waiting(pipeline.store.database, {"invitation": invitation.id}, Reason.CANCELLED) == 1
    ended = InvitationState.EXPIRED if expires else InvitationState.CANCELLED
    assert (await pipeline.invitation()).state is ended
    assert await holds(pipeline) == {invitation.id: 2}


async def test_a_place_is_given_back_when_the_provider_never_had_the_message(pipeline: Pipeline) -> None:
    await pipeline.configure(**BY_RULES)
    await pipeline.post(an_event("ord-0"))
    for loop in pipeline.service.worker.loops[:2]:
        await loop.run_until_idle()
    row = await pipeline.delivery()
    change = {"$set": {"state": DeliveryState.UNKNOWN, "due_at": None}}
    await pipeline.store.database["deliveries"].update_one({"_id": row.id}, change)
    assert await settle_not_sent(row, pipeline.store)
    await pipeline.run()
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.reason) == (InvitationState.UNDELIVERABLE, Reason.OUTCOME_UNKNOWN)
    assert await holds(pipeline) == {}


async def test_a_sent_invitation_keeps_its_place_when_it_is_cancelled(pipeline: Pipeline) -> None:
    await pipeline.configure(**BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.handle(an_event("ord-0"))
    invitation = await pipeline.invitation()
    states = (InvitationState.WAITING, InvitationState.SENT)
    whose = {"invitation": invitation.id}
    assert await withdraw_waiting(pipeline.store.database, whose, Reason.CANCELLED, states) == 1
    assert await holds(pipeline) == {invitation.id: 2}


async def test_what_never_left_gives_its_place_back_at_its_end(pipeline: Pipeline) -> None:
    await pipeline.configure(expires_after="P2D", **BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    await hold_everything(pipeline)
    await pipeline.handle(an_event("ord-0"))
    assert len(await holds(pipeline)) == 1
    pipeline.pass_time(2 * DAY)
    await pipeline.run()
    assert (await pipeline.invitation()).state is InvitationState.EXPIRED
    assert await holds(pipeline) == {}


@pytest.mark.parametrize("condition", [None, "customer.last_invited_days == null && customer.invitations_90d == 0.0"])
async def test_a_replayed_event_finds_the_place_that_a_dead_pass_held(
    pipeline: Pipeline, condition: str | None
) -> None:
    """The pass died after it had reserved, and before it wrote the invitation."""
    await pipeline.configure(condition=condition, **BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.post(an_event("ord-0"))
    claim = await pipeline.store.events.claims.claim(10)
    assert claim is not None
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]
    await intake.handle(claim)
    (held,) = await holds(pipeline)
    await pipeline.store.database["invitations"].delete_many({})
    undecided = {"state": EventState.PENDING, "decisions": [], "lease": claim.lease}
    lease_end = {"due_at": pipeline.clock.now() + pipeline.store.events.claims.lease}
    await pipeline.store.database["events"].update_many({}, {"$set": undecided | lease_end})
    pipeline.pass_time(timedelta(minutes=1))
    await pipeline.run()
    decision = await pipeline.decision("ord-0")
    assert (decision.outcome, decision.invitation) == (Outcome.INVITED, held)
    assert await holds(pipeline) == {held: 2}
    assert pipeline.recipients() == ["ada@example.com"]


async def test_a_dead_pass_leaves_no_place_behind_when_the_rules_changed_meanwhile(pipeline: Pipeline) -> None:
    await pipeline.configure(**BY_RULES)
    await pipeline.post(an_event("ord-0"))
    claim = await pipeline.store.events.claims.claim(10)
    assert claim is not None
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]
    await intake.handle(claim)
    await pipeline.store.database["invitations"].delete_many({})
    undecided = {"state": EventState.PENDING, "decisions": [], "lease": None, "due_at": pipeline.clock.now()}
    await pipeline.store.database["events"].update_many({}, {"$set": undecided})
    await pipeline.configure(condition="event.data.amount > 100.0", **BY_RULES)
    await pipeline.handle()
    assert (await pipeline.decision("ord-0")).reason is Reason.CONDITION_ERROR
    assert await holds(pipeline) == {}


async def test_beyond_the_hourly_cap_nobody_is_asked_and_each_is_told_why(pipeline: Pipeline) -> None:
    await pipeline.configure(hourly_cap=3, **BY_RULES)
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(10)))
    said = await decisions(pipeline, 10)
    decided_at = (await pipeline.event("ord-0")).decided_at
    assert decided_at is not None
    assert Counter(one.reason for one in said) == {None: 3, Reason.HOURLY_CAP: 7}
    refused = {one.next_eligible_at for one in said if one.reason}
    assert refused == {hour_of(decided_at) + HOUR}
    assert len(await holds(pipeline)) == 3
    # The next hour has room again, and the policy's cap stands where the trigger has none.
    set_time(pipeline, hour_of(decided_at) + HOUR)
    await put_policy(pipeline, hourly_cap=1)
    await pipeline.configure("other", event_type="order.lost", **BY_RULES)
    late = [an_event(f"late-{number}", a_customer(f"l{number}")) for number in range(3)]
    lost = [an_event(f"lost-{number}", a_customer(f"m{number}"), type="order.lost") for number in range(3)]
    await pipeline.handle(*late, *lost)
    assert [(await pipeline.decision(f"late-{number}")).reason for number in range(3)] == [None] * 3
    lost_reasons = Counter([(await pipeline.decision(f"lost-{number}")).reason for number in range(3)])
    assert lost_reasons == {None: 1, Reason.HOURLY_CAP: 2}


async def test_what_may_wait_moves_to_the_next_hours_with_room_and_daylight(pipeline: Pipeline) -> None:
    evening = datetime(2027, 1, 13, 19, 30, tzinfo=UTC)
    until_nine = {"allow": {"mon-sun": ("08:00-21:00",)}}
    await pipeline.configure(hourly_cap=2, when_not_allowed="defer", quiet_hours=until_nine, **BY_RULES)
    set_time(pipeline, evening)
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(7)))
    said = await decisions(pipeline, 7)
    assert Counter(one.outcome for one in said) == {Outcome.INVITED: 2, Outcome.DEFERRED: 5}
    assert {one.reason for one in said if one.outcome is Outcome.DEFERRED} == {Reason.HOURLY_CAP}
    planned = {row.id: row.send_at for row in await pipeline.invitations()}
    assert {one.invitation: one.next_eligible_at for one in said if one.reason}.items() <= planned.items()
    hours = Counter(at.hour for at in planned.values())
    assert hours == {19: 2, 20: 2, 8: 3}  # 21:00 and 22:00 have room, but are quiet
    assert sum((await holds(pipeline)).values()) == 14


async def test_what_would_move_past_its_end_is_not_asked(pipeline: Pipeline) -> None:
    evening = datetime(2027, 1, 13, 20, 30, tzinfo=UTC)
    until_nine = {"allow": {"mon-sun": ("08:00-21:00",)}}
    await pipeline.configure(
        hourly_cap=1, when_not_allowed="defer", quiet_hours=until_nine, expires_after="PT6H", **BY_RULES
    )
    set_time(pipeline, evening)
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(2)))
    assert Counter(one.reason for one in await decisions(pipeline, 2)) == {None: 1, Reason.HOURLY_CAP: 1}
    assert len(await pipeline.invitations()) == len(await holds(pipeline)) == 1
