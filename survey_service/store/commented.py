"""Comments are looked for: what their answers must match comes in; the newest of them go out, within a bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from survey_service.models.rollup import LISTED, SINGLE_DIMENSIONS, TOPIC, TOPICS
from survey_service.store.database import Database
from survey_service.store.histograms import topics_among
from survey_service.store.indexes import COMMENTED, COMMENTED_AT

MOST_LOOKED_AT = 20_000  # answers with a comment, the newest ones first
_MOST_TOUCHPOINTS = 100  # whose answers one index can bring into order together

_FIELDS = ("survey", "suspect", "status", "scores", "measures", "customer", "language", "comment_language", TOPICS)


async def newest_comments(
    database: Database,
    start: datetime | None,
    end: datetime,
    only: Mapping[str, frozenset[str | None]],
    *,
    characters: int,
    looked_at: int = MOST_LOOKED_AT,
) -> AsyncIterator[dict[str, Any]]:
    """Facts of answers that are no suspects and match, with the beginning of their `comment`, the newest one first.

    Dimensions are called as in the rollups; filters by `question` are the caller's, who gets the scores.
    """
    first: dict[str, Any] = {"comment": {"$gt": ""}, "started_at": {"$lt": end} | ({"$gte": start} if start else {})}
    then: dict[str, Any] = {"suspect": None}
    then |= {name: {"$in": list(only[name])} for name in ("survey", *SINGLE_DIMENSIONS) if name in only}
    if TOPIC in only:
        then[TOPICS] = topics_among(only[TOPIC])
    index = COMMENTED
    if "touchpoint" in only and len(only["touchpoint"]) <= _MOST_TOUCHPOINTS:
        first["touchpoint"], index = then.pop("touchpoint"), COMMENTED_AT
    shown: dict[str, Any] = dict.fromkeys(_FIELDS, 1) | {"comment": {"$substrCP": ["$comment", 0, characters]}}
    # Of the dimensions that surveys list only those that are asked for.
    shown |= {f"dimensions.{name.removeprefix(LISTED)}": 1 for name in only if name.startswith(LISTED)}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": first},
        {"$sort": {"started_at": -1}},
        {"$limit": looked_at},
        {"$match": then},
        {"$project": shown},
    ]
    async for document in database["responses"].aggregate(pipeline, hint=index, batchSize=500):
        yield document
