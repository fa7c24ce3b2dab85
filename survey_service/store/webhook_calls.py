"""The `webhook_calls` collection: what is posted to whom, and how it went; and `webhook_health`, who fails."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.webhook import Attempt, CallState, WebhookCall, WebhookHealth
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.store.indexes import DUE_OF_WEBHOOK
from survey_service.store.paging import Page, PageRequest, read_page

KEPT_ATTEMPTS = 30
_STAMP = {"$currentDate": {"updated_at": True}}


class WebhookCalls:
    """Calls by id, and the health of their webhooks."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["webhook_calls"]
        self._health = database["webhook_health"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)
        self.claims = Claims(self._collection, WebhookCall, database.clock, lease, index=DUE_OF_WEBHOOK)

    async def insert(self, calls: Sequence[WebhookCall]) -> list[Inserted]:
        """Store calls; `DUPLICATE` where the webhook was told of the same news before."""
        now = self._clock.now()
        return await self._insert.insert([{**row.to_document(), "updated_at": now} for row in calls])

    async def record(self, row: WebhookCall, attempt: Attempt, state: CallState, due_at: datetime | None) -> bool:
        """What a try of a claimed call came to, and when the next one is (None: there is none)."""
        change: dict[str, dict[str, Any]] = {
            "$set": {"state": state, "lease": None, "due_at": due_at, "deaths": 0},
            "$inc": {"tries": 1},
            "$push": {"attempts": {"$each": [attempt.model_dump()], "$slice": -KEPT_ATTEMPTS}},
        }
        (done,) = await self._update.apply(FencedUpdate(fence(row), change))
        return done

    async def end_waiting(self, webhook: str, attempt: Attempt, lease: str | None = None) -> int:
        """The waiting calls of a webhook that was switched off are dead, but those that others than `lease` hold."""
        result = await self._collection.update_many(
            {"webhook": webhook, "state": CallState.WAITING, "lease": {"$in": [None, lease]}},
            {
                "$set": {"state": CallState.DEAD, "lease": None, "due_at": None},
                "$push": {"attempts": {"$each": [attempt.model_dump()], "$slice": -KEPT_ATTEMPTS}},
                **_STAMP,
            },
        )
        return result.modified_count

    async def replay(
        self,
        webhook: str,
        start: datetime,
        end: datetime,
        types: Collection[str],
        states: Collection[CallState],
        limit: int,
    ) -> tuple[int, datetime | None]:
        """Post the calls of [start, end) again, the oldest `limit` of them, but those that are under way.

        How many, and the instant from which more are left (None: none is).
        """
        query: dict[str, Any] = {"webhook": webhook, "created_at": {"$gte": start, "$lt": end}}
        if types:
            query["type"] = {"$in": list(types)}
        query["state"] = {"$in": list(states)}
        found = self._collection.find(query, {"created_at": 1}).sort([("created_at", 1), ("_id", 1)]).limit(limit + 1)
        rows = [(document["_id"], document["created_at"]) async for document in found]
        result = await self._collection.update_many(
            {"_id": {"$in": [name for name, _ in rows[:limit]]}, "lease": None},
            {"$set": {"state": CallState.WAITING, "tries": 0, "deaths": 0, "due_at": self._clock.now()}, **_STAMP},
        )
        return result.matched_count, rows[limit][1] if len(rows) > limit else None

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[WebhookCall]:
        """A list page, newest first."""
        return await read_page(self._collection, WebhookCall, filters, request, self._clock.now())

    async def forget(self, webhook: str) -> None:
        """A webhook is gone, and so are its calls."""
        await self._collection.delete_many({"webhook": webhook})
        await self.note_well(webhook)

    async def health(self) -> dict[str, WebhookHealth]:
        """The webhooks that fail or are held, by name."""
        found = self._health.find()
        return {document["_id"]: WebhookHealth.from_document(document) async for document in found}

    async def note_well(self, webhook: str) -> None:
        """Something passed: it is neither failing nor held."""
        await self._health.delete_one({"_id": webhook})

    async def note_failed_round(
        self, webhook: str, began_at: datetime, holds: Sequence[timedelta], forgotten_after: timedelta
    ) -> datetime:
        """Nothing of a round passed: nobody calls the webhook for `holds[n]`, n counting the rounds; the last stays.

        Rounds that overlap count once, and those before a long silence not at all. Returns since when nothing passed.
        """
        now = self._clock.now()
        counts = {"$lte": [{"$ifNull": ["$held_until", began_at]}, began_at]}
        lately = {"$gt": ["$held_until", now - forgotten_after]}
        milliseconds = [int(hold.total_seconds() * 1000) for hold in holds]
        place = {"$min": ["$rounds", len(holds)]}
        until = {"$add": [now, {"$arrayElemAt": [milliseconds, {"$subtract": [place, 1]}]}]}
        change: list[Mapping[str, Any]] = [
            {
                "$set": {
                    "schema": WebhookHealth.SCHEMA,
                    "failing_since": {"$cond": [lately, {"$ifNull": ["$failing_since", now]}, now]},
                    "rounds": {"$add": [{"$cond": [lately, "$rounds", 0]}, {"$cond": [counts, 1, 0]}]},
                    "is_counted": counts,
                }
            },
            {"$set": {"held_until": {"$cond": ["$is_counted", until, "$held_until"]}}},
            {"$unset": "is_counted"},
        ]
        document = await self._health.find_one_and_update({"_id": webhook}, change, upsert=True, return_document=True)
        since: datetime = document["failing_since"]
        return since

    async def hold(self, webhook: str, until: datetime) -> None:
        """The receiver said when it wants to be called again; nobody calls it before."""
        change = {"$max": {"held_until": until}, "$setOnInsert": {"schema": WebhookHealth.SCHEMA, "rounds": 0}}
        await self._health.update_one({"_id": webhook}, change, upsert=True)

    async def lift_hold(self, webhook: str) -> None:
        """It is called again at once; since when it fails is still known."""
        await self._health.update_one({"_id": webhook}, {"$min": {"held_until": self._clock.now()}})
