"""The `allowances` collection: how many rewards one person, address or network has had within a period.

An allowance names who used it, so that whoever asks again is not counted again. One update takes or gives back, on one
document and outside transactions: many at once never get more than the allowance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from survey_service.store.database import Database


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `most` uses within any `period`, under one name."""

    name: str
    most: int
    period: timedelta


class Allowances:
    """Allowances by name; each is forgotten once its last use is (a TTL index)."""

    def __init__(self, database: Database) -> None:
        self._collection = database["allowances"]

    async def take(self, allowance: Allowance, by: str, now: datetime) -> bool:
        """Use the allowance once for `by`; True as well if it was used for `by` before."""
        recent: dict[str, Any] = {
            "$filter": {"input": {"$ifNull": ["$uses", []]}, "cond": {"$gt": ["$$this.at", now - allowance.period]}}
        }
        use = {"by": by, "at": now}
        is_known = {"$in": [by, "$uses.by"]}
        is_free = {"$lt": [{"$size": "$uses"}, allowance.most]}
        taken = {"$and": [is_free, {"$not": [is_known]}]}
        document = await self._collection.find_one_and_update(
            {"_id": allowance.name},
            [
                {"$set": {"uses": recent, "forget_at": now + allowance.period}},
                {"$set": {"uses": {"$cond": [taken, {"$concatArrays": ["$uses", [{"$literal": use}]]}, "$uses"]}}},
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return any(one["by"] == by for one in document["uses"])

    async def give_back(self, names: list[str], by: str) -> None:
        """What `by` asked for came to nothing; done twice, it is done once."""
        await self._collection.update_many({"_id": {"$in": names}}, {"$pull": {"uses": {"by": by}}})
