"""The `digests` collection: what people are told once a day; each thing is in one of them, once."""

from __future__ import annotations

from datetime import timedelta

from pymongo.errors import DuplicateKeyError

from survey_service.models.digest import MAX_ITEMS, Digest, DigestState
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database

_WITH_EVERY_ITEM = ("_id", "state", "items", "updated_at")


class Digests:
    """Digests by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["digests"]
        self.claims = Claims(self._collection, Digest, database.clock, lease)

    async def add(self, digest: Digest) -> bool:
        """Add the only item of `digest` to the stored digest of that id, which is made if it is the first.

        False where that one is closed: the next morning's is to be taken. A full one takes no more.
        """
        (item,) = digest.items
        first = {name: value for name, value in digest.to_document().items() if name not in _WITH_EVERY_ITEM}
        wanted = {
            "_id": digest.id,
            "state": DigestState.OPEN,
            "items.id": {"$ne": item.id},
            f"items.{MAX_ITEMS - 1}": {"$exists": False},
        }
        change = {
            "$push": {"items": item.model_dump()},
            "$setOnInsert": first,
            "$currentDate": {"updated_at": True},
        }
        while True:
            try:
                await self._collection.update_one(wanted, change, upsert=True)
            except DuplicateKeyError:
                # It is in there, or there is no room, or it was closed; or somebody else made the digest just now.
                there = await self.get(digest.id)
                if there is not None and (there.is_full or any(known.id == item.id for known in there.items)):
                    return True
                if there is not None and there.state is not DigestState.OPEN:
                    return False
            else:
                return True

    async def get(self, digest: str) -> Digest | None:
        """One digest."""
        document = await self._collection.find_one({"_id": digest})
        return Digest.from_document(document) if document else None

    async def close(self, row: Digest) -> bool:
        """Let nothing more into a claimed digest; False if something came since it was claimed, or it was lost."""
        guard = {**fence(row), "state": row.state, "items": {"$size": len(row.items)}}
        result = await self._collection.update_one(guard, {"$set": {"state": DigestState.CLOSED}})
        return result.matched_count == 1

    async def finish(self, row: Digest) -> None:
        """What a claimed digest tells was asked for."""
        done = {"state": DigestState.TOLD, "lease": None, "due_at": None}
        await self._collection.update_one(fence(row), {"$set": done, "$currentDate": {"updated_at": True}})
