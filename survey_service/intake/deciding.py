"""Deciding: claimed events come in; each trigger's decision and the invitations go out, exactly once.

Invitations are written before the event is marked decided, under ids made of (event, trigger): a pass that died in
between is adopted by the next one, never repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from survey_service.clock import Clock
from survey_service.intake.customers import CustomerRegister, Sighting, clean_profile
from survey_service.intake.inviting import Occasion, new_invitation
from survey_service.intake.matching import (
    Plan,
    Silence,
    Verdict,
    address_on,
    customer_tree,
    event_tree,
    judge,
    rule_variables,
)
from survey_service.models.customer import Customer, CustomerProfile
from survey_service.models.decision import Decision, Outcome, Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.ids import invitation_id
from survey_service.models.invitation import EventFacts, Invitation
from survey_service.models.suppression import Suppression
from survey_service.models.touchpoint import Touchpoint
from survey_service.models.trigger import Trigger
from survey_service.store.claims import Claim
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.store.suppressions import address_hashes, person_hashes, stands_against
from survey_service.store.withdrawal import withdraw_waiting
from survey_service.telemetry import DECISIONS
from survey_service.texts.locales import language_of
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells

log = structlog.get_logger()

MAX_DEATHS = 5


class DecideEvents:
    """The intake stage's handler."""

    def __init__(self, store: Store, keyring: Keyring, bells: Bells) -> None:
        self._store = store
        self._clock: Clock = store.clock
        self._keyring = keyring
        self._bells = bells
        self._register = CustomerRegister(store.customers, store.clock)

    async def __call__(self, claim: Claim[Event]) -> None:
        """Decide a batch of events and finish each of them."""
        snapshot = await self._store.configuration.current()
        now = self._clock.now()
        sightings = [Sighting(clean_profile(_profile(event)), event.time) for event in claim.rows]
        people = await self._register.resolve(sightings)
        events = [
            event.model_copy(update={"customer": person.id if person else None})
            for event, person in zip(claim.rows, people, strict=True)
        ]
        await self._note_cancelling(events, snapshot)
        touchpoints = await self._known_touchpoints(events)
        standing = await self._standing(people)
        adopted = await self._store.invitations.of_events([event.id for event in events])
        new: list[Invitation] = []
        decided: list[Event] = []
        for event, person in zip(events, people, strict=True):
            decisions = []
            for trigger in snapshot.triggers_for(event.type):
                verdict = self._verdict(trigger, event, person, snapshot, standing, now)
                earlier = adopted.get((event.id, trigger.trigger))
                place = touchpoints.get(event.touchpoint or "")
                decision, invitation = self._decide(trigger, event, person, place, snapshot, verdict, earlier, now)
                decisions.append(decision)
                if invitation is not None:
                    new.append(invitation)
            decided.append(
                event.model_copy(
                    update={
                        "decisions": tuple(decisions),
                        "reason": None if decisions else Reason.NO_TRIGGER,
                        "touchpoint_known": event.touchpoint in touchpoints if event.touchpoint else None,
                        "decided_at": now,
                    }
                )
            )
        if new:
            await self._store.invitations.insert(new)
            self._bells.ring("planning")
        await self._cancel_by_events(decided, new, snapshot)
        # Together, so that they share one bulk write.
        await asyncio.gather(*(self._finish(event) for event in decided))

    def _verdict(
        self,
        trigger: Trigger,
        event: Event,
        person: Customer | None,
        snapshot: Snapshot,
        standing: Mapping[tuple[str, str], Suppression],
        now: datetime,
    ) -> Verdict:
        if event.deaths >= MAX_DEATHS:
            return Silence(Reason.POISON)
        survey = snapshot.surveys.get(trigger.survey)
        if survey is None or survey.brand not in snapshot.brands:
            return Silence(Reason.SURVEY_GONE)
        if person is None:
            return Silence(Reason.NO_CHANNEL, "nothing in the event names a person that could be reached")
        variables = rule_variables(event, person.profile, language_of(person.profile.locale))
        suppressed = [
            channel for channel in trigger.channels if self._is_silenced(person, channel, survey.brand, standing)
        ]
        return judge(trigger, event, person.profile, variables, now, suppressed=suppressed)

    def _is_silenced(
        self, person: Customer, channel: ChannelName, brand: str, standing: Mapping[tuple[str, str], Suppression]
    ) -> bool:
        hashes = person_hashes(self._keyring, person.id)
        if address := address_on(channel, person.profile):
            hashes += address_hashes(self._keyring, address)
        return stands_against(standing, hashes, brand) is not None

    def _decide(
        self,
        trigger: Trigger,
        event: Event,
        person: Customer | None,
        place: Touchpoint | None,
        snapshot: Snapshot,
        verdict: Verdict,
        earlier: Invitation | None,
        now: datetime,
    ) -> tuple[Decision, Invitation | None]:
        decision = Decision(trigger=trigger.trigger, trigger_version=trigger.version, outcome=Outcome.SKIPPED)
        if earlier is not None:
            version = earlier.trigger_version or trigger.version
            invited = {"outcome": Outcome.INVITED, "invitation": earlier.id, "trigger_version": version}
            return decision.model_copy(update=invited), None
        if isinstance(verdict, Silence) or person is None:
            reason = verdict if isinstance(verdict, Silence) else Silence(Reason.NO_CHANNEL)
            return decision.model_copy(update={"reason": reason.reason, "detail": reason.detail}), None
        invitation = self._invite(trigger, event, person, place, snapshot, verdict, now)
        return decision.model_copy(update={"outcome": Outcome.INVITED, "invitation": invitation.id}), invitation

    def _invite(
        self,
        trigger: Trigger,
        event: Event,
        person: Customer,
        place: Touchpoint | None,
        snapshot: Snapshot,
        plan: Plan,
        now: datetime,
    ) -> Invitation:
        tree = {
            "event": event_tree(event),
            "customer": customer_tree(person.profile, language_of(person.profile.locale)),
        }
        occasion = Occasion(
            customer=person.id,
            customer_ref=person.ref,
            profile=person.profile,
            touchpoint=event.touchpoint,
            touchpoint_name=place.name if place else None,
            data={name: value for name, value in event.data.items() if name != "customer"},
            tree=tree,
            event=EventFacts(
                key=event.id,
                id=event.event_id,
                source=event.source,
                type=event.type,
                time=event.time,
                subject=event.subject,
            ),
            trigger=trigger,
        )
        key = invitation_id(event.id, trigger.trigger)
        row, _ = new_invitation(key, occasion, snapshot.surveys[trigger.survey], plan, self._keyring, now)
        return row

    async def _known_touchpoints(self, events: Sequence[Event]) -> Mapping[str, Touchpoint]:
        named = {event.touchpoint for event in events if event.touchpoint}
        return await self._store.configuration.touchpoints.get_many(sorted(named)) if named else {}

    async def _standing(self, people: Sequence[Customer | None]) -> Mapping[tuple[str, str], Suppression]:
        hashes: set[str] = set()
        for person in people:
            if person is not None:
                hashes.update(person_hashes(self._keyring, person.id))
                for address in filter(None, (person.profile.email, person.profile.phone)):
                    hashes.update(address_hashes(self._keyring, address))
        return await self._store.suppressions.standing(hashes) if hashes else {}

    async def _note_cancelling(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """Write the customer of events that may take an invitation back before anything else is decided.

        Whoever decides such a customer's other event first writes its invitation and then looks for these; this
        pass writes first too and then looks for invitations: one of the two always sees the other.
        """
        cancelling = {
            event.id: event.customer
            for event in events
            if event.customer is not None and snapshot.triggers_cancelled_by(event.type)
        }
        await self._store.events.record_customers(cancelling)

    async def _cancel_by_events(self, decided: Sequence[Event], new: Sequence[Invitation], snapshot: Snapshot) -> None:
        for event in decided:
            triggers = [trigger.trigger for trigger in snapshot.triggers_cancelled_by(event.type)]
            if triggers and event.customer is not None:
                for invitation in await self._store.invitations.waiting_for(event.customer, triggers):
                    await self._take_back(invitation, event)
        watched = {
            invitation.id: trigger.cancel_on
            for invitation in new
            if (trigger := snapshot.triggers.get(invitation.trigger or "")) and trigger.cancel_on
        }
        if not watched:
            return
        customers = sorted({invitation.customer for invitation in new if invitation.id in watched})
        types = sorted({kind for kinds in watched.values() for kind in kinds})
        for event in await self._store.events.cancelling(customers, types):
            for invitation in new:
                if event.customer == invitation.customer and event.type in watched.get(invitation.id, ()):
                    await self._take_back(invitation, event)

    async def _take_back(self, invitation: Invitation, event: Event) -> None:
        if takes_back(event, invitation):
            await withdraw_waiting(self._store.database, {"invitation": invitation.id}, Reason.CANCELLED_BY_EVENT)

    async def _finish(self, event: Event) -> None:
        if await self._store.events.finish(event):
            for decision in event.decisions:
                reason = decision.reason.value if decision.reason else ""
                DECISIONS.labels(decision.trigger, decision.outcome.value, reason).inc()
        else:
            log.warning("intake.claim_lost", event_key=event.id)


def takes_back(event: Event, invitation: Invitation) -> bool:
    """Whether a cancelling event means this invitation: not older than its event, and no other subject."""
    if invitation.event is None or event.time < invitation.event.time:
        return False
    return event.subject is None or invitation.event.subject is None or event.subject == invitation.event.subject


def _profile(event: Event) -> CustomerProfile:
    named = event.data.get("customer")
    fields = dict(named) if isinstance(named, dict) else {}
    return CustomerProfile.model_validate({**fields, "external_id": fields.get("id")})
