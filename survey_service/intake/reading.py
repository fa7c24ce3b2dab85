"""Reading: events and their customers go in; everything a batch is decided by comes out, in a handful of look-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from survey_service.intake.caring import Care, read_care
from survey_service.intake.drafting import Facts
from survey_service.models.contact import Contact
from survey_service.models.customer import Customer, address_on
from survey_service.models.delivery import ChannelName
from survey_service.models.event import Event
from survey_service.models.incentive import IncentiveState
from survey_service.models.suppression import Suppression
from survey_service.store.configuration import Snapshot
from survey_service.store.contacts import contact_ids
from survey_service.store.store import Store
from survey_service.store.suppressions import address_hashes, person_hashes
from survey_service.tokens import Keyring


async def read_facts(
    store: Store,
    keyring: Keyring,
    snapshot: Snapshot,
    events: Sequence[Event],
    people: Sequence[Customer | None],
    now: datetime,
    *,
    adopt: bool = True,
    contacts: Mapping[str, Contact] | None = None,
) -> Facts:
    """The facts about these events; `adopt` also finds the invitations that an earlier pass made of them.

    `contacts` stand in for the stored ones, and nobody has a case then.
    """
    known = [person for person in people if person is not None]
    named = sorted({event.touchpoint for event in events if event.touchpoint})
    return Facts(
        now=now,
        snapshot=snapshot,
        policy=snapshot.policy,
        places=await store.configuration.touchpoints.get_many(named) if named else {},
        standing=await _standing(store, keyring, known),
        contacts=await store.contacts.get_many(_contacts(known, keyring)) if contacts is None else contacts,
        keyring=keyring,
        care=await read_care(store, [person.id for person in known], now) if contacts is None else Care(),
        earlier=await store.invitations.of_events([event.id for event in events]) if adopt else {},
        given=await _given(store, snapshot, events),
    )


def _contacts(people: Sequence[Customer], keyring: Keyring) -> list[str]:
    names: set[str] = set()
    for person in people:
        for channel in ChannelName:
            names.update(contact_ids(person.id, address_on(channel, person.profile), keyring))
    return sorted(names)


async def _standing(
    store: Store, keyring: Keyring, people: Sequence[Customer]
) -> Mapping[tuple[str, str], Suppression]:
    hashes: set[str] = set()
    for person in people:
        hashes.update(person_hashes(keyring, person.id))
        for address in filter(None, (person.profile.email, person.profile.phone)):
            hashes.update(address_hashes(keyring, address))
    return await store.suppressions.standing(hashes) if hashes else {}


async def _given(store: Store, snapshot: Snapshot, events: Sequence[Event]) -> Mapping[str, IncentiveState]:
    types = {event.type for event in events}
    named = {trigger.incentive for event_type in types for trigger in snapshot.triggers_for(event_type)} - {None}
    return await store.incentive_states.get_many([name for name in named if name]) if named else {}
