"""The `inbound_texts` collection: what came in by SMS, each message once, in the order of its sender."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from survey_service.models.inbound import InboundResult, InboundState, InboundText
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted


class InboundTexts:
    """Incoming texts by the provider's id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["inbound_texts"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)
        self.claims = Claims(self._collection, InboundText, database.clock, lease)

    async def insert(self, text: InboundText) -> Inserted:
        """Store one; `DUPLICATE` where the provider repeats itself."""
        (outcome,) = await self._insert.insert([{**text.to_document(), "updated_at": self._clock.now()}])
        return outcome

    async def get(self, text: str) -> InboundText | None:
        """One, by id."""
        document = await self._collection.find_one({"_id": text})
        return InboundText.from_document(document) if document else None

    async def is_next(self, row: InboundText) -> bool:
        """Whether nothing that the same sender wrote earlier still waits to be read."""
        earlier = {
            "sender": row.sender,
            "state": InboundState.PENDING,
            "$or": [
                {"received_at": {"$lt": row.received_at}},
                {"received_at": row.received_at, "_id": {"$lt": row.id}},
            ],
        }
        return await self._collection.find_one(earlier, {"_id": 1}) is None

    async def count_misread(self, invitation: str, besides: str) -> int:
        """How many texts under an invitation could not be understood, not counting the text `besides`."""
        misread = {"$in": [InboundResult.CORRECTED, InboundResult.LINKED]}
        return await self._collection.count_documents(
            {"invitation": invitation, "result": misread, "_id": {"$ne": besides}}
        )

    async def decide(self, row: InboundText, result: InboundResult, invitation: str | None) -> bool:
        """Write down what a claimed row is taken for before what follows from it is done; False: the claim is lost.

        Whoever takes the row after a crash goes on under the same invitation.
        """
        return await self._write(row, {"result": result, "invitation": invitation})

    async def finish(self, row: InboundText, result: InboundResult) -> bool:
        """What a claimed row asked for is done; False if the claim was lost."""
        return await self._write(row, {"state": InboundState.HANDLED, "result": result, "lease": None, "due_at": None})

    async def put_off(self, row: InboundText, period: timedelta) -> bool:
        """Look at a claimed row again later; False if the claim was lost."""
        return await self._write(row, {"lease": None, "due_at": self._clock.now() + period})

    async def _write(self, row: InboundText, change: dict[str, Any]) -> bool:
        guard = {**fence(row), "state": InboundState.PENDING}
        (done,) = await self._update.apply(FencedUpdate(guard, {"$set": change}))
        return done
