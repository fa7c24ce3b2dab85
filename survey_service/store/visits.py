"""The `visits` collection, a capped log of opened pages: what a network opened comes in, and out to the judge.

Nobody waits for it: what is noted stays in memory for a moment and is written in batches. A row that is lost with its
process can only make an answer less suspect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain

import structlog
from pymongo import DESCENDING, WriteConcern
from pymongo.errors import PyMongoError

from survey_service.store.database import Database

log = structlog.get_logger()

LINGER = 0.25  # seconds; by so much other processes are behind, and a page that is opened again meanwhile is one row
MAX_WAITING = 5_000  # rows in memory; what is beyond is not noted
_MOST = 500  # rows of one answer: no client opens more in the seconds that count


class Opened(StrEnum):
    """What somebody opened."""

    PAGE = "page"  # the survey itself
    SCORE = "score"  # the survey by the button of one score
    LANGUAGE = "language"  # the survey in another language
    OPT_OUT = "opt_out"  # the way out


@dataclass(frozen=True, slots=True)
class PageVisit:
    """One page as one network opened it; `of` is the id of an invitation, or of a customer for the way out."""

    of: str
    network: str
    opened: Opened
    score: int | None
    at: datetime


_Key = tuple[str, str, Opened, int | None]  # a visit without its time


class Visits:
    """The log of visits."""

    def __init__(self, database: Database) -> None:
        self._clock = database.clock
        # Not worth the wait for a majority and the journal.
        self._collection = database["visits"].with_options(write_concern=WriteConcern(w=1, j=False))
        self._waiting: dict[_Key, datetime] = {}
        self._leaving: dict[_Key, datetime] = {}  # in the write that is under way
        self._writer: asyncio.Task[None] | None = None

    def note(self, of: str, network: str | None, opened: Opened, score: int | None = None) -> None:
        """Remember a visit. Takes microseconds, waits for nothing and raises nothing; None is a network unknown."""
        if network is None or len(self._waiting) >= MAX_WAITING:
            return
        self._waiting[of, network, opened, score] = self._clock.now()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="visits")

    async def recent(self, of: Collection[str], network: str, since: datetime) -> frozenset[PageVisit]:
        """What a network opened of these since then: all that this process saw, and what others have written."""
        # Memory first: what is written between the two looks is then in both, and not in neither.
        noted = {
            PageVisit(*key, at)
            for key, at in chain(self._waiting.items(), self._leaving.items())
            if key[0] in of and key[1] == network and at >= since
        }
        # What a newer process may have opened is left out.
        query = {"of": {"$in": list(of)}, "network": network, "at": {"$gte": since}, "opened": {"$in": list(Opened)}}
        async for row in self._collection.find(query, {"_id": 0}).sort("at", DESCENDING).limit(_MOST):
            noted.add(PageVisit(row["of"], row["network"], Opened(row["opened"]), row["score"], row["at"]))
        return frozenset(noted)

    def close(self) -> None:
        """Write no more; what waits is lost."""
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(LINGER)
            self._leaving, self._waiting = self._waiting, {}
            rows = [
                {"of": of, "network": network, "opened": opened.value, "score": score, "at": at}
                for (of, network, opened, score), at in self._leaving.items()
            ]
            try:
                await self._collection.insert_many(rows, ordered=False)
            except PyMongoError as error:
                log.warning("visits.lost", rows=len(rows), error=type(error).__name__)
            self._leaving = {}
