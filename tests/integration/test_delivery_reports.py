"""Bounces and complaints that the mail system hands over: what follows, once and for all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.delivery import Delivery, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.models.suppression import EVERY_BRAND
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.factories import make_customer, make_delivery, make_invitation
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client

SAMPLES = Path(__file__).parents[1] / "unit" / "bounces"
PATH = "/callbacks/email/dsn"
DELIVERY = "dlv_4VtQm0cZrD7sLwKp9NfYx1"  # the one that every sample is about


@pytest.fixture
async def delivery(store: Store) -> Delivery:
    """A mail that left."""
    invitation = make_invitation(state=InvitationState.SENT)
    sent = make_delivery(invitation, id=DELIVERY, state=DeliveryState.SENT, provider_status="accepted", provider_rank=1)
    await store.customers.insert([make_customer()])
    await store.invitations.insert([invitation])
    await store.deliveries.insert([sent])
    return sent


async def hand_over(api: ApiClient, name: str, content_type: str = "message/rfc822") -> dict[str, Any]:
    raw = (SAMPLES / f"{name}.eml").read_bytes()
    response = await api.post(PATH, data=raw, headers={"Content-Type": content_type})
    assert response.status == 202, await response.text()
    body: dict[str, Any] = await response.json()
    return body


async def suppressions(api: ApiClient) -> list[tuple[str, str, str]]:
    rows = (await (await api.get("/v1/suppressions")).json())["data"]
    return sorted((row["scope"], row["brand"], row["reason"]) for row in rows)


async def status_of(store: Store) -> tuple[str | None, str | None]:
    row = await store.deliveries.get(DELIVERY)
    assert row is not None
    return row.provider_status, row.detail


@pytest.mark.parametrize("content_type", ["message/rfc822", "application/octet-stream"])
async def test_a_hard_bounce_stops_the_address_everywhere(
    api: ApiClient, store: Store, delivery: Delivery, content_type: str
) -> None:
    body = await hand_over(api, "postfix-unknown-user", content_type)
    assert body == {
        "delivery": DELIVERY,
        "action": "failed",
        "status": "5.1.1",
        "effects": ["address_suppressed", "status"],
    }
    assert await suppressions(api) == [("address", EVERY_BRAND, "bounced")]
    status, detail = await status_of(store)
    assert status == "failed"
    assert detail == "550 5.1.1 <[address]>: Recipient address rejected: User unknown in virtual mailbox table"


async def test_what_is_stopped_is_the_address_we_wrote_to_and_none_that_the_report_names(
    api: ApiClient, delivery: Delivery
) -> None:
    await hand_over(api, "postfix-unknown-user")
    for address, count in ((delivery.to, 1), ("nobody@example.com", 0)):
        found = await (await api.post("/v1/suppressions/search", json={"address": address})).json()
        assert len(found["data"]) == count


async def test_the_same_report_again_changes_nothing(api: ApiClient, store: Store, delivery: Delivery) -> None:
    first = await hand_over(api, "exim-unknown-user")
    before = await store.deliveries.get(DELIVERY), await suppressions(api)
    assert await hand_over(api, "exim-unknown-user") == first
    row = await store.deliveries.get(DELIVERY)
    assert row is not None
    assert before[0] is not None
    assert row.model_copy(update={"updated_at": None}) == before[0].model_copy(update={"updated_at": None})
    assert await suppressions(api) == before[1]


@pytest.mark.parametrize(
    ("name", "status", "effects"),
    [("gmail-mailbox-full", "failed", ["status"]), ("postfix-delayed", "accepted", [])],
)
async def test_a_soft_bounce_is_only_noted(
    api: ApiClient, store: Store, delivery: Delivery, name: str, status: str, effects: list[str]
) -> None:
    assert (await hand_over(api, name))["effects"] == effects
    assert await suppressions(api) == []
    noted, detail = await status_of(store)
    assert noted == status
    assert detail


async def test_a_late_bounce_takes_no_delivery_back(api: ApiClient, store: Store, delivery: Delivery) -> None:
    await hand_over(api, "delivered")
    await hand_over(api, "gmail-mailbox-full")
    assert (await status_of(store))[0] == "delivered"


async def test_a_complaint_stops_the_person_under_the_brand_and_all_that_waits(
    api: ApiClient, store: Store, delivery: Delivery
) -> None:
    waiting, elsewhere = make_invitation("ord-2"), make_invitation("ord-3", brand="other")
    await store.invitations.insert([waiting, elsewhere])
    body = await hand_over(api, "complaint")
    assert (body["action"], body["effects"]) == ("complained", ["person_suppressed", "status"])
    assert set(await suppressions(api)) == {("address", "acme", "complained"), ("person", "acme", "complained")}
    found = await store.invitations.get_many([waiting.id, elsewhere.id])
    assert found[waiting.id].state is InvitationState.CANCELLED
    assert found[elsewhere.id].state is InvitationState.WAITING


@pytest.mark.parametrize("name", ["postfix-unknown-user", "complaint"])
async def test_a_report_about_a_mail_that_we_do_not_know_is_taken_and_has_no_effect(api: ApiClient, name: str) -> None:
    body = await hand_over(api, name)
    assert (body["delivery"], body["effects"]) == (None, [])
    assert await suppressions(api) == []


@pytest.mark.parametrize("name", ["out-of-office", "not-spam"])
async def test_what_is_no_report_is_taken_and_has_no_effect(api: ApiClient, delivery: Delivery, name: str) -> None:
    assert await hand_over(api, name) == {"delivery": None, "action": None, "status": None, "effects": []}
    assert await suppressions(api) == []


async def test_an_answer_names_no_address(api: ApiClient, delivery: Delivery) -> None:
    assert "@" not in str(await hand_over(api, "forwarded-then-unknown"))


async def test_a_report_needs_a_key_that_may_suppress(parts: Parts) -> None:
    async with api_client(parts, Scope.SUPPRESSIONS_READ) as reader:
        headers = {"Content-Type": "message/rfc822"}
        await assert_problem(await reader.post(PATH, data=b"", headers=headers), 403, "forbidden")


async def test_a_report_is_raw_mail_of_a_mebibyte_at_most(api: ApiClient) -> None:
    await assert_problem(await api.post(PATH, json={}), 415, "unsupported_media")
    too_much = b"To: a\n\n" + b"x" * 1024 * 1024
    answer = await api.post(PATH, data=io.BytesIO(too_much), headers={"Content-Type": "message/rfc822"})
    await assert_problem(answer, 413, "too_large")
