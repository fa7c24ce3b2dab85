"""The `retentions` collection: one row for each collection that forgets by itself, with how far it came."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from survey_service.models.retention import Retention
from survey_service.store.claims import EPOCH, Claims, fence
from survey_service.store.database import Database


class Retentions:
    """How far each collection has forgotten."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["retentions"]
        self._clock = database.clock
        self.claims = Claims(self._collection, Retention, database.clock, lease)

    async def watch(self, collections: Iterable[str]) -> None:
        """Let these be looked after, from now on and from the beginning; those that are already go on."""
        for name in collections:
            row = Retention(id=name, until=EPOCH, due_at=self._clock.now())
            first = {field: value for field, value in row.to_document().items() if field != "_id"}
            await self._collection.update_one({"_id": row.id}, {"$setOnInsert": first}, upsert=True)

    async def go_on(self, row: Retention, until: datetime, after: timedelta) -> None:
        """A claimed row came as far as `until`, and is looked at again `after`."""
        change = {"until": until, "due_at": self._clock.now() + after, "lease": None, "deaths": 0}
        await self._collection.update_one(fence(row), {"$set": change, "$currentDate": {"updated_at": True}})
