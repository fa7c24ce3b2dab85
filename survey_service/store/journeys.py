"""What became of events, invitations, answers, rewards and cases: a time and dimensions come in; sums go out, grouped.

These figures are joins over rows that many writers change, so they are read when asked for, within a bound. A row
yields the label of its period, its dimensions as they are stored, and numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from survey_service.models.case import ACTIVE_STATES
from survey_service.models.decision import Outcome
from survey_service.models.delivery import ASKS
from survey_service.models.incentive import RewardState
from survey_service.models.invitation import InvitationState
from survey_service.models.rollup import LISTED, LONGEST, stored_values
from survey_service.models.suppression import SuppressionReason, SuppressionScope
from survey_service.store.claims import EPOCH
from survey_service.store.database import Database
from survey_service.store.histograms import MOST_ANSWERS, Wanted, label_expression, too_many_answers

MOST_JOINED = 50_000  # rows that are looked up elsewhere, one by one
MOST_COUNTED = 1_000_000  # events and rewards, which are only added up
_ANSWERED = [InvitationState.STARTED, InvitationState.FINISHED]
_ACTIVE = list(ACTIVE_STATES)
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
# Rows of what followed an answer keep what they were told of it; region and stage are those of the touchpoint.
OF_REWARDS: Dimensions = {
    name: f"${name}" for name in ("survey", "brand", "trigger", "variant", "touchpoint", "channel", "language")
}
OF_CASES = OF_REWARDS

_FIRST_OF = {"channels": "channels.0"}


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
    match = matching("created_at", wanted, OF_INVITATIONS)
    await check_joined(database, "invitations", match)
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
    narrowed = len(match) > 1
    stages = [{"$match": match}, *await _with_what_providers_said(database, match, narrowed=narrowed)]
    async for sums in sums_of(database, "invitations", stages, "$created_at", wanted, OF_INVITATIONS, numbers):
        yield sums


async def _with_what_providers_said(
    database: Database, match: Mapping[str, Any], *, narrowed: bool
) -> list[Mapping[str, Any]]:
    """Stages that add `was_delivered` and `was_refused` to invitations.

    Both collections are read once and grouped together: a `$lookup` for each invitation takes five times as long.
    Where more than the time narrows them, there are far more messages in it than theirs, so that theirs are named.
    """
    invitations = database["invitations"]
    if narrowed:
        which: dict[str, Any] = {
            "invitation": {"$in": [row["_id"] async for row in invitations.find(match, {"_id": 1})]}
        }
    else:
        last = await invitations.find_one(match, {"expires_at": 1}, sort=[("expires_at", -1)])
        until = last["expires_at"] if last else None
        which = {"created_at": {"$gte": match["created_at"]["$gte"], "$lte": until}}
    messages = {
        **which,
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
    by_trigger = "trigger" in wanted.dimensions
    dimensions = OF_DECISIONS if by_trigger else OF_EVENTS
    match = matching("decided_at", wanted, dimensions)
    await _check(database, "events", match, MOST_COUNTED)
    stages: list[Mapping[str, Any]] = [{"$match": match}]
    if by_trigger:
        stages.append({"$unwind": "$decisions"})
    async for sums in sums_of(database, "events", stages, "$decided_at", wanted, dimensions, {"events": 1}):
        yield sums


async def sum_refusals(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """Decisions of the time by which nobody was invited: `skipped`, by the dimension `reason`."""
    match = matching("decided_at", wanted, OF_DECISIONS)
    await _check(database, "events", match, MOST_COUNTED)
    stages: list[Mapping[str, Any]] = [
        {"$match": match},
        {"$unwind": {"path": "$decisions", "preserveNullAndEmptyArrays": True}},
        {"$match": {"decisions.outcome": {"$in": [Outcome.SKIPPED, None]}}},
        {"$set": {"reason": {"$ifNull": ["$decisions.reason", "$reason"]}}},
    ]
    dimensions = {**OF_DECISIONS, "reason": "$reason"}
    async for sums in sums_of(
        database, "events", stages, "$decided_at", wanted, dimensions, {"skipped": 1}, ("reason",)
    ):
        yield sums


async def sum_opt_outs(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """People who opted out in the time, by their own word: `opted_out`."""
    dimensions = {"brand": "$brand"}
    match = {
        **matching("created_at", wanted, dimensions),
        "scope": SuppressionScope.PERSON,
        "reason": {"$in": _OPT_OUTS},
    }
    stages = [{"$match": match}]
    async for sums in sums_of(database, "suppressions", stages, "$created_at", wanted, dimensions, {"opted_out": 1}):
        yield sums


async def times_to_answer(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """One row a response of the time that followed a message: `seconds` from the first message to the first answer."""
    match = {**matching("started_at", wanted, OF_RESPONSES), "invitation": {"$ne": None}, "suspect": None}
    await check_joined(database, "responses", match)
    sent = [{"$match": {"sent_at": {"$ne": None}}}, {"$project": {"_id": 0, "at": "$sent_at"}}]
    of = {"from": "invitations", "localField": "invitation", "foreignField": "_id", "pipeline": sent}
    stages: list[Mapping[str, Any]] = [{"$match": match}, {"$lookup": {**of, "as": "sent"}}, {"$unwind": "$sent"}]
    seconds = {"$divide": [{"$max": [0, {"$subtract": ["$started_at", "$sent.at"]}]}, 1000]}
    async for sums in _rows(database, "responses", stages, "$started_at", wanted, OF_RESPONSES, {"seconds": seconds}):
        yield sums


async def sum_rewards(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """Rewards that were granted in the time: `rewards` and `cost`, by the dimension `currency`."""
    match = {**matching("granted_at", wanted, OF_REWARDS), "state": RewardState.GRANTED}
    await _check(database, "rewards", match, MOST_COUNTED)
    stages = [{"$match": match}]
    dimensions = {**OF_REWARDS, "currency": "$currency"}
    numbers = {"rewards": 1, "cost": "$value"}
    async for sums in sums_of(database, "rewards", stages, "$granted_at", wanted, dimensions, numbers, ("currency",)):
        yield sums


async def cases_opened(database: Database, wanted: Wanted) -> AsyncIterator[Sums]:
    """One row a case that was opened in the time: `seconds` until it was closed, or None."""
    match = matching("opened_at", wanted, OF_CASES)
    await _check(database, "cases", match, MOST_ANSWERS)
    closed = {"$and": [{"$not": [{"$in": ["$state", _ACTIVE]}]}, {"$gt": ["$closed_at", None]}]}
    numbers = {
        "opened": {"$literal": 1},
        "seconds": {"$cond": [closed, {"$divide": [{"$subtract": ["$closed_at", "$opened_at"]}, 1000]}, None]},
    }
    async for sums in _rows(database, "cases", [{"$match": match}], "$opened_at", wanted, OF_CASES, numbers):
        yield sums


async def changes_of_open_cases(database: Database, wanted: Wanted, now: datetime) -> AsyncIterator[Sums]:
    """By how much the number of cases that somebody still takes care of changed: `active`, `overdue`; begins with all.

    Whatever was open before the time comes in its first period. A case is open until it was last resolved or closed,
    and overdue from its last due time on.
    """
    of_age = matching("opened_at", replace(wanted, start=EPOCH), OF_CASES)
    match = {**of_age, "$or": [{"state": {"$in": _ACTIVE}}, {"closed_at": {"$gte": wanted.start}}]}
    await _check(database, "cases", match, MOST_ANSWERS)
    ended = {"$cond": [{"$in": ["$state", _ACTIVE]}, None, "$closed_at"]}
    late = {"$and": [{"$lt": ["$due_by", now]}, {"$or": [{"$eq": ["$ended", None]}, {"$lt": ["$due_by", "$ended"]}]}]}
    was_late = {"$cond": [late, 1, 0]}
    changes = [
        {"at": {"$max": ["$opened_at", wanted.start]}, "active": 1, "overdue": 0},
        {"at": {"$max": ["$due_by", "$opened_at", wanted.start]}, "active": 0, "overdue": was_late},
        {"at": "$ended", "active": -1, "overdue": {"$multiply": [-1, was_late]}},
    ]
    stages: list[Mapping[str, Any]] = [
        {"$match": match},
        {"$set": {"ended": ended}},
        {"$set": {"change": changes}},
        {"$unwind": "$change"},
        {"$match": {"change.at": {"$gte": wanted.start, "$lt": wanted.end}}},
    ]
    numbers = {name: f"$change.{name}" for name in ("active", "overdue")}
    async for sums in sums_of(database, "cases", stages, "$change.at", wanted, OF_CASES, numbers):
        yield sums


def matching(instant: str, wanted: Wanted, of: Dimensions) -> dict[str, Any]:
    """The rows of the time, as few as stored fields can tell apart; what they cannot is filtered once it is read.

    A row that does not list a dimension is in none of its groups.
    """
    match: dict[str, Any] = {instant: {"$gte": wanted.start, "$lt": wanted.end}}
    match |= {name: {"$exists": True} for name in wanted.dimensions if name.startswith(LISTED)}
    for name, values in wanted.only.items():
        if (path := of.get(name, f"${name}" if name.startswith(LISTED) else "")[1:]) and _can_narrow(path, values):
            match[_FIRST_OF.get(path, path)] = {"$in": stored_values(values)}
    return match


def _can_narrow(path: str, values: Collection[str | None]) -> bool:
    """Whether stored values can be compared: not those that were cut, nor the many ways of being none of a list."""
    return all((len(value) < LONGEST if value else "." not in path) for value in values)


def _one_if(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {"$cond": [condition, 1, 0]}


async def check_joined(database: Database, collection: str, match: Mapping[str, Any]) -> None:
    """Raises InvalidInput where more rows match than may be looked up elsewhere."""
    await _check(database, collection, match, MOST_JOINED)


async def _check(database: Database, collection: str, match: Mapping[str, Any], most: int) -> None:
    if await database[collection].count_documents(match, limit=most + 1) > most:
        raise too_many_answers(most)


async def sums_of(
    database: Database,
    collection: str,
    stages: Sequence[Mapping[str, Any]],
    instant: str,
    wanted: Wanted,
    of: Dimensions,
    numbers: Mapping[str, Any],
    more: Sequence[str] = (),
) -> AsyncIterator[Sums]:
    """Rows that leave the stages, added up by the label of an instant, and by the dimensions wanted and `more`."""
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
