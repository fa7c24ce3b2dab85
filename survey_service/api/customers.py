"""`/v1/customers`: who is looked for comes in; what is known of them, and what happened, goes out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, Field

from survey_service.api.customer_refs import find_customer
from survey_service.api.endpoint import Call, Reply, dump_json, endpoint
from survey_service.api.exports import stream_file
from survey_service.api.pagination import ListOf, list_reply
from survey_service.api.shapes.incentives import RewardRow
from survey_service.api.shapes.known_customer import (
    CustomerNoteIn,
    CustomerNoteRow,
    CustomerRow,
    MomentRow,
    Timeline,
    WhoIn,
)
from survey_service.api.shapes.rows import SuppressionRow
from survey_service.api.shapes.stored_rows import show_case, show_delivery, show_event, show_invitation
from survey_service.errors import NotFound
from survey_service.models.api_key import Scope
from survey_service.models.customer import Customer, CustomerNote
from survey_service.models.ids import random_id
from survey_service.models.incentive import Reward
from survey_service.reporting.rows import stored_response_row
from survey_service.store.paging import Cursor
from survey_service.store.streams import Reading, stream_batches
from survey_service.store.suppressions import address_hashes, person_hashes
from survey_service.store.timeline import PLACES, Moment, read_timeline, rows_of
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email, normalise_phone

Document = Mapping[str, Any]


def _show_reward(document: Document) -> dict[str, Any]:
    return RewardRow.show(Reward.from_document(dict(document)))


def _as_it_is(document: Document) -> dict[str, Any]:
    return dict(document)


SHOWN: Mapping[str, Callable[[Document], dict[str, Any]]] = {
    "event": show_event,
    "invitation": show_invitation,
    "delivery": show_delivery,
    "response": stored_response_row,
    "case": show_case,
    "reward": _show_reward,
    "note": _as_it_is,
}
# What a person may have of a row besides what its list shows: their own addresses and words, and what we wrote.
_TOO: Mapping[str, tuple[str, ...]] = {
    "delivery": ("to", "subject", "text"),
    "invitation": ("data",),
    "case": ("notes", "history"),
}


class TimelineQuery(BaseModel):
    """How much of it."""

    limit: int = Field(default=50, ge=1, le=200, description="Moments a page")
    cursor: str | None = Field(default=None, max_length=500, description="Where the page before ended; from `next`")


@endpoint(
    "POST", "/v1/customers/search", tag="customers", scope=Scope.CUSTOMERS_READ, answers={200: ListOf[CustomerRow]}
)
async def search_customers(call: Call, body: WhoIn) -> Reply:
    """Look a customer up by id, email or phone; none, or the one whose it is."""
    customers = call.parts.store.customers
    if body.id is not None:
        found = await find_customer(customers, body.id)
    else:
        key = _key_of(body)
        found = (await customers.find_by_keys([key])).get(key) if key else None
    return Reply({"data": [CustomerRow.of(found).model_dump()] if found else [], "next": None})


@endpoint("GET", "/v1/customers/{id}", tag="customers", scope=Scope.CUSTOMERS_READ, answers={200: Timeline})
async def get_customer(call: Call, query: TimelineQuery) -> Reply:
    """Read what is known of a customer, and what happened, newest first: for whoever is about to call."""
    customer = await _find(call)
    after = Cursor.decode(query.cursor) if query.cursor else None
    moments, following = await read_timeline(call.parts.store.database, customer, query.limit, after)
    reply = list_reply(call, [_moment(moment) for moment in moments], following.encode() if following else None)
    known = {"customer": CustomerRow.of(customer).model_dump(), "suppressions": await _suppressions(call, customer)}
    return Reply({**known, **dict(reply.data or {})}, headers=reply.headers)


@endpoint("GET", "/v1/customers/{id}/export", tag="customers", scope=Scope.CUSTOMERS_READ, answers={200: None})
async def export_customer(call: Call) -> web.StreamResponse:
    """Export all that is stored about a customer as one JSON object, to be handed over to them."""
    customer = await _find(call)
    return await stream_file(call, "customer.json", "application/json", _copy(call, customer))


@endpoint(
    "GET",
    "/v1/customers/{id}/notes",
    tag="customers",
    scope=Scope.CUSTOMERS_READ,
    answers={200: ListOf[CustomerNoteRow]},
)
async def list_customer_notes(call: Call) -> Reply:
    """List the notes on a customer, newest first; the newest fifty are kept."""
    notes = sorted((await _find(call)).notes, key=lambda note: note.at, reverse=True)
    return Reply({"data": [CustomerNoteRow.show(note) for note in notes], "next": None})


@endpoint(
    "POST", "/v1/customers/{id}/notes", tag="customers", scope=Scope.CUSTOMERS_WRITE, answers={201: CustomerNoteRow}
)
async def create_customer_note(call: Call, body: CustomerNoteIn) -> Reply:
    """Write down what a customer wishes or needs."""
    customer = await _find(call)
    source = f"{call.caller}#{random_id('nte')}"
    note = CustomerNote(at=call.parts.clock.now(), text=body.text, source=source, kind=body.kind)
    await call.parts.store.customers.add_note(customer.id, note)
    return Reply(CustomerNoteRow.of(note), status=201)


@endpoint(
    "DELETE", "/v1/customers/{id}/notes/{note}", tag="customers", scope=Scope.CUSTOMERS_WRITE, answers={204: None}
)
async def delete_customer_note(call: Call) -> Reply:
    """Take a note on a customer away."""
    customer = await _find(call)
    source = next((note.source for note in customer.notes if note.id == call.path("note")), None)
    if source is None or not await call.parts.store.customers.delete_note(customer.id, source):
        raise NotFound("there is no such note")
    return Reply(None, status=204)


def _key_of(body: WhoIn) -> str | None:
    """The key that the address would be known by; None for one that cannot be written to."""
    try:
        if body.email is not None:
            return f"email:{email_key(normalise_email(body.email))}"
        return f"phone:{normalise_phone(body.phone or '')}"
    except AddressInvalid:
        return None


async def _find(call: Call) -> Customer:
    customer = await find_customer(call.parts.store.customers, call.path("id"))
    if customer is None:
        raise NotFound("there is no such customer")
    return customer


async def _suppressions(call: Call, customer: Customer) -> list[dict[str, Any]]:
    """What stands against writing to the person, or to an address of theirs."""
    keyring, profile = call.parts.keyring, customer.profile
    hashes = person_hashes(keyring, customer.id)
    for address in filter(None, (profile.email, profile.phone)):
        hashes += address_hashes(keyring, address)
    standing = await call.parts.store.suppressions.standing(hashes)
    return [SuppressionRow.show(row) for row in sorted(standing.values(), key=lambda row: row.id)]


def _moment(moment: Moment) -> dict[str, Any]:
    shown = SHOWN[moment.kind](moment.row)
    return MomentRow(at=moment.at, kind=moment.kind, id=moment.id, row=shown).model_dump()


async def _copy(call: Call, customer: Customer) -> AsyncGenerator[bytes, None]:
    """One JSON object, written as it is read."""
    database = call.parts.store.database
    contact = (await call.parts.store.contacts.get_many([customer.id]))[customer.id]
    own = {
        "customer": CustomerRow.of(customer).model_dump(),
        "consent": [{"channel": name, **word.model_dump()} for name, word in customer.consent_log.items()],
        "wishes": {"frequency": contact.frequency, "channel": contact.channel},
        "notes": [CustomerNoteRow.show(note) for note in customer.notes],
        "suppressions": await _suppressions(call, customer),
    }
    yield dump_json(own)[:-1]
    readings = {kind: Reading(*place, rows_of(kind, customer)) for kind, place in PLACES.items()}
    phones = [key.removeprefix("phone:") for key in customer.keys if key.startswith("phone:")]
    readings["text"] = Reading("inbound_texts", "received_at", {"sender": {"$in": phones}})
    readings["mail"] = Reading("mails", "received_at", {"customer": customer.id})
    for kind, reading in readings.items():
        yield f',"{reading.collection}":['.encode()
        separator = b""
        async with aclosing(stream_batches(database, reading)) as batches:
            async for batch in batches:
                for document in batch:
                    yield separator + _dump(_whole(kind, document))
                    separator = b","
        yield b"]"
    yield b"}"


def _whole(kind: str, document: Document) -> dict[str, Any]:
    if kind not in SHOWN:
        return {name: document.get(name) for name in ("received_at", "subject", "text")}
    return {**SHOWN[kind](document), **{name: document.get(name) for name in _TOO.get(kind, ())}}


def _dump(row: Mapping[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)


ENDPOINTS = (
    search_customers,
    get_customer,
    export_customer,
    list_customer_notes,
    create_customer_note,
    delete_customer_note,
)
