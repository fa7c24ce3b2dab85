"""Indexes are made at the start, also those that a large collection takes longer for than a caller waits."""

from __future__ import annotations

from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from survey_service.store.indexes import INDEXES, ensure_indexes
from tests.support.failpoints import failing


async def test_an_index_that_takes_longer_than_a_caller_waits_is_waited_for(
    mongodb_uri: str, new_database_name: str
) -> None:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongodb_uri, socketTimeoutMS=2_000)
    database = client[new_database_name]
    slow = failing(
        mongodb_uri,
        f"{new_database_name}.responses",
        ["createIndexes"],
        {"times": 1},
        blockConnection=True,
        blockTimeMS=3_000,
    )
    async with slow:
        await ensure_indexes(database)
    made = set(await database["responses"].index_information())
    client.close()
    assert made >= {index.document["name"] for index in INDEXES["responses"]}
