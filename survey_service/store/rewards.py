"""The `rewards` collection: a reward, its news and the message that hands it over are written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from survey_service.models.base import Claimable, Stored
from survey_service.models.delivery import Delivery
from survey_service.models.incentive import TRANSITIONS, Reward, RewardReason, RewardState
from survey_service.models.outbox import outbox_change
from survey_service.store.claims import Claims
from survey_service.store.database import Database, Session
from survey_service.store.group_commit import GroupInsert, Inserted
from survey_service.store.outbox import Outboxes
from survey_service.store.paging import Page, PageRequest, read_page

_WORK_FIELDS = frozenset(Claimable.model_fields) - frozenset(Stored.model_fields)
_NOT_CHANGED = frozenset({"_id", "outbox", "updated_at"}) | _WORK_FIELDS


class Rewards:
    """Rewards by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._collection = database["rewards"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self.claims = Claims(self._collection, Reward, database.clock, lease)
        self.outbox = Outboxes(self._collection, Reward, database.clock, lease)

    async def get(self, reward: str) -> Reward | None:
        """One reward."""
        document = await self._collection.find_one({"_id": reward})
        return Reward.from_document(document) if document else None

    async def insert(self, reward: Reward, messages: Sequence[Delivery] = ()) -> bool:
        """Store a reward that is new, and ask for its messages; False if there is one, and nothing is changed."""
        document = reward.to_document()
        if not messages:
            (outcome,) = await self._insert.insert([{**document, "updated_at": self._clock.now()}])
            return outcome is Inserted.NEW

        async def write(session: Session) -> None:
            await self._collection.insert_one({**document, "updated_at": self._clock.now()}, session=session)
            await self._ask_for(messages, session)

        try:
            await self._database.transaction(write)
        except DuplicateKeyError:
            return False
        return True

    async def change(self, before: Reward, after: Reward, messages: Sequence[Delivery] = ()) -> bool:
        """Write `after` in place of `before`; False if somebody else was first, and nothing is changed.

        Whoever claimed the row loses it: there is nothing more to do about it.
        """
        if after.state not in TRANSITIONS[before.state]:
            raise ValueError(f"a reward that is {before.state} cannot become {after.state}")
        own = {name: value for name, value in after.to_document().items() if name not in _NOT_CHANGED}
        told = outbox_change(*after.outbox.entries)
        idle = {"revision": before.revision + 1, "due_at": None, "lease": None, "deaths": 0}
        change = {**told, "$set": {**own, **idle, **told.get("$set", {})}, "$currentDate": {"updated_at": True}}

        async def write(session: Session) -> bool:
            result = await self._collection.update_one(
                {"_id": before.id, "revision": before.revision}, change, session=session
            )
            if result.matched_count and messages:
                await self._ask_for(messages, session)
            return bool(result.matched_count)

        return bool(await self._database.transaction(write))

    async def _ask_for(self, messages: Sequence[Delivery], session: Session) -> None:
        rows = [{**row.to_document(), "updated_at": self._clock.now()} for row in messages]
        await self._database["deliveries"].insert_many(rows, session=session)

    async def wake(self, incentive: str) -> int:
        """Codes were added: whoever found none is due again. Returns how many they are."""
        refused = {"incentive": incentive, "state": RewardState.REFUSED, "reason": RewardReason.NO_CODES}
        waiting = {**refused, "lease": None, "erased_at": None}
        result = await self._collection.update_many(waiting, {"$set": {"due_at": self._clock.now()}})
        return result.modified_count

    async def rest(self, reward: Reward) -> None:
        """There is still nothing for this claimed reward: it waits for the next codes."""
        guard = {"_id": reward.id, "lease": reward.lease, "claim": reward.claim}
        await self._collection.update_one(guard, {"$set": {"due_at": None, "lease": None, "deaths": 0}})

    async def count(self, incentive: str, state: RewardState) -> int:
        """How many rewards of an incentive are in that state."""
        return await self._collection.count_documents({"incentive": incentive, "state": state})

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Reward]:
        """A list page, newest first."""
        return await read_page(self._collection, Reward, filters, request, self._clock.now())
