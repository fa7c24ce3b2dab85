"""Who came back: answers of a time and kinds of events come in; sums by score and by what became of the case go out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import timedelta
from typing import Any

from survey_service.models.decision import Reason
from survey_service.store.database import Database
from survey_service.store.histograms import Wanted
from survey_service.store.journeys import OF_RESPONSES, Sums, check_joined, matching, sums_of

# Of an imported event: one of its keys is the person's, and so is its id, if it has one.
_NAMES_PERSON = [
    {"$ne": [{"$setIntersection": ["$keys", "$$keys"]}, []]},
    {
        "$setIsSubset": [
            {"$filter": {"input": "$keys", "cond": {"$eq": [{"$substrCP": ["$$this", 0, 3]}, "id:"]}}},
            "$$keys",
        ]
    },
]

_ONE: list[Mapping[str, Any]] = [{"$limit": 1}, {"$project": {"_id": 1}}]
_OWN = {"localField": "customer", "foreignField": "customer"}
_PEOPLE = {"from": "customers", "localField": "customer", "foreignField": "_id"}
_BY_KEYS = {"from": "events", "localField": "keys", "foreignField": "keys"}


async def sum_returns(
    database: Database, wanted: Wanted, event_types: Collection[str], within: timedelta
) -> AsyncIterator[Sums]:
    """Answers of the time by known customers: `answers`, and `returned` of them.

    Returned is who had an event of these types after the answer, within so long; whose an event is says `events_of`.
    The dimensions `metric`, `scale`, `score` and `outcome` (the state of its case, None without one) come beside those
    that are wanted.
    """
    of_answers = matching("started_at", wanted, OF_RESPONSES)
    match = {**of_answers, "customer": {"$ne": None}, "score": {"$ne": None}, "suspect": None}
    await check_joined(database, "responses", match)
    later = {"$gt": ["$time", "$$at"]}
    soon = {"$lte": ["$time", {"$add": ["$$at", round(within.total_seconds() * 1000)]}]}
    of_types = {"type": {"$in": list(event_types)}}
    events = [{"$match": {**of_types, "$expr": {"$and": [later, soon]}}}, *_ONE]
    cases = [
        {"$match": {"$expr": {"$eq": ["$response", "$$response"]}}},
        {"$sort": {"opened_at": 1}},
        {"$limit": 1},
        {"$project": {"_id": 0, "state": 1}},
    ]
    stages: list[Mapping[str, Any]] = [
        {"$match": match},
        {"$lookup": {"from": "events", **_OWN, "let": {"at": "$started_at"}, "pipeline": events, "as": "events"}},
        {"$lookup": {"from": "cases", **_OWN, "let": {"response": "$_id"}, "pipeline": cases, "as": "cases"}},
        {"$set": {"outcome": {"$first": "$cases.state"}}},
    ]
    returned: dict[str, Any] = {"$size": "$events"}
    # To look for imported events as well takes as long again as all the rest.
    if await database["events"].find_one({"reason": Reason.IMPORTED, "keys": {"$gt": ""}}, {"_id": 1}) is not None:
        theirs = {"reason": Reason.IMPORTED, **of_types, "$expr": {"$and": [later, soon, *_NAMES_PERSON]}}
        named = {"at": "$started_at", "keys": "$keys"}
        stages += [
            {"$lookup": {**_PEOPLE, "pipeline": [{"$project": {"_id": 0, "keys": 1}}], "as": "people"}},
            {"$set": {"keys": {"$ifNull": [{"$first": "$people.keys"}, []]}}},
            {"$lookup": {**_BY_KEYS, "let": named, "pipeline": [{"$match": theirs}, *_ONE], "as": "imported"}},
        ]
        returned = {"$max": [returned, {"$size": "$imported"}]}
    more = ("metric", "scale", "score", "outcome")
    dimensions = {**OF_RESPONSES, **{name: f"${name}" for name in more}}
    numbers = {"answers": 1, "returned": returned}
    async for sums in sums_of(database, "responses", stages, "$started_at", wanted, dimensions, numbers, more):
        yield sums
