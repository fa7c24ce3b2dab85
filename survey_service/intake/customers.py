"""Customers: profiles from events come in, the person each one belongs to comes out.

A person is known by id, else by email, else by phone. A key belongs to one customer; somebody with another id of
their own who shares a mailbox stays a person of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from survey_service.clock import Clock
from survey_service.models.customer import Customer, CustomerProfile
from survey_service.models.ids import hashed_id
from survey_service.store.customers import Customers
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email, normalise_phone


@dataclass(frozen=True, slots=True)
class Sighting:
    """A profile as an event of instant `at` names it."""

    profile: CustomerProfile
    at: datetime


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


def merged(older: CustomerProfile, newer: CustomerProfile) -> CustomerProfile:
    """What is known after the newer word: fields it names replace, consent and attributes are joined."""
    named = newer.model_dump(exclude_none=True, exclude={"consent", "attributes"})
    joined = {
        "consent": {**older.consent, **newer.consent},
        "attributes": {**older.attributes, **newer.attributes},
    }
    return older.model_copy(update={**named, **joined})


def match(profile: CustomerProfile, known: dict[str, Customer]) -> Customer | None:
    """The known person of this profile: by its first key that is known, unless that person has another id."""
    for key in keys_of(profile):
        found = known.get(key)
        if found is None:
            continue
        other = found.profile.external_id
        if profile.external_id is None or other is None or other == profile.external_id:
            return found
    return None


class CustomerRegister:
    """Finds and makes customers, a batch of sightings at a time."""

    def __init__(self, customers: Customers, clock: Clock) -> None:
        self._customers = customers
        self._clock = clock

    async def resolve(self, sightings: Sequence[Sighting]) -> list[Customer | None]:
        """The person of each sighting, with the profile as it is known afterwards; None where nothing names anyone."""
        keys = [key for sighting in sightings for key in keys_of(sighting.profile)]
        known = await self._customers.find_by_keys(keys) if keys else {}
        new: dict[str, Customer] = {}
        for sighting in sightings:
            if keys_of(sighting.profile) and match(sighting.profile, known) is None:
                customer = self._new_customer(sighting, known)
                new[customer.id] = customer
                known.update(dict.fromkeys(customer.keys, customer))
        if new:
            await self._customers.insert(list(new.values()))
            known = await self._settle(sightings, keys)
        return await self._take_over(sightings, known)

    def _new_customer(self, sighting: Sighting, known: dict[str, Customer]) -> Customer:
        keys = keys_of(sighting.profile)
        free = tuple(key for key in keys if key not in known)
        # All of a stranger's keys may be held by others' ids; their own id is then in `free`.
        return Customer(
            id=hashed_id("cus", free[0]),
            keys=free,
            profile=sighting.profile,
            profile_at=sighting.at,
            created_at=self._clock.now(),
        )

    async def _settle(self, sightings: Sequence[Sighting], keys: Sequence[str]) -> dict[str, Customer]:
        """Read back who holds which key: another worker may have been faster with one of them."""
        known = await self._customers.find_by_keys(keys)
        late = [sighting for sighting in sightings if keys_of(sighting.profile) and not match(sighting.profile, known)]
        if late:
            # A second key was taken in between and kept the row out; the first free key alone is enough.
            rest = [self._new_customer(sighting, known) for sighting in late]
            await self._customers.insert([row.model_copy(update={"keys": row.keys[:1]}) for row in rest])
            known = await self._customers.find_by_keys(keys)
        return known

    async def _take_over(self, sightings: Sequence[Sighting], known: dict[str, Customer]) -> list[Customer | None]:
        changed: dict[str, tuple[CustomerProfile, datetime]] = {}
        people: list[Customer | None] = []
        for sighting in sightings:
            person = match(sighting.profile, known)
            if person is None:
                people.append(None)
                continue
            profile, at = changed.get(person.id, (person.profile, person.profile_at))
            if sighting.at > at:
                profile, at = merged(profile, sighting.profile), sighting.at
                changed[person.id] = (profile, at)
            for key in keys_of(sighting.profile):
                if key not in known and await self._customers.add_key(person.id, key):
                    known[key] = person
            people.append(person.model_copy(update={"profile": profile, "profile_at": at}))
        await self._customers.update_profiles(changed)
        return people
