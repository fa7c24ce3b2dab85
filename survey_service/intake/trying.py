"""Trying: a trigger and one event that was never posted come in; the decision and the invitation it makes go out.

Reads the budget, the suppressions and all else that is known of the customer today, or nothing of it where the caller
must not learn it; changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from survey_service.intake.customers import after_sighting, keys_of, match
from survey_service.intake.deciding import profile_of, sighting_of
from survey_service.intake.drafting import draft_decisions, occasion_of, settle, wish_of
from survey_service.intake.inviting import new_invitation
from survey_service.intake.reading import read_facts
from survey_service.models.contact import Contact
from survey_service.models.customer import Customer
from survey_service.models.decision import Decision
from survey_service.models.event import Event
from survey_service.models.ids import hashed_id
from survey_service.models.invitation import Invitation
from survey_service.models.trigger import Trigger
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.reserving import place


@dataclass(frozen=True, slots=True)
class Trial:
    """What one trigger would say; `invitation` is None where it stays silent."""

    decision: Decision
    invitation: Invitation | None


async def try_event(store: Store, keyring: Keyring, trigger: Trigger, event: Event, *, known: bool) -> Trial:
    """Decide as if the event had just been posted and `trigger` were the only one.

    Not `known`, its customer is a stranger of whom the event's own word is all there is: both the decision and the
    message could tell what is stored.
    """
    snapshot = replace(await store.configuration.current(), triggers={trigger.trigger: trigger})
    person = await _person(store, event, known=known)
    looked_up = [person] if known else []
    facts = await read_facts(store, keyring, snapshot, [event], looked_up, store.clock.now(), adopt=False)
    (draft,) = draft_decisions(event, person, facts)
    wish = wish_of(draft, facts)
    answer = None
    if wish is not None:
        own = {name: facts.contacts.get(name) or Contact(id=name) for name in wish.contacts}
        answer = place([wish], own)[0][wish.invitation]
    decision, plan = settle(draft, answer)
    if plan is None or draft.survey is None:
        return Trial(decision, None)
    row, _ = new_invitation(draft.invitation, occasion_of(draft), draft.survey, plan, keyring, facts.now)
    return Trial(decision.model_copy(update={"invitation": None}), row)


async def _person(store: Store, event: Event, *, known: bool) -> Customer | None:
    profile = profile_of(event)
    keys = keys_of(profile)
    if not keys:
        return None
    found = match(profile, await store.customers.find_by_keys(keys)) if known else None
    if found is not None:
        return after_sighting(found, sighting_of(event))
    now = store.clock.now()
    return Customer(id=hashed_id("cus", keys[0]), keys=tuple(keys), profile=profile, profile_at=now, created_at=now)
