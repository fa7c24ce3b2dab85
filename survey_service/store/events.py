"""The `events` collection: what was acknowledged, and what was decided about it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.event import Event, EventState
from survey_service.models.outbox import outbox_change
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.store.outbox import Outboxes
from survey_service.store.paging import ChangeWindow, Page, PageRequest, read_page
from survey_service.store.streams import Reading

_COMPARED_DIGITS = 6


def _in_period(event_type: str, start: datetime, end: datetime) -> dict[str, Any]:
    return {"type": event_type, "time": {"$gte": start, "$lt": end}}


class Events:
    """Events by key."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["events"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)
        self.claims = Claims(self._collection, Event, database.clock, lease)
        self.outbox = Outboxes(self._collection, Event, database.clock, lease)

    async def insert(self, events: Sequence[Mapping[str, Any]]) -> list[Inserted]:
        """Store event documents through the group commit; `DUPLICATE` where the key was there before."""
        return await self._insert.insert(events)

    async def content_hashes(self, keys: Sequence[str]) -> dict[str, str]:
        """The stored content hash of each known key; "" of one that was forgotten: its content is known no more."""
        found = self._collection.find({"_id": {"$in": list(keys)}}, {"content_hash": 1})
        return {document["_id"]: document["content_hash"] async for document in found}

    async def get(self, key: str) -> Event | None:
        """One event."""
        document = await self._collection.find_one({"_id": key})
        return Event.from_document(document) if document else None

    async def record_customers(self, customers: Mapping[str, str]) -> None:
        """Write each event's customer before the decision, so that a cancelling event finds it."""
        await self._update.apply(
            *(FencedUpdate({"_id": key}, {"$set": {"customer": customer}}) for key, customer in customers.items())
        )

    async def finish(self, event: Event) -> bool:
        """Store the decisions of a claimed event, with what its outbox has to tell; False if the claim was lost."""
        decided = event.to_document()
        news = outbox_change(*event.outbox.entries)
        change = {
            **news,
            "$set": {
                **{
                    name: decided[name]
                    for name in (
                        "reason",
                        "customer",
                        "keys",
                        "touchpoint",
                        "touchpoint_known",
                        "decisions",
                        "decided_at",
                    )
                },
                "state": EventState.DECIDED,
                "lease": None,
                "due_at": None,
                **news.get("$set", {}),
            },
        }
        (done,) = await self._update.apply(FencedUpdate(fence(event), change))
        return done

    async def cancelling(self, customers: Sequence[str], types: Sequence[str], since: datetime) -> list[Event]:
        """Events of these customers and types, not older than `since`: what may take an invitation back."""
        query = {"customer": {"$in": list(customers)}, "type": {"$in": list(types)}, "time": {"$gte": since}}
        return [Event.from_document(document) async for document in self._collection.find(query)]

    def in_period(self, event_type: str, start: datetime, end: datetime) -> AsyncIterator[Event]:
        """Events of a type with a time in [start, end), oldest first."""
        found = self._collection.find(_in_period(event_type, start, end)).sort([("time", 1), ("_id", 1)])
        return (Event.from_document(document) async for document in found)

    async def count_in_period(self, event_type: str, start: datetime, end: datetime) -> int:
        """How many `in_period` yields."""
        return await self._collection.count_documents(_in_period(event_type, start, end))

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Event]:
        """A list page, newest received first."""
        return await read_page(self._collection, Event, filters, request, self._clock.now(), newest_by="received_at")

    async def count_decisions(
        self, start: datetime, end: datetime, unit: str, zone: str, filters: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """How many decisions there were by period (`unit` is day or hour in `zone`), trigger, outcome and reason.

        Only events that were decided in [start, end) count; one that no trigger matched counts once.
        """
        pipeline: list[dict[str, Any]] = [
            {"$match": {"decided_at": {"$gte": start, "$lt": end}}},
            {"$unwind": {"path": "$decisions", "preserveNullAndEmptyArrays": True}},
            {
                "$group": {
                    "_id": {
                        "period_start": {"$dateTrunc": {"date": "$decided_at", "unit": unit, "timezone": zone}},
                        "trigger": "$decisions.trigger",
                        "outcome": {"$ifNull": ["$decisions.outcome", "skipped"]},
                        "reason": {"$ifNull": ["$decisions.reason", "$reason"]},
                    },
                    "count": {"$sum": 1},
                }
            },
            {"$replaceRoot": {"newRoot": {"$mergeObjects": ["$_id", {"count": "$count"}]}}},
            {"$match": dict(filters)},
            {"$sort": {"period_start": 1, "trigger": 1, "outcome": 1, "reason": 1}},
        ]
        return [document async for document in self._collection.aggregate(pipeline)]

    async def decisions(
        self, filters: Mapping[str, Any], limit: int, after: tuple[datetime, str, int] | None
    ) -> list[dict[str, Any]]:
        """Rows of (event, decision), newest decided first; `filters` use `outcome`, `reason`, `trigger`, `event_type`.

        An event that no trigger matched is one row without a trigger.
        """
        reading = decisions_reading(filters)
        match = dict(reading.filters)
        if after:
            match["decided_at"] = {"$lte": after[0]}
        pipeline: list[Mapping[str, Any]] = [
            {"$match": match},
            {"$sort": {"decided_at": -1, "_id": -1}},
            *_A_ROW_A_DECISION,
        ]
        if after:
            at, key, number = after
            pipeline.append(
                {
                    "$match": {
                        "$or": [
                            {"decided_at": {"$lt": at}},
                            {"decided_at": at, "event": {"$lt": key}},
                            {"decided_at": at, "event": key, "number": {"$gt": number}},
                        ]
                    }
                }
            )
        pipeline += [*reading.steps[len(_A_ROW_A_DECISION) :], {"$limit": limit}]
        return [document async for document in self._collection.aggregate(pipeline)]


DECISION_SEPARATOR = "#"  # between an event's key and the number of its decision: together they name the row
_A_ROW_A_DECISION: tuple[Mapping[str, Any], ...] = (
    {"$unwind": {"path": "$decisions", "includeArrayIndex": "number", "preserveNullAndEmptyArrays": True}},
    {
        "$project": {
            "_id": {"$concat": ["$_id", DECISION_SEPARATOR, {"$toString": {"$ifNull": ["$number", 0]}}]},
            "event": "$_id",
            "event_type": "$type",
            "event_id": "$event_id",
            "event_source": "$source",
            "decided_at": 1,
            "number": {"$ifNull": ["$number", 0]},
            "customer": 1,
            "trigger": "$decisions.trigger",
            "trigger_version": "$decisions.trigger_version",
            "outcome": {"$ifNull": ["$decisions.outcome", "skipped"]},
            "reason": {"$ifNull": ["$decisions.reason", "$reason"]},
            "detail": "$decisions.detail",
            "invitation": "$decisions.invitation",
            "values": "$decisions.values",
            "next_eligible_at": "$decisions.next_eligible_at",
            "updated_at": 1,
            "erased_at": 1,
        }
    },
)


def decisions_reading(filters: Mapping[str, Any], changed: ChangeWindow | None = None) -> Reading:
    """How rows of (event, decision) are streamed; see `Events.decisions`. They change when their event does."""
    match: dict[str, Any] = {"decided_at": {"$ne": None}}
    if "event_type" in filters:
        match["type"] = filters["event_type"]
    rows = {name: value for name, value in filters.items() if name != "event_type"}
    steps = (*_A_ROW_A_DECISION, *([{"$match": rows}] if rows else []))
    return Reading("events", "decided_at", match, changed, steps=steps)


def events_of(customer: str, keys: Sequence[str]) -> dict[str, Any]:
    """The filter of a person's events: decided ones name our id, others what the person is known by.

    Those are imported ones, and ones that were put aside. Another id in them makes them another person's, who shares
    the address.
    """
    ids = [key for key in keys if key.startswith("id:")]
    shared = [key for key in keys if key not in ids]
    known_by = [{"keys": {"$in": ids}}, {"keys": {"$in": shared, "$not": {"$regex": "^id:"}}}]
    return {"$or": [{"customer": customer}, *known_by]}


def undecided_of(customer: str | None, keys: Sequence[str]) -> dict[str, Any]:
    """The filter of events that nobody decided yet and that name a person, as their senders write it.

    Rather an event too many: of an address the part before the @ is compared, of a number its last digits.
    """
    named: list[dict[str, Any]] = [{"customer": {"$in": [customer] if customer else []}}]
    for key in keys:
        kind, _, value = key.partition(":")
        if kind == "id":
            named.append({"data.customer.id": value})
        elif kind == "email":
            local = re.escape(value.rpartition("@")[0])
            named.append({"data.customer.email": {"$regex": f"^{local}@", "$options": "i"}})
        elif kind == "phone":
            digits = "[^0-9]*".join(value[-_COMPARED_DIGITS:])
            named.append({"data.customer.phone": {"$regex": f"{digits}[^0-9]*$"}})
    return {"state": EventState.PENDING, "$or": named}
