"""Claims: due rows are leased to one worker in batches, and every later write is fenced by that lease.

Comes in: "what is due". Goes out: a `Claim` of rows that nobody else works on until `due_at`, which is the end of
the lease by the server's clock. A worker that dies simply lets its rows fall due again; such rows are then claimed
alone, so that one poison row harms no neighbour. Stages that have a word for it put a row aside that `MAX_DEATHS`
workers died with; one that is claimed again all the same is claimed once an hour.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import structlog
from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection
from pydantic import ValidationError

from survey_service.clock import Clock
from survey_service.models.base import MAX_DEATHS, Claimable, Stored

RowT = TypeVar("RowT", bound=Stored)
log = structlog.get_logger()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNREADABLE_FOR = timedelta(minutes=5)  # until somebody looks at such a row again
POISONOUS_FOR = timedelta(hours=1)  # that a claim on such a row lasts, whatever becomes of the worker


def due_before(now: datetime, below: str = "") -> dict[str, Any]:
    """The filter that the partial index on `due_at` serves; `below` is the path that the claim's fields stand under."""
    return {f"{below}due_at": {"$gt": EPOCH, "$lte": now}}


def held(below: str = "") -> dict[str, Any]:
    """The filter of rows that a worker holds at this moment; poisonous ones only wait for their next try."""
    return {f"{below}lease": {"$type": "string"}, f"{below}deaths": {"$not": {"$gt": MAX_DEATHS}}}


def fence(row: Claimable) -> dict[str, Any]:
    """The guard of every write on a claimed row: still ours, under the same claim."""
    return {"_id": row.id, "lease": row.lease, "claim": row.claim}


@dataclass(frozen=True, slots=True)
class Claim(Generic[RowT]):
    """Rows leased together; `lease` names them."""

    lease: str
    rows: tuple[RowT, ...]
    is_orphan: bool = False  # one row, whose last claim died


class Claiming(Protocol[RowT]):
    """What a stage's loop asks of the claims that it works on."""

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts without a heartbeat."""
        ...

    async def claim(self, limit: int, *, orphans: bool = True) -> Claim[RowT] | None:
        """Lease due rows; see `Claims`."""
        ...

    async def extend(self, lease: str) -> None:
        """Heartbeat."""
        ...

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back what was not finished."""
        ...

    async def waiting(self) -> int:
        """How many rows are due now and not held."""
        ...

    async def poisonous(self) -> int:
        """How many rows wait for the next of their rare tries, since too many workers died with them."""
        ...


class Claims(Generic[RowT]):
    """The claims on one collection; `below` is the path that their fields stand under, such as `outbox.`.

    `only` is what holds of the rows that these claims are about; `index` names the index that serves claims of some
    of the rows alone.
    """

    def __init__(
        self,
        collection: AsyncIOMotorCollection[dict[str, Any]],
        row: type[RowT],
        clock: Clock,
        lease: timedelta,
        below: str = "",
        index: str | None = None,
        only: Mapping[str, Any] | None = None,
    ) -> None:
        self._collection = collection
        self._index = index
        self._only = dict(only or {})
        self._row = row
        self._clock = clock
        self.lease = lease
        self._below = below
        self._lease_field, self._due_field = f"{below}lease", f"{below}due_at"

    async def claim(
        self, limit: int, *, orphans: bool = True, where: Mapping[str, Any] | None = None
    ) -> Claim[RowT] | None:
        """Lease up to `limit` due rows, or one whose claim died; None when nothing is due or others were faster.

        Without `orphans` only rows count that nobody died with; with `where` only those that match it.
        """
        some = {**self._only, **(where or {})}
        while found := await self._find_due(limit, some, orphans=orphans):
            ids, is_orphan = found
            lease = uuid.uuid4().hex
            due = due_before(self._clock.now(), self._below)
            await self._collection.update_many({"_id": {"$in": ids}, **due}, [{"$set": self._leased(lease)}])
            rows, unreadable = await self._read(lease)
            if unreadable:
                await self._set_aside(unreadable)
            if rows:
                return Claim(lease, tuple(rows), is_orphan=is_orphan)
            if not unreadable:
                return None
        return None

    async def _find_due(self, limit: int, some: Mapping[str, Any], *, orphans: bool) -> tuple[list[str], bool] | None:
        """The ids of due rows, and whether it is one whose claim died."""
        due = due_before(self._clock.now(), self._below)
        wanted = {**some, **due} if orphans else {**some, **due, self._lease_field: None}
        cursor = self._collection.find(wanted, {self._lease_field: 1}).sort(self._due_field, 1).limit(limit)
        if some and self._index:
            cursor = cursor.hint(self._index)
        fresh: list[str] = []
        async for document in cursor:
            if self._holder(document).get("lease") is not None:
                return [document["_id"]], True
            fresh.append(document["_id"])
        return (fresh, False) if fresh else None

    async def _read(self, lease: str) -> tuple[list[RowT], list[str]]:
        """The rows of a lease, and the ids of those that cannot be read."""
        rows, unreadable = [], []
        async for document in self._collection.find({self._lease_field: lease}):
            try:
                rows.append(self._row.from_document(document))
            except ValidationError as error:
                unreadable.append(document["_id"])
                log.error("claims.unreadable", row=document["_id"], fields=[fault["loc"] for fault in error.errors()])
                continue
            if (deaths := self._holder(document).get("deaths", 0)) > MAX_DEATHS:
                log.error("claims.poisonous", collection=self._collection.name, row=document["_id"], deaths=deaths)
        return rows, unreadable

    def _holder(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where in a document the claim's fields stand."""
        holder: Mapping[str, Any] = document.get(self._below.rstrip("."), {}) if self._below else document
        return holder

    async def _set_aside(self, ids: Sequence[str]) -> None:
        """Rows that a newer process wrote in words unknown here: nobody died with them, and one that can will come."""
        later = {self._lease_field: None, self._due_field: self._clock.now() + UNREADABLE_FOR}
        await self._collection.update_many({"_id": {"$in": list(ids)}}, {"$set": later})

    def _leased(self, lease: str) -> Mapping[str, Any]:
        below = self._below
        died = {"$cond": [{"$ne": [{"$ifNull": [f"${below}lease", None]}, None]}, 1, 0]}
        deaths = {"$add": [{"$ifNull": [f"${below}deaths", 0]}, died]}
        is_poisonous = {"$gt": [deaths, MAX_DEATHS]}
        return {
            f"{below}lease": lease,
            f"{below}claim": {"$add": [{"$ifNull": [f"${below}claim", 0]}, 1]},
            f"{below}deaths": deaths,
            f"{below}due_at": {"$cond": [is_poisonous, self._after(POISONOUS_FOR), self._after(self.lease)]},
        }

    def _after(self, period: timedelta) -> Mapping[str, Any]:
        """An instant by the server's clock."""
        return {"$add": ["$$NOW", int(period.total_seconds() * 1000) + self._clock.shift_ms]}

    async def extend(self, lease: str) -> None:
        """Heartbeat: the rows still held stay ours for another lease."""
        longer = {"$max": [f"${self._due_field}", self._after(self.lease)]}
        change = [{"$set": {self._due_field: longer}}]
        await self._collection.update_many({self._lease_field: lease}, change)

    async def keep(self, lease: str, ids: Sequence[str], session: AsyncIOMotorClientSession) -> set[str]:
        """Those of the rows that are still ours, for another lease.

        What the transaction writes for them stands or falls with the claim: nobody takes them over before it ends.
        """
        ours = {"_id": {"$in": list(ids)}, self._lease_field: lease}
        await self._collection.update_many(
            ours, [{"$set": {self._due_field: self._after(self.lease)}}], session=session
        )
        return {document["_id"] async for document in self._collection.find(ours, {"_id": 1}, session=session)}

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back what was not finished, due after `pause`; rows that match `keep` stay leased until its end."""
        guard: dict[str, Any] = {self._lease_field: lease}
        if keep:
            guard["$nor"] = [dict(keep)]
        given_back = {self._lease_field: None, self._due_field: self._clock.now() + pause}
        await self._collection.update_many(guard, {"$set": given_back})

    async def unfinished(self) -> int:
        """How many rows are due now or held by a worker, counted up to 10,000."""
        now = self._clock.now()
        busy = {"$or": [due_before(now, self._below), {self._lease_field: {"$type": "string"}}]}
        return await self._collection.count_documents(busy, limit=10_000)

    async def waiting(self) -> int:
        """How many rows are due now and not held, counted up to 10,000."""
        due = due_before(self._clock.now(), self._below)
        wanted = {**self._only, **due, self._lease_field: None}
        hint: dict[str, Any] = {"hint": self._index} if self._only and self._index else {}
        return await self._collection.count_documents(wanted, limit=10_000, **hint)

    async def poisonous(self) -> int:
        """How many rows that too many workers died with wait for their next try, counted up to 10,000."""
        dead = {self._lease_field: {"$type": "string"}, f"{self._below}deaths": {"$gt": MAX_DEATHS}}
        return await self._collection.count_documents({**self._only, **dead}, limit=10_000)
