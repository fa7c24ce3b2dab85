"""Counters that all processes share: a trigger's invitations of an hour, a channel's sends of a second."""

from __future__ import annotations

from datetime import datetime, timedelta

from pymongo import ReturnDocument

from survey_service.store.database import Database

HOUR = timedelta(hours=1)


class Counters:
    """Counters by name; each is forgotten some time after its end (a TTL index)."""

    def __init__(self, database: Database) -> None:
        self._collection = database["counters"]

    async def take(self, name: str, wanted: int, cap: int, forget_at: datetime) -> int:
        """Take up to `wanted` of what is left under `cap`; returns how many were there to take. One atomic update."""
        taken = {"$ifNull": ["$taken", 0]}
        after = {"$max": [taken, {"$min": [cap, {"$add": [taken, wanted]}]}]}  # a lowered cap forgets nothing
        before = await self._collection.find_one_and_update(
            {"_id": name},
            [{"$set": {"taken": after, "forget_at": forget_at}}],
            upsert=True,
            return_document=ReturnDocument.BEFORE,
        )
        used = int(before["taken"]) if before else 0
        return max(0, min(wanted, cap - used))

    async def take_all(self, name: str, wanted: int, cap: int, forget_at: datetime) -> bool:
        """Take `wanted` if so much is left under `cap`, else nothing. One atomic update."""
        taken = {"$ifNull": ["$taken", 0]}
        enough = {"$lte": [{"$add": [taken, wanted]}, cap]}
        after = {"$cond": [enough, {"$add": [taken, wanted]}, taken]}
        before = await self._collection.find_one_and_update(
            {"_id": name},
            [{"$set": {"taken": after, "forget_at": forget_at}}],
            upsert=True,
            return_document=ReturnDocument.BEFORE,
        )
        used = int(before["taken"]) if before else 0
        return used + wanted <= cap

    async def is_taken(self, name: str) -> bool:
        """Whether anything was taken, and is not forgotten."""
        return await self._collection.find_one({"_id": name, "taken": {"$gt": 0}}, {"_id": 1}) is not None

    async def give_back(self, name: str, amount: int) -> None:
        """Return what was taken for something that did not happen."""
        await self._collection.update_one({"_id": name}, {"$inc": {"taken": -amount}})


def hour_of(instant: datetime) -> datetime:
    """The start of the UTC hour."""
    return instant.replace(minute=0, second=0, microsecond=0)


def of_hour(name: str, now: datetime) -> tuple[str, datetime]:
    """The name of a counter that starts anew with each UTC hour, however often it is asked, and when to forget it."""
    hour = hour_of(now)
    return f"{name}:{hour:%Y-%m-%dT%H}", hour + 2 * HOUR
