"""Suppressions: set, found by body, lifted; what waits for a person goes with them."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.models.invitation import InvitationState
from survey_service.store.store import Store
from tests.support.content import put_survey
from tests.support.factories import OUR_CUSTOMER, make_customer, make_delivery, make_invitation
from tests.support.problems import assert_problem
from tests.support.service import ApiClient


async def suppress(api: ApiClient, **body: Any) -> tuple[int, dict[str, Any]]:
    response = await api.post("/v1/suppressions", json=body)
    return response.status, await response.json()


async def search(api: ApiClient, **body: Any) -> list[str]:
    response = await api.post("/v1/suppressions/search", json=body)
    assert response.status == 200
    return [row["id"] for row in (await response.json())["data"]]


@pytest.mark.parametrize(
    ("given", "sought"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("+49 1512 3456789", "+4915123456789"),
    ],
)
async def test_an_address_is_found_however_it_is_written(api: ApiClient, given: str, sought: str) -> None:
    status, row = await suppress(api, address=given, note="asked by phone")
    assert (status, row["scope"], row["brand"], row["reason"]) == (201, "address", "*", "manual")
    assert row["note"] == "asked by phone"
    assert await search(api, address=sought) == [row["id"]]
    assert given not in str(row)


async def test_suppressing_again_finds_the_first_one(api: ApiClient) -> None:
    _, first = await suppress(api, address="ada@example.com", note="first")
    status, again = await suppress(api, address="ada@example.com", note="second")
    assert (status, again) == (200, first)


async def test_an_answer_names_no_address(api: ApiClient) -> None:
    await suppress(api, address="ada@example.com")
    assert "ada" not in await (await api.get("/v1/suppressions")).text()


@pytest.mark.parametrize("ref", ["c-42", OUR_CUSTOMER])
async def test_suppressing_a_person_cancels_what_waits_for_them(api: ApiClient, store: Store, ref: str) -> None:
    await store.customers.insert([make_customer()])
    waiting, stranger = make_invitation("ord-1"), make_invitation("ord-2", customer="cus_other")
    await store.invitations.insert([waiting, stranger])
    await store.deliveries.insert([make_delivery(waiting), make_delivery(stranger, customer="cus_other")])
    status, row = await suppress(api, customer=ref)
    assert (status, row["scope"]) == (201, "person")
    assert await search(api, customer="c-42") == [row["id"]]
    found = await store.invitations.get_many([waiting.id, stranger.id])
    assert found[waiting.id].state is InvitationState.CANCELLED
    assert found[stranger.id].state is InvitationState.WAITING
    states = [(delivery.state, delivery.reason) for delivery in await store.deliveries.of_invitation(waiting.id)]
    assert states == [("cancelled", "suppressed")]


async def test_a_person_is_silenced_under_one_brand_alone(api: ApiClient, store: Store) -> None:
    await put_survey(store)
    await store.customers.insert([make_customer()])
    await store.invitations.insert([make_invitation("ord-1"), make_invitation("ord-2", brand="other")])
    await suppress(api, customer="c-42", brand="acme")
    body = await (await api.get("/v1/invitations?state=waiting")).json()
    assert [row["brand"] for row in body["data"]] == ["other"]


async def test_a_lifted_suppression_is_gone(api: ApiClient) -> None:
    _, row = await suppress(api, address="ada@example.com")
    path = f"/v1/suppressions/{row['id']}"
    assert (await (await api.get(path)).json()) == row
    assert (await api.delete(path)).status == 204
    await assert_problem(await api.get(path), 404, "not_found")
    await assert_problem(await api.delete(path), 404, "not_found")
    assert await search(api, address="ada@example.com") == []


async def test_nobody_is_found_under_an_unknown_customer(api: ApiClient) -> None:
    assert await search(api, customer="c-unknown") == []


async def test_filters_of_suppressions(api: ApiClient) -> None:
    await suppress(api, address="ada@example.com")
    for query, count in (("scope=address&reason=manual&brand=*", 1), ("scope=person", 0), ("reason=bounced", 0)):
        body = await (await api.get(f"/v1/suppressions?{query}")).json()
        assert len(body["data"]) == count
