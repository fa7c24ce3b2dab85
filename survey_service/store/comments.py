"""Comments that nobody has read yet: responses with a new comment come in; its language and topics are kept.

Every write that changes a comment has it read again, in the same update. A claim is fenced by its lease, which that
write takes away: what was read before it is not written after it. When words of topics change, every comment is read
again, in steps that each process may take, repeat, or leave to another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from survey_service.models.response import Reading, Response
from survey_service.models.topic import READING, fingerprint_of
from survey_service.store.claims import Claim, Claims
from survey_service.store.configuration import Configuration
from survey_service.store.database import Database
from survey_service.store.rollups import recount_mark

_TAXONOMY = "taxonomy"
_A_STEP = 5_000  # responses of which those with a comment are marked at a time
_STEPS_A_CLAIM = 20  # while none of them has a comment
_HAS_WORDS = {"comment": {"$gt": ""}}


@dataclass(frozen=True, slots=True)
class Found:
    """What a comment turned out to be."""

    language: str
    topics: tuple[str, ...]  # sorted


def reading_mark(comment: str | None, now: datetime) -> dict[str, Any]:
    """What a write of a response adds to its `$set`: its comment is to be read, or there is none to be about anything.

    It takes the lease from whoever reads an earlier one.
    """
    if comment:
        return {"reading": Reading(due_at=now).model_dump()}
    return {"reading": None, "comment_language": None, "topics": []}


class Comments:
    """What is to be read; a stage's claims are on the responses, below `reading`."""

    def __init__(self, database: Database, configuration: Configuration, lease: timedelta) -> None:
        self._clock = database.clock
        self._configuration = configuration
        self._config = database["config"]
        self._responses = database["responses"]
        self._claims = Claims(self._responses, Response, database.clock, lease, below="reading.")
        self.lease = lease

    async def claim(self, limit: int, *, orphans: bool = True) -> Claim[Response] | None:
        """Mark some more of what new topics ask for, then lease what is to be read."""
        for _ in range(_STEPS_A_CLAIM):
            state = await self._follow_topics()
            if state["reading"] > READING:
                return None  # beside a newer process, which alone reads as it wants them read
            claim = await self._claims.claim(limit, orphans=orphans)
            if state["marked"] is None or claim is not None:
                return claim
        return None

    async def extend(self, lease: str) -> None:
        """Heartbeat."""
        await self._claims.extend(lease)

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back what was not read."""
        await self._claims.release(lease, keep, pause)

    async def waiting(self) -> int:
        """How many comments are marked and not read, up to 10,000."""
        return await self._claims.waiting()

    async def settle(self, claim: Claim[Response], found: Mapping[str, Found]) -> None:
        """Keep what was found, by response; readers of changes and the rollups hear of what differs from before."""
        changes = [self._settled(row, claim.lease, found[row.id]) for row in claim.rows]
        await self._responses.bulk_write(changes, ordered=False)

    def _settled(self, row: Response, lease: str, found: Found) -> UpdateOne:
        change: dict[str, Any] = {"$set": {"reading.due_at": None, "reading.lease": None, "reading.deaths": 0}}
        if found != Found(row.comment_language or "", row.topics):
            change["$set"] |= {"comment_language": found.language, "topics": list(found.topics)}
            change["$currentDate"] = {"updated_at": True}
        if found.topics != row.topics:
            change["$set"] |= recount_mark()
        return UpdateOne({"_id": row.id, "reading.lease": lease}, change)

    async def _follow_topics(self) -> Mapping[str, Any]:
        """One step towards having every comment read by the present topics, in the present way; where that is now.

        Only a newer revision, or a newer way of reading at the same one, starts it over: a process that lags behind,
        or is older, does not lead the others back.
        """
        snapshot = await self._configuration.current()
        wanted = {"by": fingerprint_of(snapshot.topics), "revision": snapshot.revision, "reading": READING}
        state = await self._config.find_one({"_id": _TAXONOMY})
        if state is None:
            new = {"_id": _TAXONOMY, **wanted, "marked": ""}
            await self._config.update_one({"_id": _TAXONOMY}, {"$setOnInsert": new}, upsert=True)
            return new
        known = {"reading": 1, **state}  # of a version that did not say
        is_newer = (snapshot.revision, READING) > (known["revision"], known["reading"])
        if known["by"] != wanted["by"] and is_newer:
            change = {**wanted, "marked": ""}
        elif known["marked"] is None or known["reading"] > READING:
            return known
        else:
            change = {"marked": await self._mark_after(known["marked"])}
        await self._config.update_one(state, {"$set": change})
        return {**known, **change}

    async def _mark_after(self, last: str) -> str | None:
        """Mark the comments of the next responses; returns the last of them, None at the end."""
        found = self._responses.find({"_id": {"$gt": last}}, {"_id": 1}).sort("_id", 1).limit(_A_STEP)
        ids = [document["_id"] async for document in found]
        if not ids:
            return None
        mark = reading_mark("words", self._clock.now())
        await self._responses.update_many({"_id": {"$in": ids}, **_HAS_WORDS}, {"$set": mark})
        return str(ids[-1])
