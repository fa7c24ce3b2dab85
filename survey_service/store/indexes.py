"""Every index, by collection; made at start, and the service is not ready before they exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import NetworkTimeout, OperationFailure

from survey_service.store.claims import EPOCH
from survey_service.store.outbox import OUTBOX_INDEXES

log = structlog.get_logger()

_DUE = IndexModel([("due_at", ASCENDING)], name="due", partialFilterExpression={"due_at": {"$gt": EPOCH}})
_LEASE = IndexModel([("lease", ASCENDING)], name="lease", partialFilterExpression={"lease": {"$type": "string"}})
_NEWEST = IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)], name="newest")
_NEWEST_REQUEST = IndexModel([("requested_at", DESCENDING), ("_id", DESCENDING)], name="newest")
_OLDEST = IndexModel([("received_at", ASCENDING)], name="oldest")
_CHANGED = IndexModel([("updated_at", ASCENDING), ("_id", ASCENDING)], name="changed")

_READING = [
    IndexModel(
        [("reading.due_at", ASCENDING)], name="reading_due", partialFilterExpression={"reading.due_at": {"$gt": EPOCH}}
    ),
    IndexModel(
        [("reading.lease", ASCENDING)],
        name="reading_lease",
        partialFilterExpression={"reading.lease": {"$type": "string"}},
    ),
]

_HAS_WORDS = {"comment": {"$gt": ""}}
COMMENTED, COMMENTED_AT = "commented", "commented_at"  # in order of time; likewise, of each touchpoint
OF_MEASURE = "of_measure"
DUE_OF_WEBHOOK = "due_of_webhook"
DUE_IN_LANE = "due_in_lane"
_NAMESPACE_EXISTS = 48  # https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml

PLAIN = (
    "brands",
    "config",
    "contact_policies",
    "follow_ups",
    "incentives",
    "links",
    "pauses",
    "people",
    "topics",
    "webhook_health",
    "webhooks",
)
SANDBOX_DAYS = 30  # that a text message is kept in the sandbox
DIGEST_DAYS = 30  # that a digest is kept; it repeats what customers wrote
CALL_DAYS = 30  # that the calls of a webhook are kept, hence may be replayed; they hold what customers wrote
# Bytes; the oldest rows go first. Some 90,000 visits fit: the last ten seconds always matter, the last hour a little.
CAPPED = {"sandbox_messages": 64 * 1024 * 1024, "visits": 16 * 1024 * 1024}

INDEXES: dict[str, list[IndexModel]] = {
    "events": [
        _DUE,
        _LEASE,
        *OUTBOX_INDEXES,
        _CHANGED,
        IndexModel([("received_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("decided_at", DESCENDING), ("_id", DESCENDING)], name="decided"),
        IndexModel([("type", ASCENDING), ("received_at", DESCENDING)], name="of_type"),
        IndexModel([("type", ASCENDING), ("time", ASCENDING), ("_id", ASCENDING)], name="of_period"),
        IndexModel([("customer", ASCENDING), ("type", ASCENDING), ("time", ASCENDING)], name="of_customer"),
        IndexModel([("keys", ASCENDING)], name="of_known_person", partialFilterExpression={"keys": {"$gt": ""}}),
    ],
    "surveys": [
        IndexModel([("latest", ASCENDING), ("survey", ASCENDING)], name="latest"),
        IndexModel([("survey", ASCENDING)], name="promised", partialFilterExpression={"anonymous": True}),
    ],
    "triggers": [IndexModel([("latest", ASCENDING), ("trigger", ASCENDING)], name="latest")],
    "customers": [
        IndexModel([("keys", ASCENDING)], name="one_customer_a_key", unique=True),
        IndexModel(
            [("conflicts.other", ASCENDING)],
            name="in_conflict_with",
            partialFilterExpression={"conflicts.other": {"$gt": ""}},
        ),
    ],
    "retentions": [_DUE, _LEASE],
    "erasures": [
        _DUE,
        _LEASE,
        _NEWEST_REQUEST,
        _CHANGED,
        IndexModel(
            [("customer", ASCENDING)],
            name="one_open_erasure_a_customer",
            unique=True,
            partialFilterExpression={"customer": {"$type": "string"}},
        ),
        IndexModel(
            [("about", ASCENDING)],
            name="one_open_erasure_about",
            unique=True,
            partialFilterExpression={"about": {"$type": "string"}},
        ),
    ],
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
        # A channel that is slow leaves many due rows: those of the other lanes are found without them.
        IndexModel(
            [("channel", ASCENDING), ("kind", ASCENDING), ("due_at", ASCENDING)],
            name=DUE_IN_LANE,
            partialFilterExpression={"due_at": {"$gt": EPOCH}},
        ),
        _LEASE,
        *OUTBOX_INDEXES,
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
        IndexModel([("to", ASCENDING)], name="to_nobody_known", partialFilterExpression={"customer": None}),
        IndexModel([("case", ASCENDING)], name="of_case", partialFilterExpression={"case": {"$type": "string"}}),
        IndexModel(
            [("responses", ASCENDING)], name="repeats_response", partialFilterExpression={"responses": {"$gt": ""}}
        ),
        IndexModel([("held_by", ASCENDING)], name="held", partialFilterExpression={"held_by": {"$type": "string"}}),
    ],
    "responses": [
        _DUE,
        _LEASE,
        *OUTBOX_INDEXES,
        *_READING,
        _CHANGED,
        IndexModel([("started_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("started_at", DESCENDING)], name=COMMENTED, partialFilterExpression=_HAS_WORDS),
        IndexModel(
            [("touchpoint", ASCENDING), ("started_at", DESCENDING)],
            name=COMMENTED_AT,
            partialFilterExpression=_HAS_WORDS,
        ),
        IndexModel(
            [("measured", ASCENDING), ("started_at", DESCENDING), ("_id", DESCENDING)],
            name=OF_MEASURE,
        ),
        IndexModel([("survey", ASCENDING), ("updated_at", ASCENDING)], name="of_survey"),
        IndexModel([("survey", ASCENDING), ("started_at", ASCENDING)], name="of_survey_by_start"),
        IndexModel(
            [("started_at", DESCENDING), ("survey", ASCENDING)],
            name="uncounted",
            partialFilterExpression={"uncounted": {"$gt": ""}},
        ),
        IndexModel([("customer", ASCENDING), ("started_at", DESCENDING)], name="of_customer"),
        IndexModel([("customer_ref", ASCENDING), ("started_at", DESCENDING)], name="of_customer_ref"),
        IndexModel([("touchpoint", ASCENDING), ("started_at", DESCENDING)], name="of_touchpoint"),
        IndexModel(
            [("network", ASCENDING), ("started_at", DESCENDING)],
            name="of_network",
            partialFilterExpression={"network": {"$gt": ""}},
        ),
    ],
    "ballots": [_DUE, _LEASE, IndexModel([("box", ASCENDING), ("status", ASCENDING)], name="of_box")],
    "voters": [IndexModel([("box", ASCENDING)], name="of_box")],
    "cases": [
        _DUE,
        _LEASE,
        *OUTBOX_INDEXES,
        _CHANGED,
        IndexModel([("opened_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        IndexModel([("state", ASCENDING), ("opened_at", DESCENDING)], name="by_state"),
        IndexModel([("state", ASCENDING), ("due_by", ASCENDING), ("_id", ASCENDING)], name="by_due"),
        IndexModel([("closed_at", ASCENDING)], name="closed", partialFilterExpression={"closed_at": {"$gt": EPOCH}}),
        IndexModel([("customer", ASCENDING), ("state", ASCENDING)], name="of_customer"),
        IndexModel([("customer", ASCENDING), ("closed_at", ASCENDING)], name="last_of_customer"),
        IndexModel([("response", ASCENDING)], name="of_response"),
        IndexModel([("customer_ref", ASCENDING), ("opened_at", DESCENDING)], name="of_customer_ref"),
        IndexModel([("owner", ASCENDING), ("state", ASCENDING)], name="of_owner"),
        IndexModel([("owner", ASCENDING), ("assigned_at", DESCENDING)], name="assigned"),
    ],
    "digests": [
        _DUE,
        _LEASE,
        IndexModel([("created_at", ASCENDING)], name="forgotten", expireAfterSeconds=DIGEST_DAYS * 86_400),
    ],
    "report_plans": [_DUE, _LEASE],
    "rollups": [
        IndexModel([("survey", ASCENDING), ("span", ASCENDING), ("start", ASCENDING)], name="of_slice"),
        IndexModel(
            [("cube", ASCENDING), ("metric", ASCENDING), ("span", ASCENDING), ("start", ASCENDING)], name="of_cube"
        ),
    ],
    "rollup_slices": [_DUE, _LEASE],
    "mails": [
        _DUE,
        _LEASE,
        *OUTBOX_INDEXES,
        _CHANGED,
        _OLDEST,
        IndexModel([("customer", ASCENDING)], name="of_customer"),
    ],
    "visits": [IndexModel([("of", ASCENDING), ("at", DESCENDING)], name="of")],
    "suppressions": [
        _NEWEST,
        _CHANGED,
        *OUTBOX_INDEXES,
        IndexModel([("subject_hash", ASCENDING)], name="of_subject"),
    ],
    "webhook_calls": [
        _DUE,
        _LEASE,
        # A receiver that has been down for days leaves many due rows: those of the others are found without them.
        IndexModel(
            [("webhook", ASCENDING), ("due_at", ASCENDING)],
            name=DUE_OF_WEBHOOK,
            partialFilterExpression={"due_at": {"$gt": EPOCH}},
        ),
        IndexModel([("webhook", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)], name="of_webhook"),
        IndexModel([("about", ASCENDING)], name="about", partialFilterExpression={"about": {"$gt": ""}}),
        IndexModel([("created_at", ASCENDING)], name="forgotten", expireAfterSeconds=CALL_DAYS * 86_400),
    ],
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
        _OLDEST,
        IndexModel([("sender", ASCENDING), ("received_at", ASCENDING)], name="of_sender"),
        IndexModel([("invitation", ASCENDING)], name="of_invitation"),
    ],
    "contacts": [IndexModel([("holds.invitation", ASCENDING)], name="of_invitation")],
    "counters": [IndexModel([("forget_at", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
    # Codes that were taken leave this index: what a take reads does not grow with them.
    "codes": [
        IndexModel(
            [("pool", ASCENDING), ("free", ASCENDING), ("_id", ASCENDING)],
            name="free",
            partialFilterExpression={"free": True},
        ),
        IndexModel(
            [("pool", ASCENDING), ("reward", ASCENDING)],
            name="one_code_a_reward",
            unique=True,
            partialFilterExpression={"reward": {"$gt": ""}},
        ),
    ],
    "incentive_states": [*OUTBOX_INDEXES],
    "allowances": [IndexModel([("forget_at", ASCENDING)], name="forgotten", expireAfterSeconds=0)],
    "rewards": [
        _DUE,
        _LEASE,
        *OUTBOX_INDEXES,
        _NEWEST,
        _CHANGED,
        IndexModel([("incentive", ASCENDING), ("state", ASCENDING), ("reason", ASCENDING)], name="of_incentive"),
        IndexModel([("response", ASCENDING)], name="of_response"),
        IndexModel([("customer", ASCENDING), ("created_at", DESCENDING)], name="of_customer"),
        IndexModel([("customer_ref", ASCENDING), ("created_at", DESCENDING)], name="of_customer_ref"),
    ],
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
        await _index(database[collection], indexes)


async def _index(collection: AsyncIOMotorCollection[dict[str, Any]], indexes: list[IndexModel]) -> None:
    """Make indexes, however long a large collection takes: the server goes on with what nobody waits for any more."""
    while True:
        try:
            await collection.create_indexes(indexes)
        except NetworkTimeout:
            log.warning("indexes.being_made", collection=collection.name)
        else:
            return


async def _create(database: AsyncIOMotorDatabase[dict[str, Any]], collection: str, options: Mapping[str, Any]) -> None:
    try:
        await database.create_collection(collection, check_exists=False, **options)
    except OperationFailure as error:
        # Another process that starts at the same moment may be faster.
        if error.code != _NAMESPACE_EXISTS:
            raise
