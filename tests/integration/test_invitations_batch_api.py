"""Direct invitations many at a time: each by itself, under the contact policy, and taken back together."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.contact import Contact, Hold
from survey_service.models.contact_policy import POLICY_ID, ContactLimit, ContactPolicyContent
from survey_service.models.invitation import InvitationState
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.content import SURVEY, put_survey
from tests.support.factories import make_delivery, make_invitation
from tests.support.failpoints import failing
from tests.support.problems import assert_problem, pointers
from tests.support.service import BASE_URL, ApiClient, api_client

PATH = "/v1/invitations/batch"
ONCE = ContactPolicyContent(limits=(ContactLimit(max=1, period="P90D"),), cooldown=None)


@pytest.fixture(autouse=True)
async def configured(store: Store) -> None:
    """One survey, and a policy that allows one first message in 90 days."""
    await put_survey(store)
    await store.configuration.policies.put(POLICY_ID, ONCE)


def item(name: str, **changes: Any) -> dict[str, Any]:
    """An invitation of somebody by mail."""
    customer = {"id": f"c-{name}", "email": f"{name}@example.com"}
    return {"survey": SURVEY, "customer": customer, "channels": ["email"], **changes}


async def post(api: ApiClient, *items: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post(PATH, json={"invitations": items})
    body: dict[str, Any] = await answer.json()
    assert answer.status == 200, body
    return body


async def test_a_thousand_are_invited_in_one_call(api: ApiClient, store: Store) -> None:
    web = [item(f"n{number}", channels=["web"], customer={"id": f"c-{number}"}) for number in range(1_000)]
    made = await post(api, *web)
    assert (made["created"], made["repeated"], made["refused"]) == (1_000, 0, 0)
    assert all(result["url"].startswith(f"{BASE_URL}/s/") for result in made["results"])
    ids = [result["id"] for result in made["results"]]
    stored = await store.invitations.get_many(ids)
    assert [stored[name].customer_ref for name in ids] == [f"c-{number}" for number in range(1_000)]


async def test_one_that_is_refused_harms_no_other(api: ApiClient) -> None:
    await post(api, item("zoe"))
    made = await post(
        api,
        item("ada"),
        item("bob", survey="nowhere"),
        item("cem", customer={"id": "c-cem"}),  # nowhere to write to
        item("dan", customer={"id": "c-dan", "email": "zoe@example.com"}),  # that mailbox has had its one
        item("eve", data={"a.b": {"$where": 1}}),
        item("fay"),
    )
    assert (made["created"], made["repeated"], made["refused"]) == (2, 0, 4)
    assert [one["error"] for one in made["results"]] == [None, "invalid", "invalid", "not_allowed", "invalid", None]
    assert all((one["id"] is None) is (one["status"] == "refused") for one in made["results"])


async def test_what_the_policy_forbids_says_why_and_when(api: ApiClient, store: Store) -> None:
    (first,) = (await post(api, item("ada")))["results"]
    (refused,) = (await post(api, item("ada")))["results"]
    held = await store.invitations.get(first["id"])
    assert held is not None
    assert (refused["status"], refused["error"]) == ("refused", "not_allowed")
    assert "same_text" in refused["detail"] or "contact_limit" in refused["detail"]
    assert abs(datetime.fromisoformat(refused["next_eligible_at"]) - held.send_at - timedelta(days=90)) < timedelta(1)
    single = await api.post("/v1/invitations", json=item("ada"))
    body = await single.json(content_type="application/problem+json")
    assert (single.status, body["type"]) == (409, "/problems/not_allowed")
    assert body["reason"] in {"same_text", "contact_limit"}
    assert body["next_eligible_at"] == refused["next_eligible_at"]
    assert len((await (await api.get("/v1/invitations")).json())["data"]) == 1


async def test_the_same_key_means_the_same_invitation_in_a_batch_too(api: ApiClient) -> None:
    first = await post(api, item("ada", idempotency_key="order 1"), item("bob", idempotency_key="order 2"))
    again = await post(
        api,
        item("ada", idempotency_key="order 1"),
        item("bob", idempotency_key="order 2", delay="PT1H"),
        item("cem", idempotency_key="order 3"),
    )
    assert [one["status"] for one in again["results"]] == ["repeated", "refused", "created"]
    assert again["results"][1]["error"] == "conflict"
    repeated = again["results"][0]
    assert (repeated["id"], repeated["url"]) == (first["results"][0]["id"], first["results"][0]["url"])
    # Twice in one body is one request as well, though both are made at the same time.
    twins = await post(api, *[item("dan", idempotency_key="order 4")] * 5)
    assert Counter(one["status"] for one in twins["results"]) == {"created": 1, "repeated": 4}
    assert len({one["id"] for one in twins["results"]}) == 1


async def test_a_key_of_a_batch_and_the_header_of_a_single_request_are_one_kind_of_key(api: ApiClient) -> None:
    (made,) = (await post(api, item("ada", idempotency_key="order 1")))["results"]
    again = await api.post("/v1/invitations", json=item("ada"), headers={"Idempotency-Key": "order 1"})
    assert again.status == 200
    assert (await again.json())["id"] == made["id"]


async def test_ignoring_the_rules_needs_its_scope(parts: Parts) -> None:
    rude = item("ada", ignore_rules=True)
    async with api_client(parts, Scope.INVITATIONS_WRITE) as usual:
        await assert_problem(await usual.post("/v1/invitations", json=rude), 403, "forbidden")
        made = await post(usual, rude, item("bob"))
        assert [one["error"] for one in made["results"]] == ["forbidden", None]
    async with api_client(parts, Scope.INVITATIONS_WRITE, Scope.INVITATIONS_IGNORE_RULES) as allowed:
        made = await post(allowed, *[rude] * 3)
        assert [one["status"] for one in made["results"]] == ["created"] * 3
        # They count for all that keep the rules.
        (refused,) = (await post(allowed, item("ada")))["results"]
        assert refused["error"] == "not_allowed"


async def test_ignoring_the_rules_skips_neither_consent_nor_the_quiet_hours(parts: Parts, store: Store) -> None:
    night = parts.clock.now().replace(hour=23, minute=0) + timedelta(days=1)
    parts.clock.shift += night - parts.clock.now()
    said_no = {"id": "c-bob", "email": "bob@example.com", "consent": {"email": False}}
    async with api_client(parts) as api:
        rude = [item("ada", ignore_rules=True), item("bob", ignore_rules=True, customer=said_no)]
        made = await post(api, *rude)
        assert [one["error"] for one in made["results"]] == [None, "invalid"]
        invitation = await store.invitations.get(made["results"][0]["id"])
        assert invitation is not None
        assert (invitation.send_at.hour, invitation.send_at - night < timedelta(hours=10)) == (8, True)


@pytest.mark.parametrize(
    ("invitations", "pointer"),
    [
        ([], "/invitations"),
        ([{}], "/invitations/0/survey"),
        ([item("ada"), item("bob", channels=["fax"])], "/invitations/1/channels/0"),
        ([item("ada", idempotency_key="")], "/invitations/0/idempotency_key"),
        ([item("ada", idempotency_key="x" * 101)], "/invitations/0/idempotency_key"),
        ([item("ada", trigger="after-delivery")], "/invitations/0/trigger"),
        ([item("ada", ignore_rules=1)], "/invitations/0/ignore_rules"),
        ([item(f"n{number}") for number in range(1_001)], "/invitations"),
    ],
)
async def test_a_body_in_the_wrong_form_is_refused_whole(
    api: ApiClient, invitations: list[dict[str, Any]], pointer: str
) -> None:
    answer = await api.post(PATH, json={"invitations": invitations})
    assert pointer in pointers(await assert_problem(answer, 422, "invalid"))
    assert (await (await api.get("/v1/invitations")).json())["data"] == []


async def test_all_invitations_of_a_trigger_are_taken_back_at_once(api: ApiClient, store: Store) -> None:
    states = (InvitationState.WAITING, InvitationState.SENT, InvitationState.STARTED, InvitationState.FINISHED)
    rows = [make_invitation(f"ord-{number}", state=state) for number, state in enumerate(states)]
    other = make_invitation("ord-9", trigger="another")
    await store.invitations.insert([*rows, other])
    answer = await api.post("/v1/invitations/cancel", json={"trigger": "after-delivery"})
    assert (answer.status, await answer.json()) == (200, {"cancelled": 2})
    found = await store.invitations.get_many([row.id for row in (*rows, other)])
    assert [found[row.id].state for row in rows] == [
        InvitationState.CANCELLED,
        InvitationState.CANCELLED,
        InvitationState.STARTED,
        InvitationState.FINISHED,
    ]
    assert found[other.id].state is InvitationState.WAITING
    again = await api.post("/v1/invitations/cancel", json={"trigger": "after-delivery"})
    assert await again.json() == {"cancelled": 0}


async def test_however_many_a_trigger_has_asked_they_are_taken_back_and_a_fault_costs_only_what_is_left(
    api: ApiClient, store: Store, mongodb_uri: str, database_name: str
) -> None:
    rows = [make_invitation(f"ord-{number}") for number in range(1_300)]
    held = [Hold(invitation=row.id, at=row.send_at, trigger=row.trigger, text=row.survey) for row in rows]
    documents = {
        "invitations": [row.to_document() for row in rows],
        "deliveries": [make_delivery(row).to_document() for row in rows],
        "contacts": [Contact(id=f"cus_{hold.invitation}", holds=(hold,)).to_document() for hold in held],
    }
    for name, some in documents.items():
        await store.database[name].insert_many(some)
    # What a server says that a transaction took too long for; two batches had gone through.
    too_long = failing(mongodb_uri, f"{database_name}.invitations", ["update"], {"skip": 2}, errorCode=290)
    async with too_long:
        answer = await api.post("/v1/invitations/cancel", json={"trigger": "after-delivery"})
        await assert_problem(answer, 503, "unavailable")
    answer = await api.post("/v1/invitations/cancel", json={"trigger": "after-delivery"})
    assert (answer.status, await answer.json()) == (200, {"cancelled": 300})
    for name in ("invitations", "deliveries"):
        ended = {"state": "cancelled", "reason": "cancelled", "due_at": None}
        assert await store.database[name].count_documents(ended) == len(rows)
    assert await store.database["contacts"].count_documents({"holds.0": {"$exists": True}}) == 0


async def test_cancelling_needs_a_trigger_and_the_scope_to_invite(parts: Parts, api: ApiClient) -> None:
    body = await assert_problem(await api.post("/v1/invitations/cancel", json={}), 422, "invalid")
    assert pointers(body) == {"/trigger"}
    async with api_client(parts, Scope.INVITATIONS_READ) as reader:
        answer = await reader.post("/v1/invitations/cancel", json={"trigger": "after-delivery"})
        await assert_problem(answer, 403, "forbidden")
