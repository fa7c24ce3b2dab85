"""The `codes` collection: the pools of unique codes. One atomic write takes a code, and no code is taken twice.

A document's id is a hash of pool and code: it makes the second copy of a code a duplicate, and it is the place in a
random order. Each take starts at a place of its own, so that those who come at once do not all want the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pymongo.errors import DuplicateKeyError

from survey_service.models.ids import hashed_id, random_id
from survey_service.store.database import Database
from survey_service.store.group_commit import GroupInsert, Inserted

_PREFIX = "cod"


class Codes:
    """Codes by pool, which is an incentive's id; `free` stands on a document until the code is taken."""

    def __init__(self, database: Database) -> None:
        self._collection = database["codes"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)

    async def add(self, pool: str, codes: Sequence[str]) -> list[Inserted]:
        """Fill the pool; `DUPLICATE` where it has the code already, used or not. One outcome a code, in order."""
        now = self._clock.now()
        return await self._insert.insert(
            [
                {"_id": hashed_id(_PREFIX, pool, code), "pool": pool, "code": code, "free": True, "added_at": now}
                for code in codes
            ]
        )

    async def take(self, pool: str, reward: str) -> str | None:
        """A code for this reward, the same one on every try; None: the pool is empty.

        Index scans of O(log n), whatever the size of the pool.
        """
        own = await self.of_reward(pool, reward)
        if own is not None:
            return own
        start = random_id(_PREFIX)
        try:
            return await self._take(pool, reward, {"$gte": start}) or await self._take(pool, reward, {"$lt": start})
        except DuplicateKeyError:
            # The same claim, made twice at once: `one_code_a_reward` gave it to the other one.
            return await self.of_reward(pool, reward)

    async def _take(self, pool: str, reward: str, where: dict[str, str]) -> str | None:
        document = await self._collection.find_one_and_update(
            {"pool": pool, "free": True, "_id": where},
            {"$set": {"reward": reward, "taken_at": self._clock.now()}, "$unset": {"free": ""}},
            projection={"code": 1},
            sort=[("_id", 1)],
        )
        return str(document["code"]) if document else None

    async def of_reward(self, pool: str, reward: str) -> str | None:
        """The code that this reward took, if it did."""
        document = await self._collection.find_one({"pool": pool, "reward": reward}, {"code": 1})
        return str(document["code"]) if document else None

    async def is_empty(self, pool: str) -> bool:
        """Whether no code is left."""
        return await self._collection.find_one({"pool": pool, "free": True}, {"_id": 1}) is None

    async def count(self, pool: str) -> tuple[int, int]:
        """How many codes are left, and how many were taken; reads an index entry a code."""
        left, taken = await asyncio.gather(
            self.count_left(pool),
            self._collection.count_documents({"pool": pool, "reward": {"$gt": ""}}, hint="one_code_a_reward"),
        )
        return left, taken

    async def count_left(self, pool: str) -> int:
        """How many codes are left."""
        query: dict[str, Any] = {"pool": pool, "free": True}
        return await self._collection.count_documents(query, hint="free")

    async def delete_unused(self, pool: str) -> int:
        """Empty the pool; what was taken stays. Returns how many there were."""
        return (await self._collection.delete_many({"pool": pool, "free": True})).deleted_count
