"""Customers: profiles from events come in, the person each one belongs to comes out.

A person is known by id, else by email, else by phone. A key belongs to one customer; somebody with another id of
their own who shares a mailbox stays a person of their own, and the conflict is written down. A word about consent
counts from its own time on, channel by channel, whatever came first of the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from survey_service.clock import Clock
from survey_service.errors import Unavailable
from survey_service.models.customer import ConsentRecord, Customer, CustomerProfile, IdentityConflict
from survey_service.models.ids import customer_id
from survey_service.store.customers import Customers
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email, normalise_phone

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Sighting:
    """A profile as it was named at `at`; `source` is the event's, or `api:{key}` of a direct request."""

    profile: CustomerProfile
    at: datetime
    source: str


def profile_in(data: Mapping[str, Any]) -> CustomerProfile:
    """What the data of an event say of its customer, with addresses as providers take them."""
    named = data.get("customer")
    fields = dict(named) if isinstance(named, dict) else {}
    return clean_profile(CustomerProfile.model_validate({**fields, "external_id": fields.get("id")}))


def clean_profile(profile: CustomerProfile) -> CustomerProfile:
    """The profile with addresses as providers take them; one that cannot be written to is left out."""
    return profile.model_copy(update={"email": _email(profile.email), "phone": _phone(profile.phone)})


def _email(raw: str | None) -> str | None:
    try:
        return normalise_email(raw) if raw else None
    except AddressInvalid:
        return None


def _phone(raw: str | None) -> str | None:
    try:
        return normalise_phone(raw) if raw else None
    except AddressInvalid:
        return None


def keys_of(profile: CustomerProfile) -> list[str]:
    """Every way the profile names its person, the surest first."""
    keys = []
    if profile.external_id:
        keys.append(f"id:{profile.external_id}")
    if profile.email:
        keys.append(f"email:{email_key(profile.email)}")
    if profile.phone:
        keys.append(f"phone:{profile.phone}")
    return keys


def keys_named_in(data: Mapping[str, Any]) -> list[str]:
    """Every way in which data that may make no profile name their person: what is broken hides nothing else."""
    named = data.get("customer")
    fields = named if isinstance(named, dict) else {}
    keys = []
    for name in ("id", "email", "phone"):
        with contextlib.suppress(ValidationError):
            keys += keys_of(profile_in({"customer": {name: fields.get(name)}}))
    return keys


def merged(older: CustomerProfile, newer: CustomerProfile) -> CustomerProfile:
    """What is known after the newer word: fields it names replace, attributes are joined, consent is left as it was."""
    named = newer.model_dump(exclude_none=True, exclude={"consent", "attributes"})
    return older.model_copy(update={**named, "attributes": {**older.attributes, **newer.attributes}})


def words_on_consent(sighting: Sighting) -> dict[str, ConsentRecord]:
    """What a sighting says about consent, by channel."""
    return {
        channel: ConsentRecord(granted=granted, source=sighting.source, at=sighting.at)
        for channel, granted in sighting.profile.consent.items()
    }


def newer_words(sighting: Sighting, log: Mapping[str, ConsentRecord]) -> dict[str, ConsentRecord]:
    """Those words on consent that count from now on, in place of the last ones known on their channels."""
    words = words_on_consent(sighting)
    return {channel: word for channel, word in words.items() if channel not in log or _is_later(word, log[channel])}


def _is_later(word: ConsentRecord, last: ConsentRecord) -> bool:
    """Of two words of one instant, the no counts, whichever comes first."""
    return word.at > last.at or (word.at == last.at and last.granted and not word.granted)


def conflicts_of(sighting: Sighting, person: Customer, known: Mapping[str, Customer]) -> list[IdentityConflict]:
    """The keys of a sighting that belong to other people than the one it is about, as far as not noted yet."""
    noted = {(conflict.key, conflict.other) for conflict in person.conflicts}
    others = ((key, known[key].id) for key in keys_of(sighting.profile) if key in known)
    return [
        IdentityConflict(key=key, other=other, at=sighting.at)
        for key, other in others
        if other != person.id and (key, other) not in noted
    ]


def match(profile: CustomerProfile, known: Mapping[str, Customer]) -> Customer | None:
    """The known person of this profile: by its first key that is known, unless that person has another id."""
    for key in keys_of(profile):
        found = known.get(key)
        if found is None:
            continue
        other = found.profile.external_id
        if profile.external_id is None or other is None or other == profile.external_id:
            return found
    return None


@dataclass(frozen=True, slots=True)
class _News:
    """What a batch learned about people; the store takes of it what is news to it as well."""

    profiles: dict[str, tuple[CustomerProfile, datetime]] = field(default_factory=dict)  # by customer, with their time
    consents: dict[tuple[str, str], ConsentRecord] = field(default_factory=dict)  # by customer and channel
    conflicts: list[tuple[str, IdentityConflict]] = field(default_factory=list)  # with the customer who was named


class CustomerRegister:
    """Finds and makes customers, a batch of sightings at a time."""

    def __init__(self, customers: Customers, clock: Clock) -> None:
        self._customers = customers
        self._clock = clock

    async def resolve(self, sightings: Sequence[Sighting]) -> list[Customer | None]:
        """The person of each sighting, with the profile as it is known afterwards; None where nothing names anyone.

        Raises:
            Unavailable: other workers changed the same people again and again meanwhile; nothing half is left.
        """
        keys = [key for sighting in sightings for key in keys_of(sighting.profile)]
        known = await self._customers.find_by_keys(keys) if keys else {}
        if new := self._strangers(sightings, known):
            await self._customers.insert(new)
            # Another worker may have been faster with one of the keys.
            known = await self._customers.find_by_keys(keys)
        news = _News()
        people: list[Customer | None] = []
        for sighting in sightings:
            person = None
            if wanted := keys_of(sighting.profile):
                person = await self._add_keys(await self._identify(sighting, known), wanted, known)
                person = _noted(sighting, person, known, news)
                known.update(dict.fromkeys(person.keys, person))
            people.append(person)
        await self._customers.update_profiles(news.profiles)
        await self._customers.note_consents(news.consents)
        await self._customers.note_conflicts(news.conflicts)
        return people

    def _strangers(self, sightings: Sequence[Sighting], known: Mapping[str, Customer]) -> list[Customer]:
        seen = dict(known)
        new: list[Customer] = []
        for sighting in sightings:
            wanted = keys_of(sighting.profile)
            person = match(sighting.profile, seen)
            if wanted and person is None:
                person = self._new_customer(sighting, seen)
                new.append(person)
            if person is not None:
                # Who comes later in the batch finds the person as this sighting leaves them, id included.
                profile = merged(sighting.profile, person.profile)
                left = person.model_copy(update={"profile": profile, "keys": (*person.keys, *wanted)})
                seen.update({key: left for key in left.keys if seen.get(key, person).id == person.id})
        return new

    def _new_customer(self, sighting: Sighting, known: Mapping[str, Customer]) -> Customer:
        # All of a stranger's addresses may be held by others' ids; their own id is then what is free.
        free = tuple(key for key in keys_of(sighting.profile) if key not in known)
        return Customer(
            id=customer_id(free[0]),
            keys=free,
            profile=sighting.profile,
            profile_at=sighting.at,
            consent_log=words_on_consent(sighting),
            created_at=self._clock.now(),
        )

    async def _identify(self, sighting: Sighting, known: dict[str, Customer]) -> Customer:
        """The person of a sighting, who from now on goes by the id that it names."""
        external_id = sighting.profile.external_id
        for _ in range(_TRIES):
            person = match(sighting.profile, known)
            if person is None:
                await self._customers.insert([self._new_customer(sighting, known)])
            elif external_id is None or person.profile.external_id is not None:
                return person
            else:
                # Whoever was known by an address alone goes by the first id that is named, and by no second one.
                await self._customers.give_id(person.id, external_id)
            known.update(await self._customers.find_by_keys(keys_of(sighting.profile)))
        raise Unavailable("the customer is being changed by others")

    async def _add_keys(self, person: Customer, wanted: Sequence[str], known: Mapping[str, Customer]) -> Customer:
        new = [key for key in wanted if key not in known and await self._customers.add_key(person.id, key)]
        return person.model_copy(update={"keys": (*person.keys, *new)})


def after_sighting(person: Customer, sighting: Sighting) -> Customer:
    """The person as they would be known after a sighting; nothing is written."""
    return _noted(sighting, person, {}, _News())


def _noted(sighting: Sighting, person: Customer, known: Mapping[str, Customer], news: _News) -> Customer:
    """The person with what the sighting adds, which is put to the `news` as well."""
    profile, profile_at = person.profile, person.profile_at
    if sighting.at > profile_at:
        profile, profile_at = merged(profile, sighting.profile), sighting.at
        news.profiles[person.id] = (profile, profile_at)
    words = newer_words(sighting, person.consent_log)
    news.consents.update({(person.id, channel): word for channel, word in words.items()})
    conflicts = conflicts_of(sighting, person, known)
    news.conflicts.extend((person.id, conflict) for conflict in conflicts)
    consent = {**profile.consent, **{channel: word.granted for channel, word in words.items()}}
    return person.model_copy(
        update={
            "profile": profile.model_copy(update={"consent": consent}),
            "profile_at": profile_at,
            "consent_log": {**person.consent_log, **words},
            "conflicts": (*person.conflicts, *conflicts),
        }
    )
