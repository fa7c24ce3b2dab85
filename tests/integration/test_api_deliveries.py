"""Deliveries: lists, and an operator's word on dead and unknown ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.factories import make_delivery, make_invitation
from tests.support.problems import assert_problem
from tests.support.service import ApiClient


async def insert_delivery(store: Store, **changes: Any) -> Delivery:
    invitation = make_invitation()
    delivery = make_delivery(invitation, **changes)
    await store.invitations.insert([invitation])
    await store.deliveries.insert([delivery])
    return delivery


async def stored(store: Store, delivery: str) -> Delivery:
    found = await store.deliveries.get(delivery)
    assert found is not None
    return found


async def invitation_state(store: Store) -> InvitationState:
    found = await store.invitations.get(make_invitation().id)
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=dead", True),
        ("state=sent", False),
        ("channel=email&kind=invite&trigger=after-delivery&reason=refused", True),
        ("channel=sms", False),
        ("invitation=inv_other", False),
    ],
)
async def test_filters_of_deliveries(api: ApiClient, store: Store, query: str, found: bool) -> None:
    delivery = await insert_delivery(store, state=DeliveryState.DEAD, reason=Reason.REFUSED)
    body = await (await api.get(f"/v1/deliveries?{query}")).json()
    assert [row["id"] for row in body["data"]] == ([delivery.id] if found else [])


@pytest.mark.parametrize(
    ("channel", "to", "shown"),
    [(ChannelName.EMAIL, "ada@example.com", "a•••@example.com"), (ChannelName.SMS, "+4915123456789", "+49•••89")],
)
async def test_the_address_is_masked(api: ApiClient, store: Store, channel: ChannelName, to: str, shown: str) -> None:
    delivery = await insert_delivery(store, channel=channel, to=to)
    assert (await (await api.get(f"/v1/deliveries/{delivery.id}")).json())["to"] == shown


async def test_a_dead_delivery_gets_its_tries_again_and_sending_is_woken(api: ApiClient, parts: Parts) -> None:
    dead = await insert_delivery(parts.store, state=DeliveryState.DEAD, reason=Reason.RETRIES_EXHAUSTED, attempts=6)
    parts.bells.silence("sending")
    response = await api.post(f"/v1/deliveries/{dead.id}/retry")
    body = await response.json()
    assert (response.status, body["state"], body["attempts"], body["reason"]) == (200, "planned", 0, None)
    assert body["next_at"] is not None
    async with asyncio.timeout(1):
        await parts.bells.wait("sending", timeout=60)


@pytest.mark.parametrize("state", [state for state in DeliveryState if state is not DeliveryState.DEAD])
async def test_only_a_dead_delivery_is_retried(api: ApiClient, store: Store, state: DeliveryState) -> None:
    delivery = await insert_delivery(store, state=state)
    await assert_problem(await api.post(f"/v1/deliveries/{delivery.id}/retry"), 409, "conflict")
    assert (await stored(store, delivery.id)).state is state


@pytest.mark.parametrize(
    ("word", "state", "reason", "followed"),
    [
        ("sent", DeliveryState.SENT, None, InvitationState.SENT),
        ("not_sent", DeliveryState.DEAD, Reason.OUTCOME_UNKNOWN, InvitationState.WAITING),
    ],
)
async def test_an_operator_settles_what_became_of_an_unknown_delivery(
    api: ApiClient, parts: Parts, word: str, state: DeliveryState, reason: Reason | None, followed: InvitationState
) -> None:
    unknown = await insert_delivery(parts.store, state=DeliveryState.UNKNOWN, reason=Reason.OUTCOME_UNKNOWN)
    response = await api.post(f"/v1/deliveries/{unknown.id}/resolve", json={"as": word})
    body = await response.json()
    assert (response.status, body["state"], body["reason"]) == (200, state, reason)
    assert await invitation_state(parts.store) is followed
    # What else follows is planning's to say.
    async with asyncio.timeout(1):
        await parts.bells.wait("planning", timeout=60)
    assert await parts.store.invitations.claims.waiting() == 1


async def test_sending_anew_is_a_new_delivery_that_names_the_old_one(api: ApiClient, store: Store) -> None:
    unknown = await insert_delivery(
        store, state=DeliveryState.UNKNOWN, reason=Reason.OUTCOME_UNKNOWN, attempts=2, claim=3, provider="smtp"
    )
    path = f"/v1/deliveries/{unknown.id}/resolve"
    answers = await asyncio.gather(*(api.post(path, json={"as": "send_anew"}) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    (anew,) = [await answer.json() for answer in answers if answer.status == 200]
    assert (anew["replaces"], anew["state"], anew["attempts"], anew["provider"]) == (unknown.id, "planned", 0, None)
    old = await stored(store, unknown.id)
    assert (old.state, old.reason) == (DeliveryState.DEAD, Reason.OUTCOME_UNKNOWN)
    assert (await stored(store, anew["id"])).due_at is not None
    body = await assert_problem(await api.post(f"/v1/deliveries/{unknown.id}/retry"), 409, "conflict")
    assert anew["id"] in body["detail"]
    # Also by whoever looked before it was replaced.
    assert not await store.deliveries.retry(unknown.id, store.clock.now())


@pytest.mark.parametrize("word", ["sent", "not_sent", "send_anew"])
async def test_only_an_unknown_delivery_is_resolved(api: ApiClient, store: Store, word: str) -> None:
    delivery = await insert_delivery(store, state=DeliveryState.SENT)
    response = await api.post(f"/v1/deliveries/{delivery.id}/resolve", json={"as": word})
    body = await assert_problem(response, 409, "conflict")
    assert "sent" in body["detail"]
    await assert_problem(await api.post("/v1/deliveries/dlv_x/resolve", json={"as": word}), 404, "not_found")
