"""Ids: the same parts make the same id, other parts another one, and no part runs into the next."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.models.ids import (
    base62,
    delivery_id,
    event_key,
    hashed_id,
    invitation_id,
    random_id,
    response_id,
)

PARTS = st.lists(st.text(), max_size=4)


@pytest.mark.parametrize(
    ("made", "prefix"),
    [
        (event_key("/shop", "1"), "evt"),
        (invitation_id("evt_1", "trigger"), "inv"),
        (delivery_id("inv_1", "invite", 1), "dlv"),
        (response_id("inv_1"), "rsp"),
        (random_id("sk"), "sk"),
    ],
    ids=["evt", "inv", "dlv", "rsp", "sk"],
)
def test_an_id_is_its_prefix_and_22_base62_digits(made: str, prefix: str) -> None:
    assert re.fullmatch(rf"{prefix}_[0-9A-Za-z]{{22}}", made)


@given(PARTS, PARTS)
def test_ids_are_equal_only_where_their_parts_are(one: list[str], other: list[str]) -> None:
    assert (hashed_id("x", *one) == hashed_id("x", *other)) is (one == other)


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("a", ""), ("", "a")), (("a",), ("a", ""))])
def test_no_part_runs_into_the_next(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert hashed_id("evt", *one) != hashed_id("evt", *other)


def test_the_key_of_an_event_never_changes() -> None:
    # Stored keys are what recognises a repeated event: another one would ask everybody again.
    assert event_key("/shop/berlin", "ord-1001") == "evt_" + base62(
        hashlib.sha256(b"\0\0\0\x0c/shop/berlin\0\0\0\x08ord-1001").digest()
    )


def test_every_digit_of_base62_is_used() -> None:
    digits = {digit for number in range(200) for digit in base62(hashlib.sha256(bytes([number])).digest())}
    assert len(digits) == 62


def test_two_random_ids_differ() -> None:
    assert random_id("inv") != random_id("inv")
