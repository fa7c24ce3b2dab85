"""`/v1/suppressions`: who must not be written to comes in, what stands goes out; look-ups go by body, never by URL."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import Any

from pydantic import BaseModel, Field

from survey_service.api.customer_refs import find_customer
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.pagination import ChangesQuery, ListOf, page_reply, page_request
from survey_service.api.reading import read_body
from survey_service.api.shapes.rows import SuppressionRow
from survey_service.api.shapes.suppression import SubjectIn, SuppressionIn, subject_of_address
from survey_service.api.suppression_import import LineResult, LineStatus, import_suppressions
from survey_service.errors import InvalidInput, NotFound
from survey_service.models.api_key import Scope
from survey_service.models.customer import Customer
from survey_service.models.decision import Reason
from survey_service.models.suppression import (
    EVERY_BRAND,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from survey_service.store.group_commit import Inserted
from survey_service.store.suppressions import address_hashes, address_suppression, person_hashes, person_suppression
from survey_service.store.withdrawal import withdraw_waiting

CSV = "text/csv"


class SuppressionsQuery(ChangesQuery):
    """Filters; all that are given must hold."""

    reason: SuppressionReason | None = None
    scope: SuppressionScope | None = None
    brand: str | None = Field(default=None, max_length=200)


class ImportQuery(BaseModel):
    """Where the imported suppressions hold."""

    brand: str = Field(default=EVERY_BRAND, min_length=1, max_length=200, description="A brand's id, or `*` for all")


class SuppressionsImported(BaseModel):
    """Counts, and one result for each line that is not blank, in order."""

    added: int
    present: int
    refused: int
    results: list[LineResult]


@endpoint(
    "GET", "/v1/suppressions", tag="suppressions", scope=Scope.SUPPRESSIONS_READ, answers={200: ListOf[SuppressionRow]}
)
async def list_suppressions(call: Call, query: SuppressionsQuery) -> Reply:
    """List suppressions, newest first."""
    page = await call.parts.store.suppressions.page(query.filters(), page_request(query))
    return page_reply(call, page, SuppressionRow.show)


@endpoint(
    "POST",
    "/v1/suppressions",
    tag="suppressions",
    scope=Scope.SUPPRESSIONS_WRITE,
    answers={201: SuppressionRow, 200: SuppressionRow},
)
async def create_suppression(call: Call, body: SuppressionIn) -> Reply:
    """Silence an address or a person; what waits for a person is cancelled."""
    store = call.parts.store
    if body.brand != EVERY_BRAND and await store.configuration.brands.get(body.brand) is None:
        raise InvalidInput.at("/brand", "unknown", "there is no such brand")
    person = await _person(call, body.customer) if body.customer else None
    row = _suppression(call, body, person)
    (inserted,) = await store.suppressions.insert([row])
    if person is not None:
        # After the insert: what is planned from now on is stopped by the row itself.
        whose: dict[str, Any] = {"customer": person.id}
        if body.brand != EVERY_BRAND:
            whose["brand"] = body.brand
        await withdraw_waiting(store.database, whose, Reason.SUPPRESSED)
    standing = await store.suppressions.get(row.id) or row
    headers = {"Location": f"/v1/suppressions/{row.id}"}
    return Reply(SuppressionRow.of(standing), 201 if inserted is Inserted.NEW else 200, headers)


@endpoint(
    "POST",
    "/v1/suppressions/import",
    tag="suppressions",
    scope=Scope.SUPPRESSIONS_WRITE,
    answers={200: SuppressionsImported},
    accepts={CSV: "UTF-8, at most 1 MiB; the first line names the columns: address or customer, then reason, note"},
)
async def post_suppressions_csv(call: Call, query: ImportQuery) -> Reply:
    """Import suppressions from CSV; a line that cannot be taken is named and harms no other."""
    body = await read_body(call.request, (CSV,))
    parts = call.parts
    batches = import_suppressions(BytesIO(body), query.brand, parts.store, parts.keyring)
    results = [result async for batch in batches for result in batch]
    counts = Counter(result.status for result in results)
    return Reply(SuppressionsImported(**{status.value: counts[status] for status in LineStatus}, results=results))


@endpoint(
    "POST",
    "/v1/suppressions/search",
    tag="suppressions",
    scope=Scope.SUPPRESSIONS_READ,
    answers={200: ListOf[SuppressionRow]},
)
async def search_suppressions(call: Call, body: SubjectIn) -> Reply:
    """Find what stands against an address or a person, under any brand."""
    keyring = call.parts.keyring
    if body.customer is not None:
        person = await find_customer(call.parts.store.customers, body.customer)
        hashes = person_hashes(keyring, person.id) if person else []
    else:
        hashes = address_hashes(keyring, subject_of_address(body.address or ""))
    standing = await call.parts.store.suppressions.standing(hashes)
    rows = sorted(standing.values(), key=lambda row: (row.created_at, row.id), reverse=True)
    return Reply({"data": [SuppressionRow.show(row) for row in rows], "next": None})


@endpoint(
    "GET",
    "/v1/suppressions/{id}",
    tag="suppressions",
    scope=Scope.SUPPRESSIONS_READ,
    answers={200: SuppressionRow},
)
async def get_suppression(call: Call) -> SuppressionRow:
    """Read one suppression."""
    row = await call.parts.store.suppressions.get(call.path("id"))
    if row is None:
        raise _unknown()
    return SuppressionRow.of(row)


@endpoint("DELETE", "/v1/suppressions/{id}", tag="suppressions", scope=Scope.SUPPRESSIONS_WRITE, answers={204: None})
async def delete_suppression(call: Call) -> Reply:
    """Lift a suppression; what was cancelled by it stays cancelled."""
    if not await call.parts.store.suppressions.delete(call.path("id")):
        raise _unknown()
    return Reply(None, status=204)


def _unknown() -> NotFound:
    return NotFound("there is no such suppression")


async def _person(call: Call, ref: str) -> Customer:
    person = await find_customer(call.parts.store.customers, ref)
    if person is None:
        raise InvalidInput.at("/customer", "unknown", "there is no such customer; suppress the address instead")
    return person


def _suppression(call: Call, body: SuppressionIn, person: Customer | None) -> Suppression:
    keyring, now = call.parts.keyring, call.parts.clock.now()
    if person is not None:
        return person_suppression(keyring, person.id, body.brand, body.reason, now, body.note)
    return address_suppression(keyring, subject_of_address(body.address or ""), body.brand, body.reason, now, body.note)


ENDPOINTS = (
    list_suppressions,
    create_suppression,
    post_suppressions_csv,
    search_suppressions,
    get_suppression,
    delete_suppression,
)
