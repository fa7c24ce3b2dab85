"""Streams: what to read goes in; batches of documents come out as fast as the reader takes them, and no faster.

One batch is fetched while the one before it is worked on; nothing else is held. Documents are as BSON has them:
instants are UTC without saying so, since to say it costs more than all the rest of decoding.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import decode_iter
from bson.codec_options import CodecOptions

from survey_service.store.database import Database
from survey_service.store.paging import ChangeWindow

BATCH = 1_000  # documents; MongoDB ends a batch at 16 MiB as well
_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """Which documents: newest first, or with `changed` the oldest change first, as lists are read.

    `steps` are an aggregation's, that make rows of documents.
    """

    collection: str
    newest_by: str
    filters: Mapping[str, Any]
    changed: ChangeWindow | None = None
    fields: Sequence[str] = ()  # all, if none is named
    steps: Sequence[Mapping[str, Any]] = field(default=())


async def stream_batches(database: Database, reading: Reading) -> AsyncGenerator[Iterable[Document], None]:
    """Documents in batches, each to be read once; closing the generator ends the cursor on the server."""
    clauses = [dict(reading.filters)] if reading.filters else []
    if reading.changed:
        clauses.append(reading.changed.clause(database.clock.now()))
    order = {"updated_at": 1, "_id": 1} if reading.changed else {reading.newest_by: -1, "_id": -1}
    pipeline: list[Mapping[str, Any]] = [{"$match": {"$and": clauses} if clauses else {}}, {"$sort": order}]
    pipeline += reading.steps
    if reading.fields:
        pipeline.append({"$project": dict.fromkeys(reading.fields, 1)})
    cursor = database[reading.collection].aggregate_raw_batches(pipeline, batchSize=BATCH)

    async def fetch() -> Any:
        try:
            return await cursor.next()
        except StopAsyncIteration:
            return None

    coming = asyncio.create_task(fetch())
    try:
        while (batch := await coming) is not None:
            coming = asyncio.create_task(fetch())
            await asyncio.sleep(0)  # so that the next one is asked for before this one is worked on
            yield decode_iter(batch, _PLAIN)
    finally:
        # Not cancelled: a cursor that is closed in the middle of an answer would be used by two threads.
        await asyncio.gather(coming, return_exceptions=True)
        await cursor.close()
