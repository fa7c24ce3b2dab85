"""Outboxes: documents with something to tell are claimed like any due row; what was told is taken out of them.

The relay's own fields stand below `outbox`, so that they never meet those of the stage that works on the document.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ASCENDING, IndexModel, UpdateOne

from survey_service.clock import Clock
from survey_service.models.outbox import Telling
from survey_service.store.claims import EPOCH, Claim, Claims

RowT = TypeVar("RowT", bound=Telling)

OUTBOX_INDEXES = [
    IndexModel(
        [("outbox.due_at", ASCENDING)], name="outbox_due", partialFilterExpression={"outbox.due_at": {"$gt": EPOCH}}
    ),
    IndexModel(
        [("outbox.lease", ASCENDING)],
        name="outbox_lease",
        partialFilterExpression={"outbox.lease": {"$type": "string"}},
    ),
]


class Outboxes(Generic[RowT]):
    """The outboxes of one collection."""

    def __init__(
        self, collection: AsyncIOMotorCollection[dict[str, Any]], row: type[RowT], clock: Clock, lease: timedelta
    ) -> None:
        self._collection = collection
        self._clock = clock
        self.row = row
        self.claims = Claims(collection, row, clock, lease, below="outbox.")

    async def settle(self, told: Mapping[str, Collection[str]]) -> None:
        """Take entries out, by document their ids; what was added meanwhile is told next. Twice does it once."""
        if told:
            changes = [UpdateOne({"_id": row}, self._without(entries)) for row, entries in told.items()]
            await self._collection.bulk_write(changes, ordered=False)

    def _without(self, told: Collection[str]) -> list[Mapping[str, Any]]:
        left = {"$filter": {"input": "$outbox.entries", "cond": {"$not": [{"$in": ["$$this.id", list(told)]}]}}}
        is_empty = {"$eq": [{"$size": "$outbox.entries"}, 0]}
        return [
            {"$set": {"outbox.entries": left}},
            {
                "$set": {
                    "outbox.lease": None,
                    "outbox.deaths": 0,
                    "outbox.due_at": {"$cond": [is_empty, None, self._clock.now()]},
                }
            },
        ]


class TakingTurns:
    """The claims on several outboxes as if they were one; whose turn it is changes with every claim."""

    def __init__(self, outboxes: Sequence[Outboxes[Any]]) -> None:
        self._claims = deque(outbox.claims for outbox in outboxes)
        self._held: dict[str, Claims[Any]] = {}
        self.lease = self._claims[0].lease

    async def claim(self, limit: int, *, orphans: bool = True) -> Claim[Any] | None:
        """Lease due rows of the first outbox that has some."""
        for claims in tuple(self._claims):
            self._claims.rotate(-1)
            if claim := await claims.claim(limit, orphans=orphans):
                self._held[claim.lease] = claims
                return claim
        return None

    async def extend(self, lease: str) -> None:
        """Heartbeat."""
        await self._held[lease].extend(lease)

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back what was not told; a worker that is stopped may do so twice."""
        if claims := self._held.pop(lease, None):
            await claims.release(lease, keep, pause)

    async def waiting(self) -> int:
        """How many rows are due now and not held, in all of them."""
        return sum([await claims.waiting() for claims in tuple(self._claims)])

    async def poisonous(self) -> int:
        """How many rows too many workers died with, in all of them."""
        return sum([await claims.poisonous() for claims in tuple(self._claims)])
