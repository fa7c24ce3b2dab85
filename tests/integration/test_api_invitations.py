"""Direct invitations, their history, and taking one back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from survey_service.models.decision import Reason
from survey_service.models.delivery import DeliveryState
from survey_service.models.invitation import InvitationState
from survey_service.store.store import Store
from tests.support.content import put_survey
from tests.support.factories import NOON, make_delivery, make_invitation, make_response
from tests.support.problems import assert_problem
from tests.support.service import BASE_URL, ApiClient

REQUEST = {"survey": "after-delivery", "customer": {"id": "c-42"}, "channels": ["web"], "data": {"order": 7}}


async def invite(api: ApiClient, key: str | None = None, **changes: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    response = await api.post("/v1/invitations", json=REQUEST | changes, headers=headers)
    return response.status, await response.json(content_type=None)


@pytest.fixture
async def survey(store: Store) -> None:
    await put_survey(store)


@pytest.mark.usefixtures("survey")
async def test_a_direct_invitation_answers_the_address_of_its_survey(api: ApiClient) -> None:
    status, made = await invite(api, language="de", touchpoint="hotline")
    assert status == 201
    assert made["url"].startswith(f"{BASE_URL}/s/")
    assert (made["customer"], made["language"], made["touchpoint"], made["event"]) == ("c-42", "de", "hotline", None)
    read = await (await api.get(f"/v1/invitations/{made['id']}")).json()
    assert "url" not in read
    assert [entry["step"] for entry in read["history"]] == ["created"]


@pytest.mark.usefixtures("survey")
async def test_the_same_key_and_body_invite_once_even_at_the_same_moment(api: ApiClient) -> None:
    answers = await asyncio.gather(*(invite(api, key="order 7") for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({(made["id"], made["url"]) for _, made in answers}) == 1
    listed = await (await api.get("/v1/invitations")).json()
    assert len(listed["data"]) == 1


@pytest.mark.usefixtures("survey")
async def test_the_same_key_with_another_body_is_a_conflict(api: ApiClient) -> None:
    await invite(api, key="order 7")
    response = await api.post(
        "/v1/invitations", json=REQUEST | {"delay": "PT1H"}, headers={"Idempotency-Key": "order 7"}
    )
    await assert_problem(response, 409, "conflict")


@pytest.mark.usefixtures("survey")
async def test_without_a_key_each_request_invites(api: ApiClient) -> None:
    (_, one), (_, other) = await invite(api), await invite(api)
    assert one["id"] != other["id"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=waiting", True),
        ("state=sent", False),
        ("survey=after-delivery&trigger=after-delivery", True),
        ("customer=c-42", True),
        ("customer=c-43", False),
        ("event=evt_other", False),
    ],
)
async def test_filters_of_invitations(api: ApiClient, store: Store, query: str, found: bool) -> None:
    await store.invitations.insert([make_invitation()])
    body = await (await api.get(f"/v1/invitations?{query}")).json()
    assert bool(body["data"]) is found


async def test_the_invitations_of_an_event_are_found_by_its_key(api: ApiClient, store: Store) -> None:
    one, other = make_invitation("ord-1"), make_invitation("ord-2")
    await store.invitations.insert([one, other])
    assert one.event is not None
    body = await (await api.get(f"/v1/invitations?event={one.event.key}")).json()
    assert [row["id"] for row in body["data"]] == [one.id]


async def test_the_history_tells_what_happened_in_order(api: ApiClient, store: Store) -> None:
    invitation = make_invitation(state=InvitationState.SENT, sent_at=NOON)
    await store.invitations.insert([invitation])
    sent = make_delivery(invitation, state=DeliveryState.SENT, sent_at=NOON)
    await store.deliveries.insert([sent, make_delivery(invitation, 2)])
    await store.responses.save(make_response())
    body = await (await api.get(f"/v1/invitations/{invitation.id}")).json()
    assert body["state"] == "finished"
    assert {row["to"] for row in body["deliveries"]} == {"a•••@example.com"}
    steps = [(entry["what"], entry["step"], entry["reason"]) for entry in body["history"]]
    assert steps[0] == ("invitation", "created", None)
    assert ("delivery", "sent", None) in steps
    assert ("response", "finished", None) in steps
    assert ("delivery", "cancelled", "answered") in steps
    assert [entry["at"] for entry in body["history"]] == sorted(entry["at"] for entry in body["history"])


@pytest.mark.parametrize("state", [InvitationState.WAITING, InvitationState.SENT, InvitationState.UNDELIVERABLE])
async def test_an_invitation_that_is_not_final_can_be_cancelled(
    api: ApiClient, store: Store, state: InvitationState
) -> None:
    invitation = make_invitation(state=state)
    await store.invitations.insert([invitation])
    await store.deliveries.insert([make_delivery(invitation)])
    response = await api.post(f"/v1/invitations/{invitation.id}/cancel")
    body = await response.json()
    assert (response.status, body["state"], body["reason"]) == (200, "cancelled", Reason.CANCELLED)
    assert [(row["state"], row["reason"]) for row in body["deliveries"]] == [("cancelled", "cancelled")]


@pytest.mark.parametrize("state", [InvitationState.STARTED, InvitationState.FINISHED, InvitationState.EXPIRED])
async def test_an_answered_or_ended_invitation_cannot_be_cancelled(
    api: ApiClient, store: Store, state: InvitationState
) -> None:
    invitation = make_invitation(state=state)
    await store.invitations.insert([invitation])
    body = await assert_problem(await api.post(f"/v1/invitations/{invitation.id}/cancel"), 409, "conflict")
    assert state.value in body["detail"]
    await assert_problem(await api.post("/v1/invitations/inv_x/cancel"), 404, "not_found")
