"""What became of events, invitations, answers, rewards and cases: a time and dimensions come in; sums go out, grouped.

These figures are joins over rows that many writers change, so they are read when asked for, within a bound. A row
yields the label of its period, its dimensions as they are stored, and numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.case import ACTIVE_STATES
from survey_service.models.decision import Outcome
from survey_service.models.delivery import ASKS
from survey_service.models.incentive import RewardState
from survey_service.models.invitation import InvitationState
from survey_service.models.rollup import LISTED
from survey_service.models.suppression import SuppressionReason, SuppressionScope
from survey_service.store.database import Database
from survey_service.store.histograms import MOST_ANSWERS, Wanted, label_expression, too_many_answers

MOST_JOINED = 50_000  # rows that are looked up elsewhere, one by one
_ANSWERED = [InvitationState.STARTED, InvitationState.FINISHED]
_DELIVERED, _FAILED = "delivered", "failed"  # of a provider's words
_OPT_OUTS = [SuppressionReason.UNSUBSCRIBED, SuppressionReason.STOP]

Dimensions = Mapping[str, str]  # by name, the field that holds it

OF_EVENTS: Dimensions = {"touchpoint": "$touchpoint"}
OF_DECISIONS: Dimensions = {**OF_EVENTS, "trigger": "$decisions.trigger"}
OF_INVITATIONS: Dimensions = {
    name: f"${name}" for name in ("survey", "brand", "trigger", "variant", "touchpoint", "language")
} | {"channel": "$channels"}  # the first of them is the channel
OF_RESPONSES: Dimensions = {
    name: f"${name}"
    for name in (
        "survey",
        "brand",
        "trigger",
        "variant",
        "touchpoint",
        "region",
        "journey_stage",
        "channel",
        "language",
    )
}
OF_REWARDS: Dimensions = {name: f"${name}" for name in ("survey", "brand", "touchpoint")}
OF_CASES: Dimensions = {name: f"${name}" for name in ("survey", "brand", "touchpoint", "channel", "language")}


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows that share a label and dimensions (by name, as stored), and the numbers of all of them."""

    label: datetime | None
    dimensions: Mapping[str, Any]
    numbers: Mapping[str, Any]


async def sum_invitations(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """Invitations that were made in the time, and how far each came by now.

    Numbers: `invited`, `sent`, `delivered`, `bounced`, `started`, `finished`. Delivered is what the provider called so
    or what was answered, bounced what came back on every try and was not answered.
    """
    match = _in_time("created_at", wanted)
    await _check(database, "invitations", match, MOST_JOINED)
    answered = {"$in": ["$state", _ANSWERED]}
    arrived = {"$or": [answered, "$was_delivered"]}
    numbers = {
        "invited": 1,
        "sent": _one_if({"$or": [arrived, {"$ne": [{"$ifNull": ["$sent_at", None]}, None]}]}),
        "delivered": _one_if(arrived),
        "bounced": _one_if({"$and": ["$was_refused", {"$not": [arrived]}]}),
        "started": _one_if(answered),
        "finished": _one_if({"$eq": ["$state", InvitationState.FINISHED]}),
    }
    stages = [{"$match": match}, *await _with_what_providers_said(database, match)]
    async for sums in _sums(database, "invitations", stages, "$created_at", wanted, OF_INVITATIONS, numbers):
        yield sums


async def _with_what_providers_said(database: Database, match: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Stages that add `was_delivered` and `was_refused` to invitations.

    Both collections are read once and grouped together: a `$lookup` for each invitation takes five times as long.
    """
    last = await database["invitations"].find_one(match, {"expires_at": 1}, sort=[("expires_at", -1)])
    messages = {
        "created_at": {"$gte": match["created_at"]["$gte"], "$lte": last["expires_at"] if last else None},
        "kind": {"$in": sorted(ASKS)},
        "provider_status": {"$in": [_DELIVERED, _FAILED]},
    }
    said = {
        "_id": "$invitation",
        "was_delivered": {"$eq": ["$provider_status", _DELIVERED]},
        "was_refused": {"$eq": ["$provider_status", _FAILED]},
    }
    both = {"was_delivered": {"$max": "$was_delivered"}, "was_refused": {"$max": "$was_refused"}}
    needed = ("state", "sent_at", "created_at", "dimensions", *(path[1:] for path in OF_INVITATIONS.values()))
    return [
        {"$project": {"invitation": {name: f"${name}" for name in needed}}},
        {"$unionWith": {"coll": "deliveries", "pipeline": [{"$match": messages}, {"$project": said}]}},
        {"$group": {"_id": "$_id", "invitation": {"$max": "$invitation"}, **both}},
        {"$match": {"invitation": {"$ne": None}}},
        {"$replaceWith": {"$mergeObjects": ["$invitation", {name: f"${name}" for name in both}]}},
    ]


async def sum_events(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """Events that were decided in the time (`events`); by trigger those that it said something about."""
    stages: list[Mapping[str, Any]] = [{"$match": _in_time("decided_at", wanted)}]
    by_trigger = "trigger" in wanted.dimensions
    if by_trigger:
        stages.append({"$unwind": "$decisions"})
    dimensions = OF_DECISIONS if by_trigger else OF_EVENTS
    async for sums in _sums(database, "events", stages, "$decided_at", wanted, dimensions, {"events": 1}):
        yield sums


async def sum_refusals(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """Decisions of the time by which nobody was invited: `skipped`, by the dimension `reason`."""
    stages: list[Mapping[str, Any]] = [
        {"$match": _in_time("decided_at", wanted)},
        {"$unwind": {"path": "$decisions", "preserveNullAndEmptyArrays": True}},
        {"$match": {"decisions.outcome": {"$in": [Outcome.SKIPPED, None]}}},
        {"$set": {"reason": {"$ifNull": ["$decisions.reason", "$reason"]}}},
    ]
    dimensions = {**OF_DECISIONS, "reason": "$reason"}
    async for sums in _sums(database, "events", stages, "$decided_at", wanted, dimensions, {"skipped": 1}, ("reason",)):
        yield sums


async def sum_opt_outs(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """People who opted out in the time, by their own word: `opted_out`."""
    match = {
        **_in_time("created_at", wanted),
        "scope": SuppressionScope.PERSON,
        "reason": {"$in": _OPT_OUTS},
    }
    stages = [{"$match": match}]
    async for sums in _sums(
        database, "suppressions", stages, "$created_at", wanted, {"brand": "$brand"}, {"opted_out": 1}
    ):
        yield sums


async def times_to_answer(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """One row a response of the time that followed a message: `seconds` from the first message to the first answer."""
    match = {**_in_time("started_at", wanted), "invitation": {"$ne": None}, "suspect": None}
    await _check(database, "responses", match, MOST_JOINED)
    sent = [{"$match": {"sent_at": {"$ne": None}}}, {"$project": {"_id": 0, "at": "$sent_at"}}]
    of = {"from": "invitations", "localField": "invitation", "foreignField": "_id", "pipeline": sent}
    stages: list[Mapping[str, Any]] = [{"$match": match}, {"$lookup": {**of, "as": "sent"}}, {"$unwind": "$sent"}]
    seconds = {"$divide": [{"$max": [0, {"$subtract": ["$started_at", "$sent.at"]}]}, 1000]}
    async for sums in _rows(database, "responses", stages, "$started_at", wanted, OF_RESPONSES, {"seconds": seconds}):
        yield sums


async def sum_rewards(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """Rewards that were granted in the time: `rewards` and `cost`, by the dimension `currency`."""
    stages = [{"$match": {**_in_time("granted_at", wanted), "state": RewardState.GRANTED}}]
    dimensions = {**OF_REWARDS, "currency": "$currency"}
    numbers = {"rewards": 1, "cost": "$value"}
    async for sums in _sums(database, "rewards", stages, "$granted_at", wanted, dimensions, numbers, ("currency",)):
        yield sums


async def cases_opened(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """One row a case that was opened in the time: `active`, `overdue`, `seconds` until it was closed, or None."""
    match = _in_time("opened_at", wanted)
    await _check(database, "cases", match, MOST_ANSWERS)
    active = {"$in": ["$state", list(ACTIVE_STATES)]}
    closed = {"$and": [{"$not": [active]}, {"$gt": ["$closed_at", None]}]}
    numbers = {
        "cases": {"$literal": 1},
        "active": active,
        "overdue": {"$and": [active, {"$eq": ["$overdue", True]}]},
        "seconds": {"$cond": [closed, {"$divide": [{"$subtract": ["$closed_at", "$opened_at"]}, 1000]}, None]},
    }
    async for sums in _rows(database, "cases", [{"$match": match}], "$opened_at", wanted, OF_CASES, numbers):
        yield sums


async def sum_returns(
    database: Database, wanted: Wanted, event_types: Collection[str], within: timedelta
) -> AsyncIterator[Sums]:
    """Answers of the time by known customers: `answers`, and `returned` of them.

    Returned is who had an event of these types after the answer, within so long. The dimensions `metric`, `scale`,
    `score` and `outcome` (the state of its case, None without one) come beside those that are wanted.
    """
    match = {**_in_time("started_at", wanted), "customer": {"$ne": None}, "score": {"$ne": None}, "suspect": None}
    await _check(database, "responses", match, MOST_JOINED)
    later = {"$gt": ["$time", "$$at"]}
    soon = {"$lte": ["$time", {"$add": ["$$at", round(within.total_seconds() * 1000)]}]}
    events = [
        {"$match": {"type": {"$in": list(event_types)}, "$expr": {"$and": [later, soon]}}},
        {"$limit": 1},
        {"$project": {"_id": 1}},
    ]
    cases = [
        {"$match": {"$expr": {"$eq": ["$response", "$$response"]}}},
        {"$sort": {"opened_at": 1}},
        {"$limit": 1},
        {"$project": {"_id": 0, "state": 1}},
    ]
    own = {"localField": "customer", "foreignField": "customer"}
    stages = [
        {"$match": match},
        {"$lookup": {"from": "events", **own, "let": {"at": "$started_at"}, "pipeline": events, "as": "events"}},
        {"$lookup": {"from": "cases", **own, "let": {"response": "$_id"}, "pipeline": cases, "as": "cases"}},
        {"$set": {"outcome": {"$first": "$cases.state"}}},
    ]
    more = ("metric", "scale", "score", "outcome")
    dimensions = {**OF_RESPONSES, **{name: f"${name}" for name in more}}
    numbers = {"answers": 1, "returned": {"$size": "$events"}}
    async for sums in _sums(database, "responses", stages, "$started_at", wanted, dimensions, numbers, more):
        yield sums


def _in_time(field: str, wanted: Wanted) -> dict[str, Any]:
    return {field: {"$gte": wanted.start, "$lt": wanted.end}}


def _one_if(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {"$cond": [condition, 1, 0]}


async def _check(database: Database, collection: str, match: Mapping[str, Any], most: int) -> None:
    if await database[collection].count_documents(match, limit=most + 1) > most:
        raise too_many_answers(most)


async def _sums(
    database: Database,
    collection: str,
    stages: Sequence[Mapping[str, Any]],
    instant: str,
    wanted: Wanted,
    of: Dimensions,
    numbers: Mapping[str, Any],
    more: Sequence[str] = (),
) -> AsyncIterator[Sums]:
    names, key = _key(instant, wanted, of, more)
    group = {"$group": {"_id": key, **{name: {"$sum": value} for name, value in numbers.items()}}}
    async for document in database[collection].aggregate([*stages, group], batchSize=5_000):
        yield _read(document["_id"], names, {name: document[name] for name in numbers})


async def _rows(
    database: Database,
    collection: str,
    stages: Sequence[Mapping[str, Any]],
    instant: str,
    wanted: Wanted,
    of: Dimensions,
    numbers: Mapping[str, Any],
) -> AsyncIterator[Sums]:
    names, key = _key(instant, wanted, of, ())
    shown = {"$project": {"_id": 0, "key": key, **numbers}}
    async for document in database[collection].aggregate([*stages, shown], batchSize=5_000):
        yield _read(document["key"], names, {name: document[name] for name in numbers})


def _key(instant: str, wanted: Wanted, of: Dimensions, more: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The dimensions of a row, and the expression of its key: names with a dot cannot stand in it."""
    named = {name for name in {*wanted.by, *wanted.only, *more} if name in of or name.startswith(LISTED)}
    names = sorted(named)
    fields = {f"d{place}": of.get(name, f"${name}") for place, name in enumerate(names)}
    return names, {"label": label_expression(instant, wanted), **fields}


def _read(key: Mapping[str, Any], names: Sequence[str], numbers: Mapping[str, Any]) -> Sums:
    values = {name: key.get(f"d{place}") for place, name in enumerate(names)}
    if isinstance(channels := values.get("channel"), list):
        values["channel"] = channels[0] if channels else None
    return Sums(key["label"], values, numbers)
