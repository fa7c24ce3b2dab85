"""A customer comes in; what happened between us and them goes out in pages, newest first.

A reader who is bound to touchpoints is given what happened there alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from survey_service.errors import InvalidInput
from survey_service.models.customer import Customer
from survey_service.store.database import Database
from survey_service.store.events import events_of
from survey_service.store.paging import Cursor

NOTE = "note"
# What a moment is, where its rows are, and which of their instants says when it was.
PLACES: Mapping[str, tuple[str, str]] = {
    "event": ("events", "time"),
    "invitation": ("invitations", "created_at"),
    "delivery": ("deliveries", "created_at"),
    "response": ("responses", "started_at"),
    "case": ("cases", "opened_at"),
    "reward": ("rewards", "created_at"),
}
KINDS = (*PLACES, NOTE)


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened; `row` is the stored document."""

    at: datetime
    kind: str
    id: str
    row: Mapping[str, Any]

    @property
    def place(self) -> tuple[datetime, str, str]:
        """Where it stands among all moments."""
        return self.at, self.kind, self.id


def rows_of(kind: str, customer: Customer) -> dict[str, Any]:
    """The filter of a customer's rows of one kind."""
    return events_of(customer.id, customer.keys) if kind == "event" else {"customer": customer.id}


async def read_timeline(
    database: Database,
    customer: Customer,
    limit: int,
    after: Cursor | None,
    *,
    touchpoints: frozenset[str] | None = None,
    kinds: Collection[str] = KINDS,
) -> tuple[list[Moment], Cursor | None]:
    """Up to `limit` moments before `after`, and where the next page begins (None: there is none).

    Raises:
        InvalidInput: the cursor is none of a timeline.
    """
    last = _place_of(after) if after else None
    rows = [kind for kind in PLACES if kind in kinds]
    found = await asyncio.gather(*(_moments(database, kind, customer, limit + 1, last, touchpoints) for kind in rows))
    notes = _notes(customer, touchpoints) if NOTE in kinds else []
    moments = [moment for own in found for moment in own]
    moments += [moment for moment in notes if last is None or moment.place < last]
    page = sorted(moments, key=lambda moment: moment.place, reverse=True)[: limit + 1]
    if len(page) <= limit:
        return page, None
    end = page[limit - 1]
    return page[:limit], Cursor(end.at, f"{end.kind}:{end.id}")


async def was_at(database: Database, customer: Customer, touchpoints: frozenset[str]) -> bool:
    """Whether anything happened between us and the customer at one of these touchpoints."""
    found = await asyncio.gather(*(_moments(database, kind, customer, 1, None, touchpoints) for kind in PLACES))
    return any(found)


def _place_of(cursor: Cursor) -> tuple[datetime, str, str]:
    kind, _, name = cursor.id.partition(":")
    if kind not in KINDS:
        raise InvalidInput.at("/cursor", "cursor", "is not a cursor of this service")
    return cursor.at, kind, name


async def _moments(
    database: Database,
    kind: str,
    customer: Customer,
    limit: int,
    last: tuple[datetime, str, str] | None,
    touchpoints: frozenset[str] | None,
) -> list[Moment]:
    collection, at = PLACES[kind]
    clauses = [rows_of(kind, customer)]
    if touchpoints is not None:
        clauses.append({"touchpoint": {"$in": sorted(touchpoints)}})
    if last is not None:
        clauses.append(_before(at, kind, last))
    found = database[collection].find({"$and": clauses}).sort([(at, -1), ("_id", -1)]).limit(limit)
    return [Moment(row[at], kind, row["_id"], row) async for row in found]


def _before(field: str, kind: str, last: tuple[datetime, str, str]) -> dict[str, Any]:
    """The rows of one kind that stand before a moment; of those at the same instant, kind and id decide."""
    at, last_kind, name = last
    if kind != last_kind:
        return {field: {"$lt" if kind > last_kind else "$lte": at}}
    return {"$or": [{field: {"$lt": at}}, {field: at, "_id": {"$lt": name}}]}


def _notes(customer: Customer, touchpoints: frozenset[str] | None) -> list[Moment]:
    seen = (note for note in customer.notes if note.is_for(touchpoints))
    return [Moment(note.at, NOTE, note.id, note.model_dump()) for note in seen]
