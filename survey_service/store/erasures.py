"""The `erasures` collection: who asked to be forgotten, until they are; then only that somebody was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from survey_service.models.erasure import Erasure, ErasureState, Traces
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.paging import Page, PageRequest, read_page


class Erasures:
    """Erasures by id; at most one is under way for the same person, address or answer."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["erasures"]
        self._clock = database.clock
        self.claims = Claims(self._collection, Erasure, database.clock, lease)

    async def begin(self, erasure: Erasure) -> Erasure:
        """Store a new one, or find the one that is under way for the same."""
        try:
            await self._collection.insert_one({**erasure.to_document(), "updated_at": self._clock.now()})
        except DuplicateKeyError:
            under_way = await self._collection.find_one({"customer": erasure.customer, "about": erasure.about})
            return Erasure.from_document(under_way) if under_way else await self.begin(erasure)
        return erasure

    async def get(self, erasure: str) -> Erasure | None:
        """One erasure."""
        document = await self._collection.find_one({"_id": erasure})
        return Erasure.from_document(document) if document else None

    async def note_silenced(self, row: Erasure, traces: Traces) -> bool:
        """Nothing more is sent to the person of a claimed erasure; False: the claim is lost."""
        change = {"$set": {"state": ErasureState.SILENCED, "traces": traces.model_dump()}}
        return await self._write(row, change)

    async def put_off(self, row: Erasure, period: timedelta) -> bool:
        """Look at a claimed erasure again later; False: the claim is lost."""
        return await self._write(row, {"$set": {"lease": None, "due_at": self._clock.now() + period, "deaths": 0}})

    async def finish(self, row: Erasure) -> bool:
        """Nothing is left, here neither; False: the claim is lost."""
        done = {"state": ErasureState.DONE, "customer": None, "about": None, "traces": Traces().model_dump()}
        return await self._write(row, {"$set": {**done, "lease": None, "due_at": None, "done_at": self._clock.now()}})

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Erasure]:
        """A list page, newest first."""
        return await read_page(self._collection, Erasure, filters, request, self._clock.now(), newest_by="requested_at")

    async def _write(self, row: Erasure, change: Mapping[str, Mapping[str, object]]) -> bool:
        stamped = {**change, "$currentDate": {"updated_at": True}}
        return (await self._collection.update_one(fence(row), stamped)).matched_count == 1
