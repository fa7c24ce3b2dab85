"""The `deliveries` collection: every write is fenced by the claim, and by the state it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.decision import Reason
from survey_service.models.delivery import WAITING_STATES, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.outbox import NewsType, outbox_change, recurring_news
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.store.outbox import Outboxes
from survey_service.store.paging import Page, PageRequest, read_page


class Deliveries:
    """Deliveries by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["deliveries"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)
        self.claims = Claims(self._collection, Delivery, database.clock, lease)
        self.outbox = Outboxes(self._collection, Delivery, database.clock, lease)

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

    async def of_case(self, case: str) -> list[Delivery]:
        """Every message about a case, oldest first."""
        found = self._collection.find({"case": case}).sort([("created_at", 1), ("_id", 1)])
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

    async def mark_sending(self, row: Delivery, segments: int | None = None) -> bool:
        """Take the right to call the provider, majority-written; False: do not send, somebody else acted."""
        guard = {**fence(row), "state": {"$in": [DeliveryState.PLANNED, DeliveryState.SENDING]}}
        change: dict[str, dict[str, Any]] = {
            "$set": {
                "state": DeliveryState.SENDING,
                "held_by": None,
                "attempted_at": self._clock.now(),
                "segments": segments,
            },
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
            "provider": provider,
            "provider_id": provider_id,
            "sent_at": self._clock.now(),
            "lease": None,
            "due_at": None,
        }
        status_too = {**change, "detail": None, "provider_status": status, "provider_rank": rank}
        (done,) = await self._update.apply(
            FencedUpdate({**guard, "provider_rank": {"$lt": rank}}, {"$set": status_too})
        )
        if not done:
            (done,) = await self._update.apply(FencedUpdate(guard, {"$set": change}))
        return done

    async def record_end(self, row: Delivery, state: DeliveryState, reason: Reason, detail: str | None = None) -> bool:
        """A claimed delivery ends as dead or cancelled, with its reason."""
        ended = {"state": state, "reason": reason, "detail": detail, "lease": None, "due_at": None}
        change = _with_news(row.id, state, ended, self._clock.now())
        guard = {**fence(row), "state": row_state_guard(row, state)}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def record_unknown(self, row: Delivery, detail: str | None, look_at: datetime | None) -> DeliveryState | None:
        """Nobody heard what the provider said: `unknown`, looked into at `look_at`; None if somebody else acted.

        `sent`, if a report of the provider came before this: it has the message.
        """
        guard = {**fence(row), "state": {"$in": [row.state, DeliveryState.SENDING]}}
        unknown = {"state": DeliveryState.UNKNOWN, "reason": Reason.OUTCOME_UNKNOWN, "detail": detail}
        change = {**unknown, "lookups": 0, "lease": None, "due_at": look_at}
        (done,) = await self._update.apply(FencedUpdate({**guard, "provider_id": None}, {"$set": change}))
        if done:
            return DeliveryState.UNKNOWN
        change = _left(DeliveryState.SENT, self._clock.now())
        (done,) = await self._update.apply(FencedUpdate({**guard, "provider_id": {"$ne": None}}, {"$set": change}))
        return DeliveryState.SENT if done else None

    async def record_lookup(self, row: Delivery, lookups: int, next_at: datetime | None) -> None:
        """The provider was asked about a claimed unknown delivery and showed nothing; None: it is asked no more."""
        change = {"lookups": lookups, "lease": None, "due_at": next_at}
        await self._update.apply(FencedUpdate({**fence(row), "state": DeliveryState.UNKNOWN}, {"$set": change}))

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
                "deaths": 0,
                "lease": None,
                "due_at": until,
            }
        }
        if attempts is not None:
            change["$set"]["attempts"] = attempts
        guard = {**fence(row), "state": {"$in": [*WAITING_STATES, DeliveryState.SENDING]}}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def note_provider_id(self, delivery: str, provider: str, provider_id: str) -> None:
        """The provider has it, under this id: proof that outlives whatever becomes of the worker that sent it."""
        guard = {"_id": delivery, "provider_id": None}
        change = {"provider": provider, "provider_id": provider_id}
        await self._update.apply(FencedUpdate(guard, {"$set": change}))

    async def raise_status(self, delivery: str, status: str, rank: int) -> bool:
        """Take over a provider's status if it ranks higher than the one known."""
        guard = {"_id": delivery, "provider_rank": {"$lt": rank}}
        change = {"$set": {"provider_status": status, "provider_rank": rank}}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def note_words(self, delivery: str, detail: str) -> None:
        """Keep what the other side said of a message that has left, or is just leaving."""
        guard = {"_id": delivery, "state": {"$in": [DeliveryState.SENDING, DeliveryState.SENT]}}
        await self._update.apply(FencedUpdate(guard, {"$set": {"detail": detail}}))

    async def retry(self, delivery: str, now: datetime) -> bool:
        """Give a dead delivery its tries again, unless another one was sent in its place."""
        guard = {"_id": delivery, "state": DeliveryState.DEAD, "replaced_by": None}
        forgotten = dict.fromkeys(("reason", "provider", "provider_id", "provider_status"))
        counts = dict.fromkeys(("attempts", "deaths", "provider_rank"), 0)
        change = {"$set": {"state": DeliveryState.PLANNED, "due_at": now, **forgotten, **counts}}
        (done,) = await self._update.apply(FencedUpdate(guard, change))
        return done

    async def settle_unknown(self, delivery: str, state: DeliveryState, reason: Reason | None = None) -> bool:
        """An operator or evidence says what became of an unknown delivery."""
        change = {**_left(state, self._clock.now()), "reason": reason}
        if state is DeliveryState.SENT:
            change["detail"] = None
        guard = {"_id": delivery, "state": DeliveryState.UNKNOWN}
        change = _with_news(delivery, state, change, self._clock.now())
        (done,) = await self._update.apply(FencedUpdate(guard, change))
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


def dead_news(delivery: str, now: datetime) -> dict[str, dict[str, Any]]:
    """The update operators that tell of a delivery's end as dead; a retried one may end so again."""
    return outbox_change(recurring_news(delivery, NewsType.DELIVERY_DEAD, now))


def _with_news(delivery: str, state: DeliveryState, fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The update that sets `fields`, and tells of it where the delivery is dead by it."""
    news = dead_news(delivery, now) if state is DeliveryState.DEAD else {}
    return {**news, "$set": {**fields, **news.get("$set", {})}}


def _left(state: DeliveryState, now: datetime) -> dict[str, Any]:
    """The change that settles what was in doubt."""
    settled = {"state": state, "reason": None, "lease": None, "due_at": None}
    return {**settled, "sent_at": now} if state is DeliveryState.SENT else settled


def row_state_guard(row: Delivery, target: DeliveryState) -> dict[str, Any]:
    """The state a claimed row must still have to end as `target`: the one it was claimed in, or `sending`."""
    if target is DeliveryState.CANCELLED:
        return {"$in": list(WAITING_STATES)}
    return {"$in": [row.state, DeliveryState.SENDING]}
