"""Consent with its proof, and ids that contradict each other: what is kept on the customer."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.intake.customers import CustomerRegister, Sighting
from survey_service.models.brand import Brand
from survey_service.models.customer import ConsentRecord, Customer, CustomerProfile, consents
from survey_service.models.delivery import ChannelName
from survey_service.store.customers import MAX_CONFLICTS
from survey_service.store.store import Store
from tests.support.factories import NOON

MINUTE = timedelta(minutes=1)
SHOP, HOTLINE = "/shop/berlin", "/hotline"


@pytest.fixture
def register(store: Store) -> CustomerRegister:
    return CustomerRegister(store.customers, store.clock)


def said(at: datetime, source: str = SHOP, **consent: bool) -> Sighting:
    return Sighting(CustomerProfile(external_id="c-1", consent=consent), at, source)


def named(at: datetime = NOON, **profile: Any) -> Sighting:
    return Sighting(CustomerProfile(**profile), at, SHOP)


async def customer(store: Store, ref: str = "c-1") -> Customer:
    return (await store.customers.find_by_keys([f"id:{ref}"]))[f"id:{ref}"]


async def test_a_word_on_consent_is_kept_with_who_passed_it_on_and_when(
    store: Store, register: CustomerRegister
) -> None:
    (person,) = await register.resolve([said(NOON, email=True)])
    stored = await customer(store)
    assert stored.consent_log == {"email": ConsentRecord(granted=True, source=SHOP, at=NOON)}
    assert stored.profile.consent == {"email": True}
    assert person
    assert person.consent_log == stored.consent_log


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_latest_word_on_each_channel_counts_in_whatever_order_they_come(
    store: Store, register: CustomerRegister, order: tuple[int, ...], in_one_batch: bool
) -> None:
    words = [
        said(NOON, email=True, sms=False),
        said(NOON + MINUTE, "api:key_1", email=False),
        said(NOON + 2 * MINUTE, HOTLINE),
    ]
    sightings = [words[number] for number in order]
    if in_one_batch:
        people = await register.resolve(sightings)
    else:
        people = [person for sighting in sightings for person in await register.resolve([sighting])]
    stored = await customer(store)
    assert stored.consent_log == {
        "email": ConsentRecord(granted=False, source="api:key_1", at=NOON + MINUTE),
        "sms": ConsentRecord(granted=False, source=SHOP, at=NOON),
    }
    assert stored.profile.consent == {"email": False, "sms": False}
    assert people[-1]
    assert people[-1].profile.consent == stored.profile.consent


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("words", [(True, False), (False, True)])
async def test_of_two_words_of_one_instant_the_no_counts(
    store: Store, register: CustomerRegister, words: tuple[bool, bool], in_one_batch: bool
) -> None:
    sightings = [said(NOON, email=word) for word in words]
    for batch in [sightings] if in_one_batch else [[sighting] for sighting in sightings]:
        (*_, person) = await register.resolve(batch)
    stored = await customer(store)
    assert stored.consent_log["email"].granted is stored.profile.consent["email"] is False
    assert person
    assert person.profile.consent == {"email": False}


async def test_workers_that_disagree_leave_the_latest_word(store: Store) -> None:
    await CustomerRegister(store.customers, store.clock).resolve([named(NOON - MINUTE, external_id="c-1")])
    words = [said(NOON + number * MINUTE, email=number % 2 == 1) for number in range(8)]
    registers = [CustomerRegister(store.customers, store.clock) for _ in words]
    await asyncio.gather(*(one.resolve([word]) for one, word in zip(registers, words, strict=True)))
    stored = await customer(store)
    assert stored.consent_log["email"].at == NOON + 7 * MINUTE
    assert stored.profile.consent == {"email": True}


@pytest.mark.parametrize(
    ("word", "required", "expected"),
    [
        (None, False, True),
        (None, True, False),
        (True, True, True),
        (True, False, True),
        (False, True, False),
        (False, False, False),
    ],
)
def test_silence_is_a_yes_only_where_the_brand_needs_none(word: bool | None, required: bool, expected: bool) -> None:
    brand = Brand(id="acme", name="Acme", consent_required=(ChannelName.SMS,) if required else ())
    profile = CustomerProfile(consent={} if word is None else {"sms": word})
    assert consents(ChannelName.SMS, profile, brand) is expected
    assert consents(ChannelName.EMAIL, profile, brand)


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_a_key_that_belongs_to_somebody_else_is_written_down_and_nobody_is_merged(
    store: Store, register: CustomerRegister, in_one_batch: bool
) -> None:
    shared: dict[str, Any] = {"email": "family@example.com", "phone": "+4915123456789"}
    sightings = [
        named(external_id="c-1", **shared),
        named(NOON + MINUTE, external_id="c-2", **shared),
        named(NOON + 2 * MINUTE, external_id="c-2", **shared),
    ]
    if in_one_batch:
        await register.resolve(sightings)
    else:
        for sighting in sightings:
            await register.resolve([sighting])
    first, second = await customer(store, "c-1"), await customer(store, "c-2")
    assert first.conflicts == ()
    assert [(conflict.key, conflict.other, conflict.at) for conflict in second.conflicts] == [
        ("email:family@example.com", first.id, NOON + MINUTE),
        ("phone:+4915123456789", first.id, NOON + MINUTE),
    ]
    assert second.keys == ("id:c-2",)


async def test_an_email_and_a_phone_of_two_people_are_a_conflict_as_well(
    store: Store, register: CustomerRegister
) -> None:
    await register.resolve([named(external_id="c-1", email="ada@example.com")])
    await register.resolve([named(external_id="c-2", phone="+4915123456789")])
    (person,) = await register.resolve([named(NOON + MINUTE, email="ada@example.com", phone="+4915123456789")])
    assert person
    assert person.ref == "c-1"
    other = await customer(store, "c-2")
    assert [(conflict.key, conflict.other) for conflict in (await customer(store)).conflicts] == [
        ("phone:+4915123456789", other.id)
    ]


async def test_only_so_many_conflicts_are_kept(store: Store, register: CustomerRegister) -> None:
    numbers = range(MAX_CONFLICTS + 5)
    await register.resolve([named(external_id=f"c-{number}0", email=f"c-{number}@example.com") for number in numbers])
    for number in numbers:
        await register.resolve([named(external_id="c-1", email=f"c-{number}@example.com")])
    kept = [conflict.key for conflict in (await customer(store)).conflicts]
    assert kept == [f"email:c-{number}@example.com" for number in numbers][-MAX_CONFLICTS:]


async def test_people_who_agree_have_no_conflicts(store: Store, register: CustomerRegister) -> None:
    ways: list[dict[str, Any]] = [
        {"email": "ada@example.com"},
        {"external_id": "c-1", "email": "ada@example.com"},
        {"external_id": "c-1", "phone": "+4915123456789"},
        {"phone": "+4915123456789", "email": "ADA@example.com"},
    ]
    for number, way in enumerate(ways):
        await register.resolve([named(NOON + number * MINUTE, **way)])
    assert (await customer(store)).conflicts == ()
