"""Intake: events become decisions, each trigger's exactly once, and every silence has its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from survey_service.intake.deciding import MAX_DEATHS
from survey_service.intake.receiving import Fate
from survey_service.models.contact import Contact
from survey_service.models.decision import Outcome, Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.event import EventState
from survey_service.models.ids import event_key, invitation_id
from survey_service.models.invitation import InvitationState
from survey_service.models.touchpoint import TouchpointContent
from tests.support.deciding import holds
from tests.support.pipeline import NAME, SOURCE, Pipeline, a_customer, an_event

HOUR = timedelta(hours=1)


async def test_an_event_becomes_an_invitation_with_the_version_that_decided(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.configure(delay="PT2H")
    await pipeline.handle(an_event(data={"touchpoint": "berlin", "amount": 79.9}))
    event, invitation = await pipeline.event(), await pipeline.invitation()
    (decision,) = event.decisions
    assert (decision.trigger, decision.trigger_version, decision.outcome) == (NAME, 2, Outcome.INVITED)
    assert decision.invitation == invitation.id == invitation_id(event.id, NAME)
    assert (event.state, event.reason, event.touchpoint, event.touchpoint_known) == (
        EventState.DECIDED,
        None,
        "berlin",
        False,
    )
    assert (event.due_at, event.lease) == (None, None)
    assert invitation.event is not None
    assert (invitation.event.id, invitation.trigger_version, invitation.survey_version) == ("ord-1", 2, 1)
    assert invitation.customer_ref == "c-ada"
    assert invitation.data == {"touchpoint": "berlin", "amount": 79.9}
    assert invitation.send_at == event.time + 2 * HOUR


async def test_an_event_that_no_trigger_asks_about_says_so(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.handle(an_event(type="order.lost"))
    event = await pipeline.event()
    assert (event.state, event.reason, event.decisions) == (EventState.DECIDED, Reason.NO_TRIGGER, ())
    assert event.customer is not None


async def test_imported_events_are_history(pipeline: Pipeline) -> None:
    await pipeline.configure()
    assert await pipeline.post(an_event(), decide=False) == [Fate.ACCEPTED]
    await pipeline.run()
    event = await pipeline.event()
    assert (event.state, event.reason) == (EventState.DECIDED, Reason.IMPORTED)
    assert await pipeline.invitations() == ()
    # The same event again is a repeat of history, not a reason to ask.
    assert await pipeline.post(an_event()) == [Fate.DUPLICATE]
    assert await pipeline.run() == 0


@pytest.mark.parametrize(
    ("trigger", "event", "reason"),
    [
        ({"enabled": False}, {}, Reason.TRIGGER_DISABLED),
        ({"condition": "event.data.amount > 5.0"}, {"data": {"amount": 5}}, Reason.CONDITION_FALSE),
        ({"condition": "event.data.amount > 5.0"}, {}, Reason.CONDITION_ERROR),
        ({"channels": ("sms",)}, {}, Reason.NO_CHANNEL),
        ({}, {"customer": {"id": "c-ada"}}, Reason.NO_CHANNEL),
        ({}, {"customer": {"email": "ada@no-such-tld-at-all..example"}}, Reason.NO_CHANNEL),
        ({}, {"customer": a_customer(consent={"email": False})}, Reason.NO_CONSENT),
        ({"survey": "gone"}, {}, Reason.SURVEY_GONE),
    ],
)
async def test_each_silence_has_its_reason(
    pipeline: Pipeline, trigger: dict[str, Any], event: dict[str, Any], reason: Reason
) -> None:
    await pipeline.configure(**trigger)
    await pipeline.handle(an_event(**event))
    decision = await pipeline.decision()
    assert (decision.outcome, decision.reason, decision.invitation) == (Outcome.SKIPPED, reason, None)
    assert await pipeline.invitations() == ()
    assert pipeline.smtp.mails == []


async def test_a_condition_that_fails_says_why_and_stops_no_other_trigger(pipeline: Pipeline) -> None:
    await pipeline.configure("broken", condition="event.data.missing > 1.0")
    await pipeline.configure("sound")
    await pipeline.handle(an_event())
    broken, sound = (await pipeline.event()).decisions
    assert (broken.trigger, broken.reason) == ("broken", Reason.CONDITION_ERROR)
    assert broken.detail
    assert "missing" in broken.detail
    assert (sound.trigger, sound.outcome) == ("sound", Outcome.INVITED)
    assert pipeline.recipients() == ["ada@example.com"]


async def test_a_repeated_event_asks_nobody_twice(pipeline: Pipeline) -> None:
    await pipeline.configure()
    assert await pipeline.post(an_event(), an_event(), an_event(data={"amount": 1})) == [
        Fate.ACCEPTED,
        Fate.DUPLICATE,
        Fate.CONFLICT,
    ]
    await pipeline.run()
    assert await pipeline.post(an_event()) == [Fate.DUPLICATE]
    await pipeline.run()
    assert pipeline.recipients() == ["ada@example.com"]


async def test_of_many_posts_of_one_event_one_is_accepted(pipeline: Pipeline) -> None:
    fates = await asyncio.gather(*(pipeline.post(an_event()) for _ in range(50)))
    assert sorted(fate for (fate,) in fates) == [Fate.ACCEPTED] + [Fate.DUPLICATE] * 49


async def test_a_pass_that_died_before_its_end_is_adopted_and_not_repeated(pipeline: Pipeline) -> None:
    """Its invitations are there, its events are not decided; meanwhile the trigger would not ask any more."""
    await pipeline.configure(delay="PT2H")
    await pipeline.post(an_event("ord-1"), an_event("ord-2", a_customer("bob")))
    claim = await pipeline.store.events.claims.claim(10)
    assert claim is not None
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]
    await intake.handle(claim)
    undecided = {"state": EventState.PENDING, "decisions": [], "lease": claim.lease}
    lease_end = {"due_at": pipeline.clock.now() + pipeline.store.events.claims.lease}
    await pipeline.store.database["events"].update_many({}, {"$set": undecided | lease_end})
    before = {invitation.id: invitation for invitation in await pipeline.invitations()}
    await pipeline.configure(delay="PT2H", enabled=False)
    pipeline.pass_time(timedelta(minutes=1))
    await pipeline.run()
    for name in ("ord-1", "ord-2"):
        decision = await pipeline.decision(name)
        assert (decision.outcome, decision.trigger_version) == (Outcome.INVITED, 1)
        assert decision.invitation in before
        assert (await pipeline.event(name)).deaths == 1
    assert {invitation.id for invitation in await pipeline.invitations()} == set(before)


@pytest.mark.parametrize("is_undecided", [False, True])
async def test_a_worker_that_was_frozen_past_its_claim_invites_nobody(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, is_undecided: bool
) -> None:
    """Whoever took its event over has decided otherwise, or is about to."""
    await pipeline.configure(exempt=False)
    await pipeline.post(an_event())
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]
    insert = pipeline.store.invitations.insert_claimed

    async def be_frozen_and_insert(*rows: Any) -> object:
        monkeypatch.setattr(pipeline.store.invitations, "insert_claimed", insert)
        pipeline.pass_time(timedelta(minutes=1))
        await pipeline.configure(exempt=False, enabled=False)
        if is_undecided:
            assert await pipeline.store.events.claims.claim(1)
        else:
            await pipeline.run()
        return await insert(*rows)

    monkeypatch.setattr(pipeline.store.invitations, "insert_claimed", be_frozen_and_insert)
    claim = await pipeline.store.events.claims.claim(1)
    assert claim
    await intake.handle(claim)
    pipeline.pass_time(timedelta(minutes=1))
    await pipeline.run()
    assert (await pipeline.decision()).reason is Reason.TRIGGER_DISABLED
    assert (await pipeline.invitations(), pipeline.letters(), await holds(pipeline)) == ((), [], {})


async def test_a_pass_that_lost_its_claim_gives_back_what_it_held_meanwhile(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pipeline.configure(exempt=False)
    await pipeline.post(an_event())
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]
    save = pipeline.store.contacts.save_holds

    async def be_frozen_and_save(changed: Sequence[Contact]) -> object:
        monkeypatch.setattr(pipeline.store.contacts, "save_holds", save)
        pipeline.pass_time(timedelta(minutes=1))
        await pipeline.configure(exempt=False, enabled=False)
        await pipeline.run()
        return await save(changed)

    monkeypatch.setattr(pipeline.store.contacts, "save_holds", be_frozen_and_save)
    claim = await pipeline.store.events.claims.claim(1)
    assert claim
    await intake.handle(claim)
    assert (await pipeline.decision()).reason is Reason.TRIGGER_DISABLED
    assert (await pipeline.invitations(), await holds(pipeline)) == ((), {})


async def test_a_clock_that_is_ahead_takes_no_later_word_away(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT1H")
    ahead = pipeline.clock.now() + 2 * HOUR
    yes, no = (a_customer(consent={"email": word}, first_name=name) for word, name in ((True, "Ada"), (False, "Eve")))
    await pipeline.handle(an_event("ord-1", yes, time=ahead))
    pipeline.pass_time(HOUR / 2)
    await pipeline.handle(an_event("ord-2", no))
    assert (await pipeline.customers())[0].profile.first_name == "Eve"
    pipeline.pass_time(30 * 24 * HOUR)
    await pipeline.handle(an_event("ord-3"))
    for name in ("ord-2", "ord-3"):
        assert (await pipeline.decision(name)).reason is Reason.NO_CONSENT
    (person,) = await pipeline.customers()
    assert person.profile.consent == {"email": False}


async def test_two_workers_decide_each_event_once(pipeline: Pipeline) -> None:
    await pipeline.configure("first", delay="PT2H")
    await pipeline.configure("second", delay="PT2H")
    await pipeline.post(*(an_event(f"ord-{number}", a_customer(f"c{number % 30}")) for number in range(300)))
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]

    async def work() -> None:
        while claim := await pipeline.store.events.claims.claim(7):
            await intake.handle(claim)

    await asyncio.gather(*(work() for _ in range(4)))
    events = pipeline.store.database["events"]
    assert await events.count_documents({"decisions": {"$size": 2}, "state": EventState.DECIDED, "claim": 1}) == 300
    assert await pipeline.store.database["invitations"].count_documents({}) == 600
    assert len(await pipeline.customers()) == 30


async def test_an_event_that_kills_its_workers_ends_as_poison_unread(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await pipeline.post(an_event("poison"), an_event("sound", a_customer("bob")))
    broken = {"data.customer.attributes": "no object", "due_at": pipeline.clock.now() - HOUR}
    await pipeline.store.database["events"].update_one({"_id": event_key(SOURCE, "poison")}, {"$set": broken})
    for _ in range(MAX_DEATHS + 2):
        await pipeline.run()
        pipeline.pass_time(pipeline.store.events.claims.lease + timedelta(seconds=1))
    decision = await pipeline.decision("poison")
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, Reason.POISON)
    assert (await pipeline.decision("sound")).outcome is Outcome.INVITED
    assert pipeline.recipients() == ["bob@example.com"]


async def test_a_registered_touchpoint_is_named_and_an_unknown_one_is_accepted(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT1H")
    await pipeline.store.configuration.touchpoints.put("berlin", TouchpointContent(name="Berlin Mitte"))
    await pipeline.handle(an_event("ord-1", data={"touchpoint": "berlin"}), an_event("ord-2"))
    assert (await pipeline.event("ord-1")).touchpoint_known is True
    assert (await pipeline.event("ord-2")).touchpoint_known is None
    assert {row.touchpoint_name for row in await pipeline.invitations()} == {"Berlin Mitte", None}


# --- events that take invitations back


def a_return(event_id: str = "ret-1", **changes: Any) -> Any:
    return an_event(event_id, type="order.returned", **changes)


async def test_a_later_event_takes_back_what_waits(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H", cancel_on=("order.returned",))
    await pipeline.handle(an_event())
    await pipeline.handle(a_return())
    invitation, delivery = await pipeline.invitation(), await pipeline.delivery()
    assert (invitation.state, invitation.reason) == (InvitationState.CANCELLED, Reason.CANCELLED_BY_EVENT)
    assert (delivery.state, delivery.reason) == (DeliveryState.CANCELLED, Reason.CANCELLED_BY_EVENT)
    pipeline.pass_time(3 * HOUR)
    await pipeline.run()
    assert pipeline.smtp.mails == []
    assert (await pipeline.decision()).outcome is Outcome.INVITED  # what became of it stands with the invitation


@pytest.mark.parametrize("delay", ["PT2H", "PT0S"])
@pytest.mark.parametrize("together", [True, False])
async def test_an_event_that_was_there_first_takes_it_back_too(pipeline: Pipeline, delay: str, together: bool) -> None:
    await pipeline.configure(delay=delay, cancel_on=("order.returned",))
    now = pipeline.clock.now()
    cancelling, cancelled = a_return(time=now), an_event(time=now - HOUR)
    if together:
        await pipeline.handle(cancelling, cancelled)
    else:
        await pipeline.handle(cancelling)
        await pipeline.handle(cancelled)
    decision = await pipeline.decision()
    assert (decision.outcome, decision.reason) == (Outcome.SKIPPED, Reason.CANCELLED_BY_EVENT)
    assert await pipeline.invitations() == ()
    pipeline.pass_time(3 * HOUR)
    await pipeline.run()
    assert pipeline.smtp.mails == []


async def test_workers_that_decide_both_events_at_once_never_miss_each_other(pipeline: Pipeline) -> None:
    await pipeline.configure(delay="PT2H", cancel_on=("order.returned",))
    now = pipeline.clock.now()
    count = 60
    for number in range(count):
        await pipeline.post(an_event(f"ord-{number}", a_customer(f"c{number}"), time=now - HOUR))
        await pipeline.post(a_return(f"ret-{number}", customer=a_customer(f"c{number}"), time=now))
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]

    async def work() -> None:
        while claim := await pipeline.store.events.claims.claim(1):
            await intake.handle(claim)

    await asyncio.gather(*(work() for _ in range(6)))
    # Taken back before it was written, or right afterwards; never left standing.
    states = [invitation.state for invitation in await pipeline.invitations()]
    never_made = 0
    for number in range(count):
        decision = await pipeline.decision(f"ord-{number}")
        never_made += decision.reason is Reason.CANCELLED_BY_EVENT
    assert states == [InvitationState.CANCELLED] * (count - never_made)


async def test_an_invitation_that_is_made_while_its_cancelling_event_is_decided_is_taken_back(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst moment: nothing cancels it when it is looked for, and it is not written yet."""
    await pipeline.configure(delay="PT2H", cancel_on=("order.returned",))
    now = pipeline.clock.now()
    (intake, *_) = [loop.stage for loop in pipeline.service.worker.loops]
    insert = pipeline.store.invitations.insert_claimed

    async def be_overtaken_and_insert(*rows: Any) -> object:
        monkeypatch.setattr(pipeline.store.invitations, "insert_claimed", insert)
        await pipeline.post(a_return(time=now))
        other = await pipeline.store.events.claims.claim(1)
        assert other is not None
        await intake.handle(other)
        return await insert(*rows)

    monkeypatch.setattr(pipeline.store.invitations, "insert_claimed", be_overtaken_and_insert)
    await pipeline.handle(an_event(time=now - HOUR))
    invitation = await pipeline.invitation()
    assert (invitation.state, invitation.reason) == (InvitationState.CANCELLED, Reason.CANCELLED_BY_EVENT)


@pytest.mark.parametrize(
    ("cancelling", "taken_back"),
    [
        ({"subject": "order/1"}, True),
        ({"subject": "order/2"}, False),
        ({"subject": None}, True),
        ({"customer": a_customer("bob"), "subject": "order/1"}, False),
        ({"subject": "order/1", "earlier": True}, False),
    ],
)
async def test_only_what_an_event_means_is_taken_back(
    pipeline: Pipeline, cancelling: dict[str, Any], taken_back: bool
) -> None:
    await pipeline.configure(delay="PT2H", cancel_on=("order.returned",))
    now = pipeline.clock.now()
    await pipeline.handle(an_event(subject="order/1", time=now))
    earlier = cancelling.pop("earlier", False)
    await pipeline.handle(a_return(**cancelling, time=now - HOUR if earlier else now))
    cancelled = (await pipeline.invitation()).state is InvitationState.CANCELLED
    assert cancelled is taken_back


async def test_an_event_takes_nothing_back_that_has_left(pipeline: Pipeline) -> None:
    await pipeline.configure(cancel_on=("order.returned",))
    await pipeline.handle(an_event())
    await pipeline.handle(a_return())
    assert (await pipeline.invitation()).state is InvitationState.SENT
    assert (await pipeline.delivery()).state is DeliveryState.SENT
