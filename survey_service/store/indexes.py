"""Every index, by collection; made at start, and the service is not ready before they exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from survey_service.store.claims import EPOCH

_DUE = IndexModel([("due_at", ASCENDING)], name="due", partialFilterExpression={"due_at": {"$gt": EPOCH}})
_LEASE = IndexModel([("lease", ASCENDING)], name="lease", partialFilterExpression={"lease": {"$type": "string"}})
_NEWEST = IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest")
_CHANGED = IndexModel([("updated_at", ASCENDING), ("_id", ASCENDING)], name="changed")

_NAMESPACE_EXISTS = 48  # https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml

PLAIN = ("brands", "contact_policies", "pauses", "config")
SANDBOX_DAYS = 30  # that a text message is kept in the sandbox
CAPPED = {"sandbox_messages": 64 * 1024 * 1024}  # bytes; the oldest messages go first

INDEXES: dict[str, list[IndexModel]] = {
    "events": [
        _DUE,
        _LEASE,
        _CHANGED,
        IndexModel([("received_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("decided_at", DESCENDING), ("_id", DESCENDING)], name="decided"),
        IndexModel([("type", ASCENDING), ("received_at", DESCENDING)], name="of_type"),
        IndexModel([("type", ASCENDING), ("time", ASCENDING), ("_id", ASCENDING)], name="of_period"),
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
        IndexModel([("customer_ref", ASCENDING), ("created_at", DESCENDING)], name="of_customer_ref"),
    ],
    "deliveries": [
        _DUE,
        _LEASE,
        _NEWEST,
        _CHANGED,
        IndexModel([("invitation", ASCENDING)], name="of_invitation"),
        IndexModel([("customer", ASCENDING), ("brand", ASCENDING), ("state", ASCENDING)], name="of_customer"),
        IndexModel([("state", ASCENDING), ("created_at", DESCENDING)], name="by_state"),
        IndexModel(
            [("to", ASCENDING), ("created_at", DESCENDING)],
            name="of_number",
            partialFilterExpression={"channel": "sms"},
        ),
        IndexModel([("held_by", ASCENDING)], name="held", partialFilterExpression={"held_by": {"$type": "string"}}),
    ],
    "responses": [
        _DUE,
        _LEASE,
        _CHANGED,
        IndexModel([("started_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("survey", ASCENDING), ("updated_at", ASCENDING)], name="of_survey"),
        IndexModel([("customer", ASCENDING), ("started_at", DESCENDING)], name="of_customer"),
        IndexModel([("customer_ref", ASCENDING), ("started_at", DESCENDING)], name="of_customer_ref"),
    ],
    "suppressions": [_NEWEST, _CHANGED, IndexModel([("subject_hash", ASCENDING)], name="of_subject")],
    "touchpoints": [
        IndexModel(
            [("keyword", ASCENDING)],
            name="one_touchpoint_a_keyword",
            unique=True,
            partialFilterExpression={"keyword": {"$type": "string"}},
        )
    ],
    "inbound_texts": [
        _DUE,
        _LEASE,
        IndexModel([("sender", ASCENDING), ("received_at", ASCENDING)], name="of_sender"),
        IndexModel([("invitation", ASCENDING)], name="of_invitation"),
    ],
    "contacts": [IndexModel([("holds.invitation", ASCENDING)], name="of_invitation")],
    "counters": [IndexModel([("forget_at", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
    "api_keys": [IndexModel([("sha256", ASCENDING)], name="one_key_a_hash", unique=True)],
    "sandbox_texts": [
        IndexModel([("recipient", ASCENDING), ("created_at", DESCENDING)], name="to_number"),
        # Not capped: their status changes.
        IndexModel([("created_at", DESCENDING)], name="newest", expireAfterSeconds=SANDBOX_DAYS * 86_400),
    ],
    "sandbox_messages": [IndexModel([("received_at", DESCENDING)], name="newest")],
}


async def ensure_indexes(database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
    """Create the collections and indexes that are missing; transactions then never have to create one."""
    existing = set(await database.list_collection_names())
    options: dict[str, dict[str, Any]] = {name: {} for name in PLAIN}
    options |= {name: {"capped": True, "size": size} for name, size in CAPPED.items()}
    for collection, option in options.items():
        if collection not in existing:
            await _create(database, collection, option)
    for collection, indexes in INDEXES.items():
        await database[collection].create_indexes(indexes)


async def _create(database: AsyncIOMotorDatabase[dict[str, Any]], collection: str, options: Mapping[str, Any]) -> None:
    try:
        await database.create_collection(collection, check_exists=False, **options)
    except OperationFailure as error:
        # Another process that starts at the same moment may be faster.
        if error.code != _NAMESPACE_EXISTS:
            raise
