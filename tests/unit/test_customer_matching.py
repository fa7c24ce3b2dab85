"""Who a profile is about, and what is known of that person afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.intake.customers import clean_profile, keys_of, match, merged
from survey_service.models.customer import Customer, CustomerProfile
from tests.support.factories import NOON

ADA = CustomerProfile(external_id="c-1", email="ada@example.com", phone="+4915123456789")
MAILBOX = CustomerProfile(email="family@example.com")


def person(name: str, profile: CustomerProfile) -> Customer:
    return Customer(id=name, keys=tuple(keys_of(profile)), profile=profile, profile_at=NOON, created_at=NOON)


def known(*people: Customer) -> dict[str, Customer]:
    return {key: customer for customer in people for key in customer.keys}


def test_a_profile_names_its_person_by_id_then_email_then_phone() -> None:
    assert keys_of(ADA) == ["id:c-1", "email:ada@example.com", "phone:+4915123456789"]
    assert keys_of(CustomerProfile(name="Ada")) == []


def test_the_case_of_an_address_is_not_part_of_who_it_is() -> None:
    assert keys_of(CustomerProfile(email="Ada@example.com")) == ["email:ada@example.com"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"external_id": "c-1"}, "ada"),
        ({"email": "ada@example.com"}, "ada"),
        ({"phone": "+4915123456789"}, "ada"),
        ({"external_id": "c-1", "email": "new@example.com"}, "ada"),
        # Another id of their own: another person, though the mailbox is the same.
        ({"external_id": "c-2", "email": "ada@example.com"}, None),
        ({"external_id": "c-2", "email": "family@example.com"}, "family"),
        # The id is surer than the address.
        ({"external_id": "c-1", "email": "family@example.com"}, "ada"),
        ({"email": "family@example.com", "phone": "+4915123456789"}, "family"),
        ({"external_id": "c-3"}, None),
        ({}, None),
    ],
)
def test_a_person_is_found_by_the_surest_key_that_is_known(profile: dict[str, Any], expected: str | None) -> None:
    found = match(CustomerProfile(**profile), known(person("ada", ADA), person("family", MAILBOX)))
    assert (found.id if found else None) == expected


def test_a_newer_word_replaces_what_it_names_joins_attributes_and_leaves_consent() -> None:
    older = CustomerProfile(
        external_id="c-1",
        name="Ada Weber",
        email="old@example.com",
        locale="de-DE",
        consent={"email": False},
        attributes={"tier": "gold", "since": 2020},
    )
    newer = CustomerProfile(email="new@example.com", consent={"sms": True}, attributes={"tier": "silver"})
    assert merged(older, newer) == CustomerProfile(
        external_id="c-1",
        name="Ada Weber",
        email="new@example.com",
        locale="de-DE",
        consent={"email": False},
        attributes={"tier": "silver", "since": 2020},
    )


def test_merging_changes_neither_of_the_two() -> None:
    older, newer = CustomerProfile(attributes={"a": 1}), CustomerProfile(attributes={"b": 2})
    merged(older, newer)
    assert (older.attributes, newer.attributes) == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    ("email", "phone", "expected"),
    [
        ("Ada@EXAMPLE.com", "+49 151 23456789", ("Ada@example.com", "+4915123456789")),
        ("nobody", "+1", (None, None)),
        ("a@b@example.com", "call me", (None, None)),
        (None, None, (None, None)),
        ("", "", (None, None)),
    ],
)
def test_an_address_that_cannot_be_written_to_is_left_out(
    email: str | None, phone: str | None, expected: tuple[str | None, str | None]
) -> None:
    cleaned = clean_profile(CustomerProfile(external_id="c-1", email=email, phone=phone))
    assert (cleaned.email, cleaned.phone) == expected
    assert cleaned.external_id == "c-1"
