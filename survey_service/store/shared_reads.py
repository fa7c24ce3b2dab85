"""Shared reads: concurrent look-ups by one key come in; they join one `find` over many keys, and each gets its own row.

There is no linger: a read takes whatever is waiting when the one before it ends. A look-up joins only reads that have
not been sent yet, so it sees every write that was acknowledged before it began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Protocol

from survey_service.errors import Overloaded, Unavailable

MAX_KEYS = 256  # of one read, so that its answer stays small
_MAX_WAITING = 20_000  # keys

Document = dict[str, Any]
_Waiter = asyncio.Future[Document | None]


class ReadableCollection(Protocol):
    """What a read needs of a collection."""

    def find(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102 -- the driver's own


class SharedReads:
    """Look-ups of documents of one collection by a unique field.

    `field` is its dotted path in a query, `key_of` takes its value out of a document.
    """

    def __init__(
        self,
        collection: ReadableCollection,
        field: str,
        key_of: Callable[[Mapping[str, Any]], str],
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        self._collection = collection
        self._field = field
        self._key_of = key_of
        self._max_waiting = max_waiting
        self._waiting: dict[str, list[_Waiter]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def get(self, key: str) -> Document | None:
        """The document under `key`, as it stood after this call began; None if there is none.

        Raises:
            Overloaded: too many keys are waiting already.
            Unavailable: the service is stopping.
            PyMongoError: the database did not answer.
        """
        waiters = self._waiting.get(key)
        if waiters is None:
            if len(self._waiting) >= self._max_waiting:
                raise Overloaded("too many reads are waiting", retry_after=1)
            waiters = self._waiting[key] = []
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_all(), name="shared-reads")
        return await waiter

    async def _read_all(self) -> None:
        while taken := self._take():
            try:
                found = await self._read(list(taken))
            except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait for this read are told
                _settle(taken, error)
            except BaseException:
                # A read that is cancelled must not leave callers waiting for ever.
                left, self._waiting = self._waiting, {}
                for waiting in (taken, left):
                    _settle(waiting, Unavailable("the service is stopping"))
                raise
            else:
                _settle(taken, found)

    def _take(self) -> dict[str, list[_Waiter]]:
        if len(self._waiting) <= MAX_KEYS:
            taken, self._waiting = self._waiting, {}
            return taken
        return {key: self._waiting.pop(key) for key in list(islice(self._waiting, MAX_KEYS))}

    async def _read(self, keys: list[str]) -> dict[str, Document]:
        cursor = self._collection.find({self._field: {"$in": keys}}, batch_size=len(keys) + 1)
        return {self._key_of(document): document for document in await cursor.to_list(len(keys))}


def _settle(taken: Mapping[str, list[_Waiter]], outcome: Mapping[str, Document] | Exception) -> None:
    for key, waiters in taken.items():
        for waiter in waiters:
            if waiter.done():
                continue  # its caller gave up
            if isinstance(outcome, Exception):
                waiter.set_exception(outcome)
            else:
                waiter.set_result(outcome.get(key))
