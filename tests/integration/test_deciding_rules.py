"""The rules of step two, one by one, on a real database: whom they let through, when, and what they say otherwise."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from survey_service.intake.sampling import choose_variant, in_sample
from survey_service.models.brand import BrandContent
from survey_service.models.contact import Frequency
from survey_service.models.contact_policy import POLICY_ID, ContactLimit, ContactPolicyContent
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.models.event import EventState
from survey_service.models.ids import event_key
from survey_service.models.invitation import InvitationState
from survey_service.models.pause import Pause, PauseScope
from survey_service.models.touchpoint import TouchpointContent
from survey_service.models.trigger import Variant
from survey_service.store.counters import HOUR, hour_of
from survey_service.store.withdrawal import withdraw_waiting
from tests.support.pipeline import NAME, SOURCE, Pipeline, a_brand, a_customer, a_survey, an_event

DAY = timedelta(days=1)
BY_RULES: dict[str, Any] = {"exempt": False}
SECOND = timedelta(seconds=1)


async def put_policy(pipeline: Pipeline, **changes: Any) -> None:
    """A contact policy that allows everything but what `changes` say."""
    content = ContactPolicyContent.model_validate({"limits": (), "cooldown": None} | changes)
    await pipeline.store.configuration.policies.put(POLICY_ID, content)


def at_most(count: int, period: str) -> dict[str, Any]:
    return {"limits": (ContactLimit(max=count, period=period),)}


async def holds(pipeline: Pipeline) -> Counter[str]:
    """How many places each invitation holds."""
    found = pipeline.store.database["contacts"].find()
    return Counter([hold["invitation"] async for contact in found for hold in contact["holds"]])


async def decisions(pipeline: Pipeline, count: int) -> list[Decision]:
    """The only decision about each of `ord-0`, `ord-1`, ..."""
    return [await pipeline.decision(f"ord-{number}") for number in range(count)]


def set_time(pipeline: Pipeline, instant: datetime) -> None:
    """Let the service's clock show `instant`."""
    pipeline.pass_time(instant - pipeline.clock.now())


async def hold_everything(pipeline: Pipeline) -> None:
    """Pause: what falls due is held."""
    pause = Pause(id=PauseScope.EVERYTHING.value, scope=PauseScope.EVERYTHING, created_at=pipeline.clock.now())
    await pipeline.store.configuration.pauses.put(pause)


async def let_everything_go(pipeline: Pipeline) -> None:
    """Lift the pause."""
    await pipeline.store.configuration.pauses.delete(PauseScope.EVERYTHING.value)
    await pipeline.store.deliveries.let_go(PauseScope.EVERYTHING.value, pipeline.clock.now())


# --- sample and variants


async def test_a_sample_asks_about_the_same_events_whatever_the_batch(pipeline: Pipeline) -> None:
    await pipeline.configure(sample=0.3, delay="PT2H")
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(100)))
    for number, decision in enumerate(await decisions(pipeline, 100)):
        key = event_key(SOURCE, f"ord-{number}")
        if in_sample(0.3, NAME, key):
            assert decision.outcome is Outcome.INVITED
        else:
            assert decision.reason is Reason.NOT_SAMPLED
            assert decision.values["drawn"] >= decision.values["sample"] == 0.3


async def test_a_customer_keeps_their_variant_and_the_answer_tells_which_it_was(pipeline: Pipeline) -> None:
    variants = (Variant(name="plain"), Variant(name="warm", survey="warm-words"))
    await pipeline.store.configuration.surveys.put("warm-words", a_survey(name="Warm words"))
    await pipeline.configure(channels=("web",), variants=variants)
    events = [an_event(f"ord-{number}", a_customer(f"c{number % 10}")) for number in range(20)]
    await pipeline.handle(*events)
    invitations = await pipeline.invitations()
    assert len(invitations) == 20
    chosen: dict[str, set[str | None]] = {}
    for invitation in invitations:
        variant = choose_variant(variants, NAME, invitation.customer)
        assert variant is not None
        assert (invitation.variant, invitation.survey) == (variant.name, variant.survey or NAME)
        chosen.setdefault(invitation.customer, set()).add(invitation.variant)
        url = pipeline.service.parts.direct.url_of(invitation) or ""
        await pipeline.service.parts.recording.submit(url.rpartition("/")[2], {"nps": "9"})
    assert {len(names) for names in chosen.values()} == {1}
    assert set().union(*chosen.values()) == {"plain", "warm"}
    answered = {response.invitation: response.variant for response in await pipeline.responses()}
    assert answered == {invitation.id: invitation.variant for invitation in invitations}


# --- the budget


@pytest.mark.parametrize(
    ("trigger", "policy", "reason", "pause"),
    [
        ({"cooldown": "P30D"}, {}, Reason.COOLDOWN, 30 * DAY),
        ({}, {"cooldown": "P7D"}, Reason.CONTACT_COOLDOWN, 7 * DAY),
        ({}, at_most(1, "P90D"), Reason.CONTACT_LIMIT, 90 * DAY),
        ({}, {}, Reason.SAME_TEXT, 12 * HOUR),
    ],
)
async def test_a_pause_ends_when_it_was_said_to_end(
    pipeline: Pipeline, trigger: dict[str, Any], policy: dict[str, Any], reason: Reason, pause: timedelta
) -> None:
    await pipeline.configure(**BY_RULES | trigger)
    await put_policy(pipeline, **policy)
    await pipeline.handle(an_event("ord-0"))
    first = (await pipeline.invitation()).send_at
    set_time(pipeline, first + pause - SECOND)
    await pipeline.handle(an_event("ord-1"))
    refused = await pipeline.decision("ord-1")
    assert (refused.outcome, refused.reason, refused.next_eligible_at) == (Outcome.SKIPPED, reason, first + pause)
    assert refused.invitation is None
    assert datetime.fromisoformat(refused.values["asked_for"]) < first + pause
    set_time(pipeline, first + pause)
    await pipeline.handle(an_event("ord-2"))
    assert (await pipeline.decision("ord-2")).outcome is Outcome.INVITED
    assert pipeline.recipients() == ["ada@example.com"] * 2


async def test_the_same_text_of_two_triggers_comes_once_and_another_text_comes_too(pipeline: Pipeline) -> None:
    await put_policy(pipeline)
    await pipeline.store.configuration.surveys.put("other-words", a_survey(name="Other words"))
    await pipeline.configure("a-first", **BY_RULES)
    await pipeline.configure("b-same", **BY_RULES)
    await pipeline.configure("c-other", survey="other-words", **BY_RULES)
    await pipeline.handle(an_event())
    reasons = {one.trigger: one.reason for one in (await pipeline.event()).decisions}
    assert reasons == {"a-first": None, "b-same": Reason.SAME_TEXT, "c-other": None}


async def test_whoever_answered_is_left_alone_for_the_time_after_an_answer(pipeline: Pipeline) -> None:
    await pipeline.configure(cooldown_after_answer="P60D", **BY_RULES)
    await put_policy(pipeline)
    await pipeline.handle(an_event("ord-0"))
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-1", a_customer("bob")))
    ada = next(row for row in await pipeline.invitations() if row.customer_ref == "c-ada")
    url = pipeline.service.parts.direct.url_of(ada) or ""
    await pipeline.service.parts.recording.submit(url.rpartition("/")[2], {"nps": "9"})
    (response,) = await pipeline.responses()
    pipeline.pass_time(59 * DAY)
    await pipeline.handle(an_event("ord-2"), an_event("ord-3", a_customer("bob")))
    refused = await pipeline.decision("ord-2")
    assert (refused.reason, refused.next_eligible_at) == (Reason.ANSWER_COOLDOWN, response.started_at + 60 * DAY)
    assert (await pipeline.decision("ord-3")).outcome is Outcome.INVITED  # he never answered
    pipeline.pass_time(DAY)
    await pipeline.handle(an_event("ord-4"))
    assert (await pipeline.decision("ord-4")).outcome is Outcome.INVITED


async def test_whoever_wants_less_has_more_time_between_two_surveys(pipeline: Pipeline) -> None:
    await pipeline.configure(**BY_RULES)
    await put_policy(pipeline, cooldown="P7D", less_often="P90D")
    await pipeline.handle(an_event("ord-0"))
    invitation = await pipeline.invitation()
    await pipeline.store.contacts.prefer(invitation.customer, frequency=Frequency.LESS)
    pipeline.pass_time(8 * DAY)
    await pipeline.handle(an_event("ord-1"))
    refused = await pipeline.decision("ord-1")
    assert refused.reason is Reason.CONTACT_COOLDOWN
    assert refused.next_eligible_at == invitation.send_at + 90 * DAY


@pytest.mark.parametrize(
    ("first", "second", "asked"),
    [
        # Two people behind one mailbox.
        ({"id": "c-ada", "email": "family@example.com"}, {"id": "c-bob", "email": "Family@Example.com"}, False),
        # One person with two mailboxes.
        ({"id": "c-ada", "email": "ada@example.com"}, {"id": "c-ada", "email": "ada@work.example"}, False),
        # Nothing in common.
        ({"id": "c-ada", "email": "ada@example.com"}, {"id": "c-bob", "email": "bob@example.com"}, True),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_the_limit_counts_by_person_and_by_address(
    pipeline: Pipeline, first: dict[str, Any], second: dict[str, Any], asked: bool, together: bool
) -> None:
    await pipeline.configure(delay="PT2H", **BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    events = [an_event("ord-0", first), an_event("ord-1", second)]
    if together:
        await pipeline.handle(*events)
    else:
        for event in events:
            await pipeline.handle(event)
    until = [one.next_eligible_at for one in await decisions(pipeline, 2) if one.outcome is Outcome.SKIPPED]
    invitations = await pipeline.invitations()
    assert len(invitations) == (2 if asked else 1)
    assert until == ([] if asked else [invitations[0].send_at + 90 * DAY])


async def test_the_limit_counts_over_all_triggers_and_what_is_planned(pipeline: Pipeline) -> None:
    for name in ("a", "b", "c"):
        await pipeline.store.configuration.surveys.put(f"survey-{name}", a_survey(name=name))
        await pipeline.configure(name, survey=f"survey-{name}", delay="P2D", **BY_RULES)
    await put_policy(pipeline, **at_most(2, "P90D"))
    await pipeline.handle(an_event())
    said = (await pipeline.event()).decisions
    assert [one.reason for one in said] == [None, None, Reason.CONTACT_LIMIT]
    send_at = {row.send_at for row in await pipeline.invitations()}
    assert {said[2].next_eligible_at} == {at + 90 * DAY for at in send_at}


async def test_an_exempt_trigger_always_asks_and_counts_for_the_others(pipeline: Pipeline) -> None:
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.store.configuration.surveys.put("urgent", a_survey(name="Urgent"))
    await pipeline.configure("urgent", survey="urgent", exempt=True, cooldown="P30D")
    await pipeline.configure("z-usual", **BY_RULES)
    await pipeline.handle(an_event("ord-0"), an_event("ord-1"))
    for number in range(2):
        urgent, usual = (await pipeline.event(f"ord-{number}")).decisions
        assert urgent.outcome is Outcome.INVITED
        assert usual.reason is Reason.CONTACT_LIMIT


async def test_exempt_skips_neither_suppression_nor_consent_nor_quiet_hours(pipeline: Pipeline) -> None:
    night = datetime(2027, 1, 13, 23, tzinfo=UTC)
    await pipeline.configure(exempt=True, quiet_hours={"allow": {"mon-sun": ("08:00-21:00",)}})
    set_time(pipeline, night)
    await pipeline.handle(an_event("ord-0"), an_event("ord-1", a_customer("bob", consent={"email": False})))
    assert (await pipeline.invitation()).send_at == night + 9 * HOUR
    assert (await pipeline.decision("ord-1")).reason is Reason.NO_CONSENT
    assert pipeline.smtp.mails == []


# --- waiting for a place


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


async def test_a_place_is_not_given_back_while_the_mail_is_with_the_provider(pipeline: Pipeline) -> None:
    await pipeline.configure(**BY_RULES)
    await put_policy(pipeline, **at_most(1, "P90D"))
    await pipeline.post(an_event("ord-0"))
    for loop in pipeline.service.worker.loops[:2]:
        await loop.run_until_idle()
    invitation, delivery = await pipeline.invitation(), await pipeline.delivery()
    sending = {"$set": {"state": DeliveryState.SENDING}}
    await pipeline.store.database["deliveries"].update_one({"_id": delivery.id}, sending)
    assert await withdraw_waiting(pipeline.store.database, {"invitation": invitation.id}, Reason.CANCELLED) == 1
    assert await holds(pipeline) == {invitation.id: 2}


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


# --- the hourly cap


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


# --- quiet hours

DAYTIME = {"allow": {"mon-sun": ("08:00-21:00",)}}


@pytest.mark.parametrize(
    ("customer", "touchpoint", "brand", "opens"),
    [
        ("Asia/Tokyo", "America/New_York", "Europe/Berlin", datetime(2027, 1, 13, 23, tzinfo=UTC)),
        (None, "America/New_York", "Europe/Berlin", datetime(2027, 1, 13, 13, tzinfo=UTC)),
        (None, None, "Europe/Berlin", datetime(2027, 1, 13, 7, tzinfo=UTC)),
        (None, None, "UTC", datetime(2027, 1, 13, 8, tzinfo=UTC)),
    ],
)
async def test_the_wall_clock_is_the_customers_else_the_touchpoints_else_the_brands(
    pipeline: Pipeline, customer: str | None, touchpoint: str | None, brand: str, opens: datetime
) -> None:
    await pipeline.configure(quiet_hours=DAYTIME)
    await pipeline.store.configuration.brands.put("acme", a_brand(timezone=brand))
    await pipeline.store.configuration.touchpoints.put("shop", TouchpointContent(name="Shop", timezone=touchpoint))
    # 21:30 in Tokyo is 07:30 in New York and 13:30 in Berlin.
    asked = datetime(2027, 1, 13, 12, 30, tzinfo=UTC) if touchpoint else datetime(2027, 1, 13, 3, tzinfo=UTC)
    set_time(pipeline, asked)
    who = a_customer() if customer is None else a_customer(timezone=customer)
    await pipeline.handle(an_event(data={"touchpoint": "shop"}, customer=who))
    invitation = await pipeline.invitation()
    assert invitation.send_at == (await pipeline.delivery()).planned_at == opens
    assert pipeline.smtp.mails == []
    set_time(pipeline, opens)
    await pipeline.run()
    assert len(pipeline.smtp.mails) == 1


@pytest.mark.parametrize(
    ("evening", "opens"),
    [
        (datetime(2027, 3, 27, 22, tzinfo=UTC), datetime(2027, 3, 28, 6, tzinfo=UTC)),  # the clock goes forward
        (datetime(2027, 10, 30, 22, tzinfo=UTC), datetime(2027, 10, 31, 7, tzinfo=UTC)),  # and back
    ],
)
async def test_eight_in_the_morning_is_eight_after_the_clocks_changed(
    pipeline: Pipeline, evening: datetime, opens: datetime
) -> None:
    await pipeline.configure(quiet_hours=DAYTIME)
    set_time(pipeline, evening)
    await pipeline.handle(an_event(customer=a_customer(timezone="Europe/Berlin")))
    assert (await pipeline.invitation()).send_at == opens


async def test_a_delay_that_ends_at_night_waits_for_the_morning(pipeline: Pipeline) -> None:
    await pipeline.configure(quiet_hours=DAYTIME, delay="PT6H")
    set_time(pipeline, datetime(2027, 1, 13, 18, tzinfo=UTC))
    await pipeline.handle(an_event())
    assert (await pipeline.invitation()).send_at == datetime(2027, 1, 14, 8, tzinfo=UTC)


async def test_what_the_morning_finds_expired_is_not_asked(pipeline: Pipeline) -> None:
    await pipeline.configure(quiet_hours=DAYTIME, expires_after="PT6H")
    set_time(pipeline, datetime(2027, 1, 13, 23, tzinfo=UTC))
    await pipeline.handle(an_event())
    decision = await pipeline.decision()
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, Reason.EXPIRED)
    assert decision.values["send_at"].startswith("2027-01-14T08:00")


async def test_an_address_on_the_web_wakes_nobody_and_is_handed_out_at_night(pipeline: Pipeline) -> None:
    await pipeline.configure(channels=("web",), quiet_hours=DAYTIME, expires_after="PT6H")
    set_time(pipeline, datetime(2027, 1, 13, 23, tzinfo=UTC))
    await pipeline.handle(an_event())
    assert (await pipeline.decision()).outcome is Outcome.INVITED
    assert (await pipeline.invitation()).state is InvitationState.SENT


async def test_a_message_that_comes_to_its_send_at_night_waits_once_more(pipeline: Pipeline) -> None:
    """It was planned by day; a pause held it until the night."""
    await pipeline.configure(quiet_hours=DAYTIME)
    set_time(pipeline, datetime(2027, 1, 13, 20, 30, tzinfo=UTC))
    await hold_everything(pipeline)
    await pipeline.handle(an_event())
    set_time(pipeline, datetime(2027, 1, 13, 22, tzinfo=UTC))
    await let_everything_go(pipeline)
    await pipeline.run()
    morning = datetime(2027, 1, 14, 8, tzinfo=UTC)
    held = await pipeline.delivery()
    assert (held.state, held.reason, held.due_at) == (DeliveryState.PLANNED, Reason.QUIET_HOURS, morning)
    assert pipeline.smtp.mails == []
    set_time(pipeline, morning)
    await pipeline.run()
    assert (await pipeline.delivery()).state is DeliveryState.SENT


# --- reminders


async def test_reminders_come_at_their_time_and_no_more_than_three_messages(pipeline: Pipeline) -> None:
    await pipeline.configure(reminders=({"after": "P3D"}, {"after": "P7D"}))
    await pipeline.handle(an_event())
    sent = (await pipeline.delivery()).sent_at
    assert sent is not None
    for after, mails in ((3 * DAY - SECOND, 1), (3 * DAY, 2), (7 * DAY, 3), (10 * DAY, 3), (15 * DAY, 3)):
        set_time(pipeline, sent + after)
        await pipeline.run()
        assert len(pipeline.smtp.mails) == mails
    kinds = Counter(delivery.kind for delivery in await pipeline.deliveries())
    assert kinds == {DeliveryKind.INVITE: 1, DeliveryKind.REMINDER: 2}
    assert (await pipeline.invitation()).state is InvitationState.EXPIRED


@pytest.mark.parametrize("queued", [True, False])
async def test_reminders_stop_the_moment_an_answer_starts(pipeline: Pipeline, queued: bool) -> None:
    await pipeline.configure(reminders=({"after": "P3D"}, {"after": "P7D"}))
    await pipeline.handle(an_event())
    if queued:
        await hold_everything(pipeline)
        pipeline.pass_time(3 * DAY + SECOND)
        await pipeline.run()
        await let_everything_go(pipeline)
    await pipeline.service.parts.recording.submit(await pipeline.token(), {"nps": "3"})
    assert (await pipeline.invitation()).state is InvitationState.STARTED
    for _ in range(16):
        pipeline.pass_time(DAY)
        await pipeline.run()
    assert len(pipeline.smtp.mails) == 1
    reasons = [row.reason for row in await pipeline.deliveries() if row.kind is DeliveryKind.REMINDER]
    assert reasons == ([Reason.ANSWERED] if queued else [])


async def test_a_brand_may_demand_a_yes_and_then_silence_is_no(pipeline: Pipeline) -> None:
    await pipeline.configure()
    content = a_brand().model_dump() | {"consent_required": ("email",)}
    await pipeline.store.configuration.brands.put("acme", BrandContent.model_validate(content))
    yes = a_customer("bob", consent={"email": True})
    await pipeline.handle(an_event("ord-0"), an_event("ord-1", yes))
    assert (await pipeline.decision("ord-0")).reason is Reason.NO_CONSENT
    assert (await pipeline.decision("ord-1")).outcome is Outcome.INVITED
