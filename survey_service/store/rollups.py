"""The `rollups` collection: answers not counted yet come in by day; the cells of that day go out, recounted.

Every write that changes what a response counts for sets `uncounted` to a new token, in the same update. A worker finds
those responses by an index, notes the day of each as a slice, counts the slice's dirty hours anew from the responses
in one transaction, fenced by its claim, and takes away the tokens that this transaction saw. Whoever dies on the way
leaves tokens, and the same is counted again.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from survey_service.models.ids import hashed_id
from survey_service.models.rollup import CUBES, SINGLE_DIMENSIONS, TOPICS, RollupSlice, Span
from survey_service.store.claims import Claim, Claims, fence
from survey_service.store.database import Database, Session

Keys = tuple[str | None, ...]  # the values of a cube's dimensions
Tally = Mapping[tuple[str, str, str, str], Mapping[Keys, Counter[int]]]  # by cube, question, metric and scale
SharedFacts = tuple[Mapping[str, Any], int]  # what some responses have in common, and how many they are
CountPlaces = Callable[[Iterable[SharedFacts]], Tally]

FACTS = (*SINGLE_DIMENSIONS, TOPICS, "dimensions", "scores", "measures", "suspect", "status")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_HOUR_OF_START = {"$dateTrunc": {"date": "$started_at", "unit": "hour"}}
_LOOKED_AT = 20_000  # uncounted responses that one look takes in, the newest first
_CELLS_A_DOCUMENT = 20_000  # some 100 bytes each, at most 600: below what a document may hold
_AT_ONCE = 5_000
_HOURS_AT_ONCE = 6
_DUPLICATE = 11_000
_VERSION = "rollups"
_NAMES = {"$concat": ["$$this.v.metric", ".", "$$this.v.scale"]}  # as `Measure.name`
_MEASURED = {"$setUnion": [{"$map": {"input": {"$objectToArray": {"$ifNull": ["$measures", {}]}}, "in": _NAMES}}]}


class LostSlice(Exception):
    """The slice is another worker's by now; nothing was written."""


def recount_mark() -> dict[str, str]:
    """What a write that changes what a response counts for adds to its `$set`: answers, suspicion, dimensions.

    Every response needs a mark of its own: one that several share may be taken away from one for another's sake.
    """
    return {"uncounted": uuid.uuid4().hex}


class Rollups:
    """The cells, and the slices that are to be counted anew; a stage's claims are on the slices."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._clock = database.clock
        self._cells = database["rollups"]
        self._slices = database["rollup_slices"]
        self._responses = database["responses"]
        self._claims = Claims(self._slices, RollupSlice, database.clock, lease)
        self._has_begun = False
        self.lease = lease

    async def claim(self, limit: int, *, orphans: bool = True) -> Claim[RollupSlice] | None:
        """Note what is uncounted as slices, then lease some; none once a newer version counts into other cubes."""
        if not await self._adopt_cubes():
            return None
        await self._note_slices()
        return await self._claims.claim(limit, orphans=orphans)

    async def extend(self, lease: str) -> None:
        """Heartbeat."""
        await self._claims.extend(lease)

    async def release(self, lease: str, keep: Mapping[str, Any] | None = None, pause: timedelta = timedelta()) -> None:
        """Give back slices that were not counted."""
        await self._claims.release(lease, keep, pause)

    async def waiting(self) -> int:
        """How many responses are not counted yet, up to 10,000."""
        return await self._responses.count_documents({"uncounted": {"$gt": ""}}, limit=10_000)

    async def poisonous(self) -> int:
        """How many days of a survey too many workers died with."""
        return await self._claims.poisonous()

    async def is_behind(self, start: datetime, end: datetime) -> bool:
        """Whether a response of [start, end) is not counted yet."""
        uncounted = {"uncounted": {"$gt": ""}, "started_at": {"$gte": start, "$lt": end}}
        return await self._responses.find_one(uncounted, {"_id": 1}, hint="uncounted") is not None

    async def recount(self, row: RollupSlice, count: CountPlaces) -> int:
        """Count a claimed slice's hours anew; returns how many responses are counted by it that were not before.

        A transaction must end within a minute, so of many hours the newest are counted, and the others noted again.

        Raises:
            LostSlice: the claim is another worker's, or the cubes are a newer version's.
        """

        row = row.model_copy(update={"hours": tuple(sorted(row.hours, reverse=True)[:_HOURS_AT_ONCE])})

        async def write(session: Session) -> list[tuple[str, str]]:
            if await self._counts_into(session) > CUBES:
                raise LostSlice(row.id)
            if (await self._slices.delete_one(fence(row), session=session)).deleted_count == 0:
                raise LostSlice(row.id)
            tallies = {hour: count(facts) for hour, facts in (await self._facts(row, session)).items()}
            await self._replace(row.survey, Span.HOUR, row.hours, tallies, session)
            day = {row.day: await self._sum_of_hours(row, session)}
            await self._replace(row.survey, Span.DAY, [row.day], day, session)
            return await self._tokens(row, session)

        tokens: list[tuple[str, str]] = await self._database.transaction(write, may_last=True)
        for start in range(0, len(tokens), _AT_ONCE):
            part = tokens[start : start + _AT_ONCE]
            # A response that was written since has another token, which no row of these had.
            seen = {"_id": {"$in": [row for row, _ in part]}, "uncounted": {"$in": [token for _, token in part]}}
            await self._responses.update_many(seen, {"$unset": {"uncounted": ""}})
        return len(tokens)

    async def mark_all(self) -> None:
        """Have every response counted anew, such as after rows were loaded past the service.

        They are named by what they measure as well (see `Response.to_document`), which others may not have done.
        """
        last = ""
        while True:
            found = self._responses.find({"_id": {"$gt": last}}, {"_id": 1}).sort("_id", 1).limit(_AT_ONCE)
            ids = [document["_id"] async for document in found]
            if not ids:
                return
            last = ids[-1]
            own_mark = {"$concat": [recount_mark()["uncounted"], "$_id"]}
            await self._responses.update_many(
                {"_id": {"$in": ids}}, [{"$set": {"uncounted": own_mark, "measured": _MEASURED}}]
            )

    async def _adopt_cubes(self) -> bool:
        """Whether the cubes are this version's; those of another one are replaced, which several workers may see to.

        A worker that starts takes them over even from a newer version, which may be gone for good; one that runs
        leaves them to it. The version is written before the marks: whoever still counts by the older one then finds
        either the newer one, or marks that it has not seen.
        """
        config = self._database["config"]
        known = await config.find_one({"_id": _VERSION}) or {"n": 0}
        if known["n"] > CUBES and self._has_begun:
            return False
        if known["n"] != CUBES or not known.get("marked"):
            await config.replace_one({"_id": _VERSION}, {"n": CUBES, "marked": False}, upsert=True)
            await self.mark_all()
            await config.update_one({"_id": _VERSION, "n": CUBES}, {"$set": {"marked": True}})
        self._has_begun = True
        return True

    async def _counts_into(self, session: Session) -> int:
        known = await self._database["config"].find_one({"_id": _VERSION}, session=session)
        return int(known["n"]) if known else 0

    async def _note_slices(self) -> None:
        pipeline: list[Mapping[str, Any]] = [
            {"$match": {"uncounted": {"$gt": ""}}},
            {"$sort": {"started_at": -1, "survey": 1}},
            {"$limit": _LOOKED_AT},
            {"$group": {"_id": {"survey": "$survey", "hour": _HOUR_OF_START}}},
        ]
        hours: defaultdict[tuple[str, datetime], list[datetime]] = defaultdict(list)
        async for document in self._responses.aggregate(pipeline, hint="uncounted"):
            survey, at = document["_id"]["survey"], document["_id"]["hour"]
            hours[survey, at.replace(hour=0)].append(at)
        if not hours:
            return
        now = self._clock.now()
        changes = [
            UpdateOne(
                {"_id": hashed_id("rol", survey, day.isoformat()), "lease": None},
                {
                    "$addToSet": {"hours": {"$each": dirty}},
                    "$min": {"due_at": now},
                    "$setOnInsert": {"survey": survey, "day": day, "schema": 1, "claim": 0, "deaths": 0},
                },
                upsert=True,
            )
            for (survey, day), dirty in hours.items()
        ]
        try:
            await self._slices.bulk_write(changes, ordered=False)
        except BulkWriteError as error:
            # A slice that a worker holds: it is noted again once that worker is done.
            if any(fault["code"] != _DUPLICATE for fault in error.details["writeErrors"]):
                raise

    async def _facts(self, row: RollupSlice, session: Session) -> Mapping[datetime, list[SharedFacts]]:
        """Every combination of facts in the hours of a slice, with how many responses share it."""
        shared = {"hour": _HOUR_OF_START, "facts": {name: f"${name}" for name in FACTS}}
        pipeline: list[Mapping[str, Any]] = [
            {"$match": _answered_in(row)},
            {"$group": {"_id": shared, "n": {"$sum": 1}}},
        ]
        found: defaultdict[datetime, list[SharedFacts]] = defaultdict(list)
        async for document in self._responses.aggregate(pipeline, session=session, batchSize=5_000):
            found[document["_id"]["hour"]].append((document["_id"]["facts"], document["n"]))
        return found

    async def _sum_of_hours(self, row: RollupSlice, session: Session) -> Tally:
        of_day = {"survey": row.survey, "span": Span.HOUR, "start": {"$gte": row.day, "$lt": row.day + DAY}}
        total: defaultdict[tuple[str, str, str, str], defaultdict[Keys, Counter[int]]]
        total = defaultdict(lambda: defaultdict(Counter))
        async for document in self._cells.find(of_day, session=session):
            into = total[document["cube"], document["question"], document["metric"], document["scale"]]
            for cell in document["cells"]:
                keys = tuple(cell[name] for name in ("a", "b") if name in cell)
                into[keys].update(dict(enumerate(cell["v"])))
        return total

    async def _replace(
        self,
        survey: str,
        span: Span,
        starts: Sequence[datetime],
        tallies: Mapping[datetime, Tally],
        session: Session,
    ) -> None:
        await self._cells.delete_many({"survey": survey, "span": span, "start": {"$in": list(starts)}}, session=session)
        documents = [
            {
                "survey": survey,
                "span": span.value,
                "start": start,
                "cube": cube,
                "question": question,
                "metric": metric,
                "scale": scale,
                "cells": cells,
            }
            for start, tally in tallies.items()
            for (cube, question, metric, scale), counts in tally.items()
            for cells in _parts(counts)
        ]
        if documents:
            await self._cells.insert_many(documents, session=session)

    async def _tokens(self, row: RollupSlice, session: Session) -> list[tuple[str, str]]:
        """The responses that this very transaction counted, each with its mark."""
        query = {**_answered_in(row), "uncounted": {"$gt": ""}}
        found = self._responses.find(query, {"uncounted": 1}, session=session)
        return [(document["_id"], document["uncounted"]) async for document in found]


def _answered_in(row: RollupSlice) -> dict[str, Any]:
    hours = [{"started_at": {"$gte": hour, "$lt": hour + HOUR}} for hour in row.hours]
    return {"survey": row.survey, "$or": hours}


def _parts(counts: Mapping[Keys, Counter[int]]) -> Iterator[list[dict[str, Any]]]:
    """The cells as they are stored, cut so that none of the documents grows too large.

    A histogram is a list, how often 0, 1, 2 … was given: to add up lists costs the same however full they are.
    """
    cells = [
        {
            **dict(zip(("a", "b"), keys, strict=False)),
            "v": [histogram[value] for value in range(max(histogram, default=0) + 1)],
        }
        for keys, histogram in counts.items()
    ]
    for start in range(0, len(cells), _CELLS_A_DOCUMENT):
        yield cells[start : start + _CELLS_A_DOCUMENT]
