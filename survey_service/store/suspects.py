"""What the store knows of suspects: how many answers a network began lately, and somebody's word on a response."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pymongo import ReturnDocument

from survey_service.models.response import Response
from survey_service.store.database import Database
from survey_service.store.rollups import recount_mark

BY_API = "api"


async def count_begun(database: Database, network: str, after: datetime, without: Collection[str], limit: int) -> int:
    """How many responses a network began after that instant, counted up to `limit`; `without` those of these links.

    An index is read and nothing is written. Answers that arrive at the same moment do not see one another: a client
    with k connections is noticed up to k answers late, and a counter would cost every answer a majority write.
    """
    query = {"network": network, "started_at": {"$gt": after}, "link": {"$nin": list(without)}}
    # The planner may take the index over all networks for as good: while few answer, it is.
    return await database["responses"].count_documents(query, limit=limit, hint="of_network")


async def set_suspect(database: Database, response: str, why: str | None) -> Response | None:
    """Leave a response out of metrics, or let it count again (None); None if there is no such response.

    Readers of changes see it. Saying the same again changes nothing, and no answer that comes later does.
    """
    said = {"suspect": why, "suspect_by": BY_API}
    document = await database["responses"].find_one_and_update(
        {"_id": response, "erased_at": None, "$nor": [said]},
        {"$set": {**said, **recount_mark()}, "$inc": {"revision": 1}, "$currentDate": {"updated_at": True}},
        return_document=ReturnDocument.AFTER,
    ) or await database["responses"].find_one({"_id": response, "erased_at": None})
    return Response.from_document(document) if document else None
