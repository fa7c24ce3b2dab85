"""The `incentive_states` collection: what each incentive has given so far, in one document that all processes share.

It is a hot one: every change is a single update outside transactions, which never gives more than there is. The last
takers are named in it, so that one who asks again, as after a crash, is not counted again; whoever comes back when many
others have taken meanwhile costs one place that nobody gets, and never a second reward.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pymongo import ReturnDocument

from survey_service.models.incentive import Incentive, IncentiveKind, IncentiveState, RewardReason, mills_of
from survey_service.models.outbox import NewsType, recurring_news
from survey_service.store.database import Database
from survey_service.store.outbox import Outboxes

REMEMBERED = 500  # takers; more than are under way at once
_DAYS_KEPT = timedelta(days=3)  # the dates of all zones at one moment, and a late give-back


class IncentiveStates:
    """States by the incentive's id; one that has none has given nothing."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["incentive_states"]
        self._clock = database.clock
        self.outbox = Outboxes(self._collection, IncentiveState, database.clock, lease)

    async def get_many(self, ids: Collection[str]) -> dict[str, IncentiveState]:
        """States by id."""
        found = self._collection.find({"_id": {"$in": list(ids)}}, {"takers": 0, "days": 0})
        return {document["_id"]: IncentiveState.from_document(document) async for document in found}

    async def take(self, incentive: Incentive, reward: str, day: date) -> RewardReason | None:
        """Take a place for this reward on that day (of the brand's zone); else which cap stands against it.

        The update that takes the pool below `low_at` also writes the news of it.
        """
        document = await self._collection.find_one_and_update(
            {"_id": incentive.id},
            [
                {"$set": _verdict(incentive, reward, day)},
                {"$set": _counted(incentive, reward, day)},
                *self._warning(incentive, {"$ne": ["$low", True]}),
                {"$set": {"updated_at": "$$NOW"}},
            ],
            projection={"said": 1},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return RewardReason(document["said"]) if document["said"] else None

    async def give_back(self, incentive: str, reward: str, value: float, day: date) -> None:
        """Nothing came of the place that this reward took; done twice, it is done once."""
        await self._collection.update_one(
            {"_id": incentive, "takers": reward},
            {
                "$pull": {"takers": reward},
                "$inc": {"granted": -1, "mills": -mills_of(value), f"days.{day.isoformat()}": -1},
                "$currentDate": {"updated_at": True},
            },
        )

    async def set_left(self, incentive: Incentive, left: int) -> None:
        """So many codes were counted in the pool; warn if that is few, unless it was warned since the last filling."""
        few = left < incentive.low_at
        was_low = {"$eq": ["$low", True]}
        await self._collection.update_one(
            {"_id": incentive.id},
            [
                {"$set": {"left": left, "low": {"$and": [few, was_low]}, "updated_at": "$$NOW"}},
                *self._warning(incentive, {"$ne": ["$low", True]}),
            ],
            upsert=True,
        )

    def _warning(self, incentive: Incentive, unless: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The step that warns, once, where fewer codes are left than `low_at`."""
        if incentive.kind is not IncentiveKind.UNIQUE_CODE:
            return ()
        now = self._clock.now()
        news = recurring_news(incentive.id, NewsType.INCENTIVE_LOW, now)
        is_few = {"$and": [{"$isNumber": "$left"}, {"$lt": ["$left", incentive.low_at]}]}
        warn = {"$and": [is_few, unless]}
        entries = {"$ifNull": ["$outbox.entries", []]}
        told = {"$concatArrays": [entries, [{"$literal": news.model_dump()}]]}
        return (
            {
                "$set": {
                    "low": {"$or": [{"$eq": ["$low", True]}, is_few]},
                    "outbox": {
                        "$cond": [warn, {"$mergeObjects": ["$outbox", {"entries": told, "due_at": now}]}, "$outbox"]
                    },
                }
            },
        )


def is_used_up(incentive: Incentive, state: IncentiveState | None) -> bool:
    """Whether nothing is left to promise, as far as can be known; a day's cap may be free again tomorrow. Pure."""
    given = state or IncentiveState(id=incentive.id)
    if incentive.total is not None and given.granted >= incentive.total:
        return True
    if incentive.budget is not None and given.mills + mills_of(incentive.value) > mills_of(incentive.budget):
        return True
    return incentive.kind is IncentiveKind.UNIQUE_CODE and (given.left or 0) <= 0


def _verdict(incentive: Incentive, reward: str, day: date) -> dict[str, Any]:
    """The fields that say what stands against a place, and whether it is one that was not taken before."""
    given: dict[str, Any] = {"$ifNull": ["$granted", 0]}
    today = {"$ifNull": [f"$days.{day.isoformat()}", 0]}
    is_known = {"$in": [reward, {"$ifNull": ["$takers", []]}]}
    branches: list[dict[str, Any]] = [{"case": is_known, "then": None}]
    if incentive.total is not None:
        branches.append({"case": {"$gte": [given, incentive.total]}, "then": RewardReason.TOTAL.value})
    if incentive.budget is not None:
        spent = {"$add": [{"$ifNull": ["$mills", 0]}, mills_of(incentive.value)]}
        branches.append({"case": {"$gt": [spent, mills_of(incentive.budget)]}, "then": RewardReason.BUDGET.value})
    if incentive.per_day is not None:
        branches.append({"case": {"$gte": [today, incentive.per_day]}, "then": RewardReason.PER_DAY.value})
    return {"said": {"$switch": {"branches": branches, "default": None}}, "is_new": {"$not": [is_known]}}


def _counted(incentive: Incentive, reward: str, day: date) -> dict[str, Any]:
    """The fields after the place was taken, if it was."""
    taken = {"$and": ["$is_new", {"$eq": ["$said", None]}]}
    one = {"$cond": [taken, 1, 0]}
    name = day.isoformat()
    kept = {
        "$filter": {
            "input": {"$objectToArray": {"$ifNull": ["$days", {}]}},
            "cond": {"$gte": ["$$this.k", (day - _DAYS_KEPT).isoformat()]},
        }
    }
    today = {"$add": [{"$ifNull": [f"$days.{name}", 0]}, one]}
    takers: dict[str, Any] = {"$ifNull": ["$takers", []]}
    newest = {"$slice": [{"$concatArrays": [takers, [reward]]}, -REMEMBERED]}
    fields: dict[str, Any] = {
        "granted": {"$add": [{"$ifNull": ["$granted", 0]}, one]},
        "mills": {"$add": [{"$ifNull": ["$mills", 0]}, {"$cond": [taken, mills_of(incentive.value), 0]}]},
        "days": {"$mergeObjects": [{"$arrayToObject": kept}, {name: today}]},
        "takers": {"$cond": [taken, newest, takers]},
    }
    if incentive.kind is IncentiveKind.UNIQUE_CODE:
        fields["left"] = {"$cond": [{"$isNumber": "$left"}, {"$subtract": ["$left", one]}, "$$REMOVE"]}
    return fields
