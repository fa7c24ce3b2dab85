"""The `deliveries` collection: every write is fenced by the claim, and by the state it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.decision import Reason
from survey_service.models.delivery import WAITING_STATES, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.store.paging import Page, PageRequest, read_page


class Deliveries:
    """Deliveries by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["deliveries"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)
        self.claims = Claims(self._collection, Delivery, database.clock, lease)

    async def insert(self, deliveries: Sequence[Delivery]) -> list[Inserted]:
        """Store deliveries; `DUPLICATE` where the same message was planned before."""
        now = self._clock.now()
        return await self._insert.insert([{**row.to_document(), "updated_at": now} for row in deliveries])

    async def get(self, delivery: str) -> Delivery | None:
        """One delivery."""
        document = await self._collection.find_one({"_id": delivery})
        return Delivery.from_document(document) if document else None

    async def kinds(self, ids: Sequence[str]) -> dict[str, str]:
        """The kind of each known delivery."""
        found = self._collection.find({"_id": {"$in": list(ids)}}, {"kind": 1})
        return {document["_id"]: document["kind"] async for document in found}

    async def of_invitation(self, invitation: str) -> list[Delivery]:
        """Every delivery of an invitation, oldest first."""
        found = self._collection.find({"invitation": invitation}).sort([("created_at", 1), ("_id", 1)])
        return [Delivery.from_document(document) async for document in found]

    async def of_invitations(self, invitations: Sequence[str]) -> dict[str, list[Delivery]]:
        """The deliveries of each invitation that has any, oldest first."""
        grouped: dict[str, list[Delivery]] = {}
        found = self._collection.find({"invitation": {"$in": list(invitations)}}).sort([("created_at", 1), ("_id", 1)])
        async for document in found:
            grouped.setdefault(document["invitation"], []).append(Delivery.from_document(document))
        return grouped

    async def newest_texts_to(self, number: str, limit: int) -> list[Delivery]:
        """Text messages that a number has, or may have, of us, and our replies to it, newest first."""
        arrived = [DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN]
        query = {"$or": [{"state": {"$in": arrived}}, {"kind": DeliveryKind.DIALOGUE}]}
        found = self._collection.find({"channel": ChannelName.SMS, "to": number, **query})
        return [Delivery.from_document(document) async for document in found.sort([("created_at", -1)]).limit(limit)]

    async def mark_sending(self, row: Delivery) -> bool:
        """Take the right to call the provider, majority-written; False: do not send, somebody else acted."""
        guard = {**fence(row), "state": {"$in": [DeliveryState.PLANNED, DeliveryState.SENDING]}}
        change: dict[str, dict[str, Any]] = {
            "$set": {"state": DeliveryState.SENDING, "held_by": None},
            "$inc": {"attempts": 1},
        }
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def record_sent(self, row: Delivery, provider: str, provider_id: str | None, status: str, rank: int) -> bool:
        """The provider took it; a status that arrived before and ranks higher stays."""
        guard = {**fence(row), "state": DeliveryState.SENDING}
        change = {
            "state": DeliveryState.SENT,
            "reason": None,
            "detail": None,
            "provider": provider,
            "provider_id": provider_id,
            "sent_at": self._clock.now(),
            "lease": None,
            "due_at": None,
        }
        status_too = {**change, "provider_status": status, "provider_rank": rank}
        (done,) = await self._update.apply(
            FencedUpdate({**guard, "provider_rank": {"$lt": rank}}, {"$set": status_too})
        )
        if not done:
            (done,) = await self._update.apply(FencedUpdate(guard, {"$set": change}))
        return done

    async def record_end(self, row: Delivery, state: DeliveryState, reason: Reason, detail: str | None = None) -> bool:
        """A claimed delivery ends as dead, cancelled or unknown, with its reason."""
        change = {"$set": {"state": state, "reason": reason, "detail": detail, "lease": None, "due_at": None}}
        guard = {**fence(row), "state": row_state_guard(row, state)}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def record_wait(
        self,
        row: Delivery,
        until: datetime,
        reason: Reason | None = None,
        detail: str | None = None,
        held_by: str | None = None,
        attempts: int | None = None,
    ) -> bool:
        """A claimed delivery waits until `until`: another try, or a hold; `attempts` corrects the count of tries."""
        change: dict[str, dict[str, Any]] = {
            "$set": {
                "state": DeliveryState.PLANNED,
                "reason": reason,
                "detail": detail,
                "held_by": held_by,
                "lease": None,
                "due_at": until,
            }
        }
        if attempts is not None:
            change["$set"]["attempts"] = attempts
        guard = {**fence(row), "state": {"$in": [*WAITING_STATES, DeliveryState.SENDING]}}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def raise_status(self, delivery: str, status: str, rank: int) -> bool:
        """Take over a provider's status if it ranks higher than the one known."""
        guard = {"_id": delivery, "provider_rank": {"$lt": rank}}
        change = {"$set": {"provider_status": status, "provider_rank": rank}}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def note_words(self, delivery: str, detail: str) -> None:
        """Keep what the other side said of a message that had left."""
        await self._update.apply(
            FencedUpdate({"_id": delivery, "state": DeliveryState.SENT}, {"$set": {"detail": detail}})
        )

    async def retry(self, delivery: str, now: datetime) -> bool:
        """Give a dead delivery its tries again."""
        guard = {"_id": delivery, "state": DeliveryState.DEAD}
        change = {"$set": {"state": DeliveryState.PLANNED, "reason": None, "attempts": 0, "deaths": 0, "due_at": now}}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def settle_unknown(self, delivery: str, state: DeliveryState, reason: Reason | None = None) -> bool:
        """An operator or evidence says what became of an unknown delivery."""
        change: dict[str, Any] = {"state": state, "reason": reason}
        if state is DeliveryState.SENT:
            change["sent_at"] = self._clock.now()
        guard = {"_id": delivery, "state": DeliveryState.UNKNOWN}
        (done,) = await self._update.apply(FencedUpdate(guard, {"$set": change}))
        return done

    async def let_go(self, held_by: str, now: datetime) -> int:
        """Make everything that a pause held due at once."""
        result = await self._collection.update_many(
            {"held_by": held_by, "lease": None, "state": DeliveryState.PLANNED},
            {"$set": {"due_at": now, "held_by": None, "reason": None}, "$currentDate": {"updated_at": True}},
        )
        return result.modified_count

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Delivery]:
        """A list page, newest first."""
        return await read_page(self._collection, Delivery, filters, request, self._clock.now())


def row_state_guard(row: Delivery, target: DeliveryState) -> dict[str, Any]:
    """The state a claimed row must still have to end as `target`: the one it was claimed in, or `sending`."""
    if target is DeliveryState.CANCELLED:
        return {"$in": list(WAITING_STATES)}
    return {"$in": [row.state, DeliveryState.SENDING]}
