"""Customers: who an event is about, over time, over shared mailboxes and over several workers."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.errors import Unavailable
from survey_service.intake.customers import CustomerRegister, Sighting
from survey_service.models.customer import Customer, CustomerProfile
from survey_service.store.store import Store
from tests.support.factories import NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture
def register(store: Store) -> CustomerRegister:
    return CustomerRegister(store.customers, store.clock)


def seen(at: datetime = NOON, **profile: Any) -> Sighting:
    return Sighting(CustomerProfile(**profile), at, "/shop/berlin")


async def everybody(store: Store) -> list[Customer]:
    return [Customer.from_document(document) async for document in store.database["customers"].find()]


async def refs(register: CustomerRegister, *sightings: Sighting) -> list[str | None]:
    """How systems call the person of each sighting, looked up one after the other."""
    found = []
    for sighting in sightings:
        (person,) = await register.resolve([sighting])
        found.append(person.ref if person else None)
    return found


async def test_nobody_is_named_by_nothing(store: Store, register: CustomerRegister) -> None:
    assert await register.resolve([seen(name="Ada"), seen()]) == [None, None]
    assert await everybody(store) == []
    assert await register.resolve([]) == []


async def test_a_person_is_recognised_by_any_key_that_was_ever_named(store: Store, register: CustomerRegister) -> None:
    ways: list[dict[str, Any]] = [
        {"external_id": "c-1", "email": "ada@example.com"},
        {"email": "ADA@example.com", "phone": "+4915123456789"},
        {"phone": "+4915123456789"},
        {"external_id": "c-1", "email": "new@example.com"},
        {"email": "new@example.com"},
    ]
    people = [await register.resolve([seen(NOON + number * MINUTE, **way)]) for number, way in enumerate(ways)]
    assert len({person.id for (person,) in people if person}) == 1
    (ada,) = await everybody(store)
    assert set(ada.keys) == {
        "id:c-1",
        "email:ada@example.com",
        "email:new@example.com",
        "phone:+4915123456789",
    }
    assert ada.profile.email == "new@example.com"


async def test_one_batch_and_single_events_come_to_the_same_people(store: Store, register: CustomerRegister) -> None:
    batch = [
        seen(email="family@example.com"),
        seen(NOON + MINUTE, external_id="c-1", email="family@example.com"),
        seen(NOON + 2 * MINUTE, external_id="c-2", email="family@example.com"),
        seen(NOON + 3 * MINUTE, external_id="c-1"),
        seen(NOON + 4 * MINUTE, email="family@example.com"),
    ]
    people = await register.resolve(batch)
    assert [person.ref for person in people if person][1:] == ["c-1", "c-2", "c-1", "c-1"]
    assert people[0]
    assert people[1]
    assert people[0].id == people[1].id
    assert len(await everybody(store)) == 2


async def test_two_ids_that_share_a_mailbox_stay_two_people(store: Store, register: CustomerRegister) -> None:
    shared: dict[str, Any] = {"email": "family@example.com", "phone": "+4915123456789"}
    assert await refs(
        register,
        seen(external_id="c-1", **shared),
        seen(external_id="c-2", **shared),
        seen(external_id="c-1", **shared),
        seen(external_id="c-2", **shared),
        seen(**shared),
    ) == ["c-1", "c-2", "c-1", "c-2", "c-1"]
    assert {customer.keys for customer in await everybody(store)} == {
        ("id:c-1", "email:family@example.com", "phone:+4915123456789"),
        ("id:c-2",),
    }


@pytest.mark.parametrize("later", [-MINUTE, MINUTE])
async def test_whoever_was_known_by_an_address_goes_by_the_first_id_that_is_named(
    store: Store, register: CustomerRegister, later: timedelta
) -> None:
    """Also when the event that names it is older than what is known."""
    mailbox = "family@example.com"
    assert await refs(
        register,
        seen(NOON, email=mailbox),
        seen(NOON + later, external_id="c-1", email=mailbox),
        seen(NOON + 2 * MINUTE, external_id="c-2", email=mailbox),
        seen(NOON + 3 * MINUTE, external_id="c-1", email=mailbox),
        seen(NOON + 4 * MINUTE, external_id="c-2"),
    ) == [(await everybody(store))[0].id, "c-1", "c-2", "c-1", "c-2"]


async def test_an_older_word_changes_no_profile(store: Store, register: CustomerRegister) -> None:
    await register.resolve([seen(NOON, external_id="c-1", name="Ada Weber", email="new@example.com")])
    (person,) = await register.resolve([seen(NOON - MINUTE, external_id="c-1", name="Ada", email="old@example.com")])
    assert person
    assert (person.profile.name, person.profile.email) == ("Ada Weber", "new@example.com")
    (stored,) = await everybody(store)
    assert (stored.profile.name, stored.profile_at) == ("Ada Weber", NOON)


async def test_a_newer_word_joins_what_is_known(store: Store, register: CustomerRegister) -> None:
    await register.resolve([seen(external_id="c-1", consent={"email": False}, attributes={"tier": "gold"})])
    (person,) = await register.resolve([seen(NOON + MINUTE, external_id="c-1", locale="de-DE", consent={"sms": True})])
    (stored,) = await everybody(store)
    assert person
    assert stored.profile == person.profile
    assert stored.profile.consent == {"email": False, "sms": True}
    assert stored.profile.attributes == {"tier": "gold"}


async def test_a_stale_copy_takes_no_id_away(store: Store, register: CustomerRegister) -> None:
    (person,) = await register.resolve([seen(email="ada@example.com")])
    assert person
    assert await store.customers.give_id(person.id, "c-1")
    await store.customers.update_profiles({person.id: (CustomerProfile(name="Ada"), NOON + MINUTE)})
    (stored,) = await everybody(store)
    assert (stored.profile.external_id, stored.profile.name) == ("c-1", "Ada")


async def test_a_person_is_given_one_id_and_no_id_to_two_people(store: Store, register: CustomerRegister) -> None:
    (person,) = await register.resolve([seen(email="ada@example.com")])
    (other,) = await register.resolve([seen(external_id="c-2")])
    assert person
    assert other
    assert not await store.customers.give_id(person.id, "c-2")
    assert await store.customers.give_id(person.id, "c-1")
    assert not await store.customers.give_id(person.id, "c-3")
    assert not await store.customers.add_key(other.id, "email:ada@example.com")


async def test_two_workers_at_once_make_one_person(store: Store) -> None:
    registers = [CustomerRegister(store.customers, store.clock) for _ in range(4)]
    batch = [seen(external_id=f"c-{number}", email=f"c-{number}@example.com") for number in range(20)]
    results = await asyncio.gather(*(register.resolve(batch) for register in registers))
    found = [[person.id for person in people if person] for people in results]
    assert all(ids == found[0] for ids in found)
    assert len(set(found[0])) == len(await everybody(store)) == 20


async def test_workers_that_know_one_person_by_different_keys_agree_in_the_end(store: Store) -> None:
    """Each names another pair of keys; none of them fails, and no key belongs to two people."""
    pairs: list[dict[str, Any]] = [
        {"external_id": "c-1", "email": "ada@example.com"},
        {"email": "ada@example.com", "phone": "+4915123456789"},
        {"external_id": "c-1", "phone": "+4915123456789"},
        {"email": "ada@example.com"},
        {"external_id": "c-2", "email": "ada@example.com", "phone": "+4915123456789"},
    ]
    for _ in range(10):
        await store.database["customers"].delete_many({})
        registers = [CustomerRegister(store.customers, store.clock) for _ in pairs]
        results = await asyncio.gather(
            *(register.resolve([seen(**pair)]) for register, pair in zip(registers, pairs, strict=True))
        )
        assert all(person is not None for (person,) in results)
        keys = [key for customer in await everybody(store) for key in customer.keys]
        assert len(keys) == len(set(keys))
        assert {"id:c-1", "id:c-2", "email:ada@example.com"} <= set(keys)
        for customer in await everybody(store):
            own = [key for key in customer.keys if key.startswith("id:")]
            assert own == ([f"id:{customer.profile.external_id}"] if customer.profile.external_id else [])


async def test_an_id_that_nobody_can_be_given_is_tried_again_later(
    store: Store, register: CustomerRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def always_late(customer: str, external_id: str) -> bool:
        return False

    await register.resolve([seen(email="ada@example.com")])
    monkeypatch.setattr(store.customers, "give_id", always_late)
    with pytest.raises(Unavailable):
        await register.resolve([seen(external_id="c-1", email="ada@example.com")])
