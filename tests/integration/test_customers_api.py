"""Customers: looked up by body, read as a timeline, copied whole, noted about; each by its own scope."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from survey_service.models.api_key import Scope
from survey_service.models.customer import Customer, CustomerNote
from survey_service.models.event import EventState
from survey_service.models.inbound import InboundText
from survey_service.models.suppression import SuppressionReason
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.store.suppressions import person_suppression
from tests.support.factories import (
    NOON,
    OUR_CUSTOMER,
    make_customer,
    make_delivery,
    make_event,
    make_invitation,
    make_response,
)
from tests.support.service import ApiClient, api_client

Row = dict[str, Any]
KEYS = ("id:c-42", "email:ada@example.com", "phone:+4915123456789")


@pytest.fixture
async def ada(store: Store) -> Customer:
    """Somebody to whom a little happened, all of it in the order of its kind, a minute apart."""
    notes = (CustomerNote(at=NOON + timedelta(minutes=9), text="leave it next door", source="sms:SM1"),)
    customer = make_customer(keys=KEYS, notes=notes)
    await store.customers.insert([customer])
    decided = {"state": EventState.DECIDED, "customer": OUR_CUSTOMER}
    imported = make_event("old", time=NOON - timedelta(days=30), reason="imported", keys=("id:c-42",))
    others = make_event("not-hers", reason="imported", keys=("id:c-43", "email:ada@example.com"))
    events = [make_event("ord-1", **decided), imported, others]
    await store.events.insert([event.to_document() for event in events])
    invitation = make_invitation(created_at=NOON + timedelta(minutes=1))
    await store.invitations.insert([invitation])
    await store.deliveries.insert([make_delivery(invitation, created_at=NOON + timedelta(minutes=1))])
    await store.responses.save(make_response(started_at=NOON + timedelta(minutes=3)))
    await store.responses.save(make_response("ord-2", customer="cus_somebody_else", customer_ref="c-43"))
    return customer


async def read(api: ApiClient, path: str, **query: str) -> Row:
    answer = await api.get(path, params=query)
    body = await answer.json(loads=orjson.loads)
    assert answer.status == 200, body
    return dict(body)


async def test_the_timeline_tells_what_happened_newest_first(ada: Customer, api: ApiClient) -> None:
    for name in ("c-42", ada.id):
        shown = await read(api, f"/v1/customers/{name}")
        kinds = [moment["kind"] for moment in shown["data"]]
        assert kinds == ["note", "response", "invitation", "delivery", "event", "event"]
        assert (shown["customer"]["customer"], shown["customer"]["phone"]) == ("c-42", "+4915123456789")
        rows = {moment["kind"]: moment["row"] for moment in shown["data"]}
        assert rows["delivery"]["to"] == "a•••@example.com"
        assert (rows["response"]["score"], rows["note"]["text"]) == (9, "leave it next door")
        assert shown["next"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_pages_of_the_timeline_are_the_whole_of_it_whatever_shares_an_instant(
    limit: int, ada: Customer, api: ApiClient
) -> None:
    whole = (await read(api, "/v1/customers/c-42", limit="200"))["data"]
    found: list[Row] = []
    address = f"/v1/customers/c-42?limit={limit}"
    while address:
        page = await read(api, address)
        assert len(page["data"]) <= limit
        found += page["data"]
        address = page["next"].partition("//service.test")[2] if page["next"] else ""
    assert found == whole


async def test_the_timeline_says_what_stands_against_writing(
    ada: Customer, api: ApiClient, store: Store, parts: Parts
) -> None:
    row = person_suppression(parts.keyring, ada.id, "acme", SuppressionReason.STOP, NOON)
    await store.suppressions.insert([row])
    shown = await read(api, "/v1/customers/c-42")
    assert [each["reason"] for each in shown["suppressions"]] == ["stop"]


@pytest.mark.parametrize(
    ("who", "found"),
    [
        ({"id": "c-42"}, True),
        ({"id": OUR_CUSTOMER}, True),
        ({"email": "ADA@Example.com"}, True),
        ({"phone": "+4915123456789"}, True),
        ({"id": "c-43"}, False),
        ({"email": "bob@example.com"}, False),
        ({"phone": "+4915123456780"}, False),
    ],
)
async def test_a_customer_is_looked_up_by_body(who: dict[str, str], found: bool, ada: Customer, api: ApiClient) -> None:
    answer = await api.post("/v1/customers/search", json=who)
    assert answer.status == 200
    assert [row["id"] for row in (await answer.json())["data"]] == ([ada.id] if found else [])


@pytest.mark.parametrize("who", [{}, {"id": "a", "email": "a@example.com"}, {"name": "Ada"}, {"email": "nobody"}])
async def test_a_look_up_names_one_thing(who: dict[str, str], api: ApiClient) -> None:
    assert (await api.post("/v1/customers/search", json=who)).status == 422


async def test_a_portable_copy_holds_all_that_is_stored(ada: Customer, api: ApiClient, store: Store) -> None:
    text = {"sender": "+4915123456789", "recipient": "+1", "text": "leave it next door", "received_at": NOON}
    await store.inbound.insert(InboundText(id="SM1", **text))
    copy = await read(api, "/v1/customers/c-42/export")
    assert copy["customer"]["email"] == "ada@example.com"
    assert {name: len(rows) for name, rows in copy.items() if isinstance(rows, list)} == {
        "consent": 0,
        "notes": 1,
        "suppressions": 0,
        "events": 2,
        "invitations": 1,
        "deliveries": 1,
        "responses": 1,
        "cases": 0,
        "rewards": 0,
        "inbound_texts": 1,
        "mails": 0,
    }


async def test_notes_are_written_listed_and_taken_away(ada: Customer, api: ApiClient) -> None:
    written = await api.post("/v1/customers/c-42/notes", json={"text": " speaks Dutch ", "kind": "need"})
    assert written.status == 201
    note = await written.json()
    assert (note["text"], note["kind"], note["source"].partition("#")[0]) == ("speaks Dutch", "need", "api:test")
    listed = (await read(api, "/v1/customers/c-42/notes"))["data"]
    assert [row["text"] for row in listed] == ["speaks Dutch", "leave it next door"]
    for row in listed:
        assert (await api.delete(f"/v1/customers/c-42/notes/{row['id']}")).status == 204
        assert (await api.delete(f"/v1/customers/c-42/notes/{row['id']}")).status == 404
    assert (await read(api, "/v1/customers/c-42/notes"))["data"] == []


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 2_001}, {"text": "x", "kind": "secret"}])
async def test_a_note_that_is_none_is_refused(body: dict[str, str], ada: Customer, api: ApiClient) -> None:
    assert (await api.post("/v1/customers/c-42/notes", json=body)).status == 422


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/customers/c-42", Scope.CUSTOMERS_READ),
        ("GET", "/v1/customers/c-42/export", Scope.CUSTOMERS_READ),
        ("GET", "/v1/customers/c-42/notes", Scope.CUSTOMERS_READ),
        ("DELETE", "/v1/customers/c-42/notes/nte_1", Scope.CUSTOMERS_WRITE),
        ("DELETE", "/v1/customers/c-42", Scope.CUSTOMERS_ERASE),
        ("GET", "/v1/erasures", Scope.CUSTOMERS_ERASE),
    ],
)
async def test_each_right_is_a_scope_of_its_own(method: str, path: str, scope: Scope, parts: Parts) -> None:
    others = tuple(each for each in Scope if each is not scope)
    async with api_client(parts, *others) as without, api_client(parts, scope) as with_it:
        assert (await without.request(method, path)).status == 403
        assert (await with_it.request(method, path)).status in {200, 404}


@pytest.mark.parametrize("path", ["", "/export", "/notes"])
async def test_a_stranger_is_not_found(path: str, api: ApiClient) -> None:
    assert (await api.get(f"/v1/customers/nobody{path}")).status == 404


@pytest.mark.parametrize("cursor", ["x", "AAAAAAAAAAA"])
async def test_a_cursor_of_another_list_is_refused(cursor: str, ada: Customer, api: ApiClient) -> None:
    assert (await api.get("/v1/customers/c-42", params={"cursor": cursor})).status == 422
