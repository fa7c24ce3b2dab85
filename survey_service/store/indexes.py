"""Every index, by collection; made at start, and the service is not ready before they exist."""

from __future__ import annotations

import contextlib
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import CollectionInvalid

from survey_service.store.claims import EPOCH

_DUE = IndexModel([("due_at", ASCENDING)], name="due", partialFilterExpression={"due_at": {"$gt": EPOCH}})
_LEASE = IndexModel([("lease", ASCENDING)], name="lease", partialFilterExpression={"lease": {"$type": "string"}})
_NEWEST = IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest")
_CHANGED = IndexModel([("updated_at", ASCENDING), ("_id", ASCENDING)], name="changed")

PLAIN = ("brands", "touchpoints", "pauses", "config")
CAPPED = {"sandbox_messages": 64 * 1024 * 1024}  # bytes; the oldest messages go first

INDEXES: dict[str, list[IndexModel]] = {
    "events": [
        _DUE,
        _LEASE,
        _CHANGED,
        IndexModel([("received_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("decided_at", DESCENDING), ("_id", DESCENDING)], name="decided"),
        IndexModel([("customer", ASCENDING), ("type", ASCENDING), ("time", ASCENDING)], name="of_customer"),
    ],
    "surveys": [IndexModel([("latest", ASCENDING), ("survey", ASCENDING)], name="latest")],
    "triggers": [IndexModel([("latest", ASCENDING), ("trigger", ASCENDING)], name="latest")],
    "customers": [IndexModel([("keys", ASCENDING)], name="one_customer_a_key", unique=True)],
    "invitations": [
        _DUE,
        _LEASE,
        _NEWEST,
        _CHANGED,
        IndexModel([("token.sha256", ASCENDING)], name="one_invitation_a_token", unique=True),
        IndexModel([("event.key", ASCENDING)], name="of_event"),
        IndexModel([("customer", ASCENDING), ("brand", ASCENDING), ("state", ASCENDING)], name="of_customer"),
        IndexModel([("trigger", ASCENDING), ("state", ASCENDING)], name="of_trigger"),
    ],
    "deliveries": [
        _DUE,
        _LEASE,
        _NEWEST,
        _CHANGED,
        IndexModel([("invitation", ASCENDING)], name="of_invitation"),
        IndexModel([("customer", ASCENDING), ("brand", ASCENDING), ("state", ASCENDING)], name="of_customer"),
        IndexModel([("state", ASCENDING), ("created_at", DESCENDING)], name="by_state"),
        IndexModel([("held_by", ASCENDING)], name="held", partialFilterExpression={"held_by": {"$type": "string"}}),
    ],
    "responses": [
        _DUE,
        _LEASE,
        _CHANGED,
        IndexModel([("started_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("survey", ASCENDING), ("updated_at", ASCENDING)], name="of_survey"),
    ],
    "suppressions": [_NEWEST, _CHANGED, IndexModel([("subject_hash", ASCENDING)], name="of_subject")],
    "api_keys": [IndexModel([("sha256", ASCENDING)], name="one_key_a_hash", unique=True)],
    "sandbox_messages": [IndexModel([("received_at", DESCENDING)], name="newest")],
}


async def ensure_indexes(database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
    """Create the collections and indexes that are missing; transactions then never have to create one."""
    existing = set(await database.list_collection_names())
    options: dict[str, dict[str, Any]] = {name: {} for name in PLAIN}
    options |= {name: {"capped": True, "size": size} for name, size in CAPPED.items()}
    for collection, option in options.items():
        if collection not in existing:
            # Another process that starts at the same moment may be faster.
            with contextlib.suppress(CollectionInvalid):
                await database.create_collection(collection, **option)
    for collection, indexes in INDEXES.items():
        await database[collection].create_indexes(indexes)
