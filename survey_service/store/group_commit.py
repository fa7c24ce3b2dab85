"""Group commit: concurrent single inserts and fenced updates share one bulk write.

Documents come in one request at a time; each request waits for the flush that carries it and gets its own result.
There is no linger: a flush takes whatever is waiting when the one before it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from survey_service.errors import Overloaded, TooLarge, Unavailable

_DUPLICATE_KEY = 11000
_MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 - 16 * 1024
_MAX_FLUSH_ITEMS = 2_000
_PATIENCE = 2.0  # seconds that a document waits; with the write's own time-out below the five that readers stay behind
_MAX_FLUSH_BYTES = 16 * 1024 * 1024
_TIMELY = 2.5  # seconds that an insert may take without its documents missing the readers of changes; see `_PATIENCE`


class Inserted(StrEnum):
    """What became of one document."""

    NEW = "new"  # stored, majority-acknowledged and journaled
    DUPLICATE = "duplicate"  # its `_id` was there before


class BulkCollection(Protocol):
    """What a flush needs of a collection."""

    def insert_many(self, documents: Any, ordered: bool = ...) -> Any: ...  # noqa: D102 -- the driver's own
    def bulk_write(self, requests: Any, ordered: bool = ...) -> Any: ...  # noqa: D102 -- the driver's own
    def update_many(self, query: Any, update: Any) -> Any: ...  # noqa: D102 -- the driver's own
    def find(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102 -- the driver's own


ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Request(Generic[ItemT, ResultT]):
    items: Sequence[ItemT]
    size: int
    done: asyncio.Future[list[ResultT]]
    since: float  # the loop's time


class _Batcher(Generic[ItemT, ResultT]):
    """A bounded queue of requests, each of which waits up to `patience` seconds, and the one flush that empties it."""

    def __init__(self, max_waiting: int, patience: float | None = None) -> None:
        self._max_waiting = max_waiting
        self._patience = patience
        self._waiting: deque[_Request[ItemT, ResultT]] = deque()
        self._count = 0
        self._flusher: asyncio.Task[None] | None = None

    async def submit(self, items: Sequence[ItemT], size: int) -> list[ResultT]:
        """Wait for the flush that carries `items`; one result an item, in order."""
        if self._count and self._count + len(items) > self._max_waiting:
            raise Overloaded("too many writes are waiting", retry_after=1)
        loop = asyncio.get_running_loop()
        request = _Request[ItemT, ResultT](items, size, loop.create_future(), loop.time())
        self._waiting.append(request)
        self._count += len(items)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush_all())
        return await request.done

    async def _flush_all(self) -> None:
        while self._waiting:
            requests = self._take()
            requests = self._refuse_late(requests)
            if not requests:
                continue
            items = [item for request in requests for item in request.items]
            try:
                results = await self._flush(items)
            except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait for this flush are told
                self._settle(requests, error)
            except BaseException:
                # A flush that is cancelled must not leave callers waiting for ever.
                self._settle([*requests, *self._waiting], Unavailable("the service is stopping"))
                self._waiting.clear()
                self._count = 0
                raise
            else:
                self._settle(requests, results)

    def _take(self) -> list[_Request[ItemT, ResultT]]:
        taken: list[_Request[ItemT, ResultT]] = []
        items = size = 0
        while self._waiting and (
            not taken
            or (
                items + len(self._waiting[0].items) <= _MAX_FLUSH_ITEMS
                and size + self._waiting[0].size <= _MAX_FLUSH_BYTES
            )
        ):
            request = self._waiting.popleft()
            taken.append(request)
            items += len(request.items)
            size += request.size
        self._count -= items
        return taken

    def _refuse_late(self, requests: Sequence[_Request[ItemT, ResultT]]) -> list[_Request[ItemT, ResultT]]:
        if self._patience is None:
            return list(requests)
        limit = asyncio.get_running_loop().time() - self._patience
        late = [request for request in requests if request.since < limit]
        self._settle(late, Overloaded("it waited too long to be written"))
        return [request for request in requests if request.since >= limit]

    @staticmethod
    def _settle(requests: Sequence[_Request[ItemT, ResultT]], outcome: list[ResultT | Exception] | Exception) -> None:
        start = 0
        for request in requests:
            stop = start + len(request.items)
            if not request.done.done():
                if isinstance(outcome, Exception):
                    request.done.set_exception(outcome)
                else:
                    own = outcome[start:stop]
                    error = next((result for result in own if isinstance(result, Exception)), None)
                    if error is not None:
                        request.done.set_exception(error)
                    else:
                        request.done.set_result([result for result in own if not isinstance(result, Exception)])
            start = stop

    async def _flush(self, items: list[ItemT]) -> list[ResultT | Exception]:
        raise NotImplementedError

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._flusher is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher


class GroupInsert(_Batcher[RawBSONDocument, Inserted]):
    """Inserts into one collection; at most `max_waiting` documents wait in memory.

    They carry their time: one that is written much later would be missed by readers of changes.
    """

    def __init__(self, collection: BulkCollection, max_waiting: int = 20_000) -> None:
        super().__init__(max_waiting, _PATIENCE)
        self._collection = collection

    async def insert(self, documents: Sequence[Mapping[str, Any]]) -> list[Inserted]:
        """Store documents, each under its own `_id`.

        Raises:
            TooLarge: a document is larger than MongoDB takes; nothing of this call is stored.
            Overloaded: too much is waiting already.
            Unavailable, PyMongoError: the write was not acknowledged; it may be posted again.
        """
        raws = []
        size = 0
        for document in documents:
            raw = bson.encode(document)
            if len(raw) > _MAX_DOCUMENT_BYTES:
                raise TooLarge("a document is larger than the database takes")
            size += len(raw)
            raws.append(RawBSONDocument(raw))
        return await self.submit(raws, size) if raws else []

    async def _flush(self, items: list[RawBSONDocument]) -> list[Inserted | Exception]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcomes: list[Inserted | Exception] = [Inserted.NEW] * len(items)
        try:
            await self._collection.insert_many(items, ordered=False)
        except BulkWriteError as error:
            outcomes = _outcomes(error, len(items))
        if loop.time() - began > _TIMELY:
            new = [item["_id"] for item, outcome in zip(items, outcomes, strict=True) if outcome is Inserted.NEW]
            await self._stamp(new)
        return outcomes

    async def _stamp(self, ids: Sequence[Any]) -> None:
        """The server's time on what carries one: the connection was lost and the driver tried again, perhaps."""
        stamped = {"_id": {"$in": list(ids)}, "updated_at": {"$ne": None}}
        await self._collection.update_many(stamped, {"$currentDate": {"updated_at": True}})


def _outcomes(error: BulkWriteError, count: int) -> list[Inserted | Exception]:
    """Per-document outcomes; without the majority's word nothing is called stored or duplicate (DESIGN "Stored")."""
    if error.details.get("writeConcernErrors"):
        raise Unavailable("the database did not confirm the write")
    outcomes: list[Inserted | Exception] = [Inserted.NEW] * count
    for failure in error.details.get("writeErrors", ()):
        outcomes[failure["index"]] = Inserted.DUPLICATE if failure["code"] == _DUPLICATE_KEY else error
    return outcomes


@dataclass(frozen=True, slots=True)
class FencedUpdate:
    """One compare-and-set: `guard` holds the `_id`, the lease and whatever else must still be true."""

    guard: Mapping[str, Any]
    change: Mapping[str, Mapping[str, Any]]  # update operators; `$currentDate` and the stamp are added


class GroupUpdate(_Batcher[FencedUpdate, bool]):
    """Compare-and-sets on one collection; True where the guard still held. The server gives them their time."""

    def __init__(self, collection: BulkCollection, max_waiting: int = 20_000) -> None:
        super().__init__(max_waiting)
        self._collection = collection

    async def apply(self, *updates: FencedUpdate) -> list[bool]:
        """Write each update whose guard holds; tell for each whether it did."""
        return await self.submit(updates, 0) if updates else []

    async def _flush(self, items: list[FencedUpdate]) -> list[bool | Exception]:
        results: list[bool | Exception] = [False] * len(items)
        for numbers in _rounds(items):
            matched = await self._write([items[number] for number in numbers])
            for number, done in zip(numbers, matched, strict=True):
                results[number] = done
        return results

    async def _write(self, items: list[FencedUpdate]) -> list[bool]:
        # bulk_write reports totals only: where fewer matched than asked, the stamp tells which ones did.
        stamp = uuid.uuid4().hex
        requests = [
            UpdateOne(
                dict(item.guard),
                {
                    **item.change,
                    "$set": {**item.change.get("$set", {}), "stamp": f"{stamp}{number}"},
                    "$currentDate": {"updated_at": True},
                },
            )
            for number, item in enumerate(items)
        ]
        result = await self._collection.bulk_write(requests, ordered=True)
        if result.matched_count == len(items):
            return [True] * len(items)
        ids = list({item.guard["_id"] for item in items})
        found = self._collection.find({"_id": {"$in": ids}}, {"stamp": 1})
        stamps = {document.get("stamp") async for document in found}
        return [f"{stamp}{number}" in stamps for number in range(len(items))]


def _rounds(items: Sequence[FencedUpdate]) -> list[list[int]]:
    """The numbers of the updates, in order, so that no round changes a document twice: it holds one stamp only."""
    rounds: list[list[int]] = []
    seen: Counter[str] = Counter()
    for number, item in enumerate(items):
        document = item.guard["_id"]
        if seen[document] == len(rounds):
            rounds.append([])
        rounds[seen[document]].append(number)
        seen[document] += 1
    return rounds
