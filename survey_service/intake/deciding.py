"""Deciding: claimed events come in; each trigger's decision and the invitations go out, exactly once.

Holds on the budget and invitations are written before the event is marked decided, under ids made of (event, trigger):
a pass that died in between is adopted by the next one, never repeated, and one that lost its claim invites nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog

from survey_service.intake.cancelling import Cancelling
from survey_service.intake.capping import HourlyCaps
from survey_service.intake.customers import CustomerRegister, Sighting, keys_named_in, profile_in
from survey_service.intake.drafting import (
    MAX_DEATHS,
    Draft,
    Facts,
    draft_decisions,
    occasion_of,
    offer_of,
    settle,
    wish_of,
    with_offer,
)
from survey_service.intake.inviting import new_invitation
from survey_service.intake.reading import read_facts
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.event import Event, EventState
from survey_service.models.incentive import Offer
from survey_service.models.invitation import Invitation
from survey_service.models.outbox import NewsType, news_of, outbox_with
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import DECISIONS
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from survey_service.work.reserving import Answer, Granted, Reserving

log = structlog.get_logger()


class DecideEvents:
    """The intake stage's handler."""

    def __init__(self, store: Store, keyring: Keyring, bells: Bells) -> None:
        self._store = store
        self._keyring = keyring
        self._bells = bells
        self._register = CustomerRegister(store.customers, store.clock)
        self._reserving = Reserving(store.contacts)
        self._caps = HourlyCaps(store.counters, self._reserving)
        self._cancelling = Cancelling(store)

    async def __call__(self, claim: Claim[Event]) -> None:
        """Decide a batch of events and finish each of them."""
        snapshot = await self._store.configuration.current()
        now = self._store.clock.now()
        people = await self._register.resolve([sighting_of(event) for event in claim.rows])
        events = [
            event.model_copy(update={"customer": person.id if person else None, "keys": keys_in(event)})
            for event, person in zip(claim.rows, people, strict=True)
        ]
        await self._cancelling.note(events, snapshot)
        facts = await read_facts(self._store, self._keyring, snapshot, events, people, now)
        drafts = [draft_decisions(event, person, facts) for event, person in zip(events, people, strict=True)]
        answers = await self._ask_budget([draft for own in drafts for draft in own], facts)
        new: list[Invitation] = []
        decisions: dict[str, list[Decision]] = {event.id: [] for event in events}
        for draft in (draft for own in drafts for draft in own):
            decision, plan = settle(draft, answers.get(draft.invitation))
            if plan is not None and draft.survey is not None:
                offer = offer_of(draft, facts)
                decision = with_offer(decision, offer)
                occasion = occasion_of(draft, offer if isinstance(offer, Offer) else None)
                row, _ = new_invitation(draft.invitation, occasion, draft.survey, plan, self._keyring, now)
                new.append(row)
            decisions[draft.event.id].append(decision)
        gone = await self._cancelling.already_taken_back(new, snapshot)
        await self._reserving.release(sorted(gone))
        new = [row for row in new if row.id not in gone]
        decided = [
            _decided(event, [_unless(decision, gone) for decision in decisions[event.id]], facts) for event in events
        ]
        if new:
            new = await self._store.invitations.insert_claimed(new, self._store.events.claims, claim.lease)
            self._bells.ring("planning")
        await self._cancelling.take_back(decided, new, snapshot)
        # Together, so that they share one bulk write.
        await asyncio.gather(*(self._finish(event) for event in decided))

    async def _ask_budget(self, drafts: Sequence[Draft], facts: Facts) -> dict[str, Answer]:
        wishes = {wish.invitation: wish for draft in drafts if (wish := wish_of(draft, facts)) is not None}
        answers = await self._reserving.reserve(list(wishes.values()))
        capped = {draft.trigger.trigger: draft.trigger.hourly_cap for draft in drafts}
        caps = {name: cap or facts.policy.hourly_cap for name, cap in capped.items()}
        granted = [wishes[name] for name, answer in answers.items() if isinstance(answer, Granted)]
        answers |= await self._caps.apply(granted, caps, facts.now)
        # A pass that died may have held a place for what is now silent.
        silent = [draft.invitation for draft in drafts if draft.earlier is None and draft.invitation not in wishes]
        stale = [name for name in silent if _is_held(name, facts)]
        await self._reserving.release(stale)
        return answers

    async def _finish(self, event: Event) -> None:
        if await self._store.events.finish(event):
            if event.reason is not None:
                DECISIONS.labels("", Outcome.SKIPPED.value, event.reason.value).inc()
            for decision in event.decisions:
                reason = decision.reason.value if decision.reason else ""
                DECISIONS.labels(decision.trigger, decision.outcome.value, reason).inc()
        else:
            log.warning("intake.claim_lost", event_key=event.id)
            await self._let_go(event)

    async def _let_go(self, lost: Event) -> None:
        """Give back the places of what whoever took the event over has decided otherwise."""
        stored = await self._store.events.get(lost.id)
        if stored is not None and stored.state is EventState.DECIDED:
            wanted = {decision.invitation for decision in lost.decisions if decision.invitation}
            await self._reserving.release(sorted(wanted - {decision.invitation for decision in stored.decisions}))


def sighting_of(event: Event) -> Sighting:
    """What the event says of its customer, and since when: by a clock that is ahead no word is later than it came."""
    return Sighting(profile_of(event), min(event.time, event.received_at), event.source)


def profile_of(event: Event) -> CustomerProfile:
    """What the event says of its customer, with addresses as providers take them."""
    if event.deaths >= MAX_DEATHS:
        return CustomerProfile()  # whatever kills its workers is not touched again
    return profile_in(event.data)


def keys_in(event: Event) -> tuple[str, ...]:
    """What the customer of a poisonous event is known by, so that an erasure finds it.

    It is looked for but once: a worker that dies of it leaves one more death behind.
    """
    return tuple(keys_named_in(event.data)) if event.deaths == MAX_DEATHS else event.keys


def _is_held(invitation: str, facts: Facts) -> bool:
    return any(hold.invitation == invitation for contact in facts.contacts.values() for hold in contact.holds)


def _unless(decision: Decision, gone: Collection[str]) -> Decision:
    """The decision, or silence where an event took the invitation back before it was made."""
    if decision.invitation not in gone:
        return decision
    silent = {"outcome": Outcome.SKIPPED, "reason": Reason.CANCELLED_BY_EVENT, "invitation": None}
    return decision.model_copy(update=silent)


def _decided(event: Event, decisions: Sequence[Decision], facts: Facts) -> Event:
    # Events are many: an outbox is filled only where somebody listens.
    is_told = facts.snapshot.webhooks_for(NewsType.EVENT_DECIDED)
    news = [news_of(event.id, NewsType.EVENT_DECIDED, facts.now)] if is_told else []
    return event.model_copy(
        update={
            "outbox": outbox_with(*news),
            "decisions": tuple(decisions),
            "reason": None if decisions else Reason.NO_TRIGGER,
            "touchpoint_known": event.touchpoint in facts.places if event.touchpoint else None,
            "decided_at": facts.now,
        }
    )
