"""The `cases` collection: every change is a compare-and-set on the revision, with what it has to tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import BulkWriteError

from survey_service.errors import Conflict
from survey_service.models.case import ACTIVE_STATES, Case
from survey_service.models.delivery import Delivery
from survey_service.models.outbox import News, outbox_change
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database, Session
from survey_service.store.group_commit import GroupInsert, Inserted
from survey_service.store.outbox import Outboxes
from survey_service.store.paging import Page, PageRequest, read_page

_DUPLICATE_KEY = 11000
_OTHERS = frozenset({"_id", "outbox", "lease", "claim", "deaths", "updated_at"})  # no change of a case writes them


@dataclass(frozen=True, slots=True)
class Workload:
    """What one person has to do: active cases, when the last one came, and how many came since a day that was named."""

    active: int = 0
    last_at: datetime | None = None
    lately: int = 0


@dataclass(frozen=True, slots=True)
class LastWord:
    """The newest resolved or closed case of a customer: when that was, and what was done, if somebody wrote it down."""

    at: datetime
    public_note: str | None


class Cases:
    """Cases by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._collection = database["cases"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self.claims = Claims(self._collection, Case, database.clock, lease)
        self.outbox = Outboxes(self._collection, Case, database.clock, lease)

    async def insert(self, cases: Sequence[Case]) -> list[Inserted]:
        """Open cases; `DUPLICATE` where the same response and rule opened one before."""
        now = self._clock.now()
        return await self._insert.insert([{**row.to_document(), "updated_at": now} for row in cases])

    async def get(self, case: str) -> Case | None:
        """One case."""
        document = await self._collection.find_one({"_id": case})
        return Case.from_document(document) if document else None

    async def get_many(self, ids: Collection[str]) -> dict[str, Case]:
        """Those of `ids` that exist."""
        found = self._collection.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: Case.from_document(document) async for document in found}

    async def change(
        self, before: Case, after: Case, news: Sequence[News] = (), messages: Sequence[Delivery] = (), *, held: bool
    ) -> bool:
        """Write `after`, the next revision of `before`; False if somebody else was first, and nothing is changed.

        In the same write stand its news, in the same transaction the `messages` that it asks for. `held` cases are
        still claimed by the caller; all others are taken from whoever holds them.

        Raises:
            Conflict: one of the messages was asked for before; nothing is changed.
        """
        guard = fence(before) if held else {"_id": before.id}
        told = outbox_change(*news)
        own = {name: value for name, value in after.to_document().items() if name not in _OTHERS}
        change = {
            **told,
            "$set": {**own, "lease": None, "deaths": 0, **told.get("$set", {})},
            "$currentDate": {"updated_at": True},
        }

        async def write(session: Session) -> bool:
            result = await self._collection.update_one({**guard, "revision": before.revision}, change, session=session)
            if result.matched_count and messages:
                rows = [{**row.to_document(), "updated_at": self._clock.now()} for row in messages]
                await self._database["deliveries"].insert_many(rows, session=session)
            return bool(result.matched_count)

        try:
            return bool(await self._database.transaction(write))
        except BulkWriteError as error:
            if any(failure["code"] != _DUPLICATE_KEY for failure in error.details["writeErrors"]):
                raise
            raise Conflict("the message was asked for before") from None

    async def active_customers(self, customers: Collection[str]) -> frozenset[str]:
        """Those of `customers` with an active case."""
        if not customers:
            return frozenset()
        query = {"customer": {"$in": list(customers)}, "state": {"$in": list(ACTIVE_STATES)}}
        return frozenset(await self._collection.distinct("customer", query))

    async def last_words(self, customers: Collection[str], since: datetime) -> dict[tuple[str, str], LastWord]:
        """The last word of each (customer, brand) that has one, not older than `since`."""
        if not customers:
            return {}
        query = {"customer": {"$in": list(customers)}, "closed_at": {"$gte": since}}
        fields = {"customer": 1, "brand": 1, "closed_at": 1, "public_note": 1}
        words: dict[tuple[str, str], LastWord] = {}
        async for document in self._collection.find(query, fields).sort([("closed_at", 1), ("_id", 1)]):
            word = LastWord(document["closed_at"], document["public_note"])
            words[document["customer"], document["brand"]] = word
        return words

    async def concerning(
        self, response: str | None, customer: str | None, brand: str, touchpoint: str | None
    ) -> Case | None:
        """The newest case of a response, whatever its state, else the customer's newest active one of the touchpoint.

        One of another touchpoint is none of theirs who read it there.
        """
        if customer is None:
            return None
        active = {"brand": brand, "touchpoint": touchpoint, "state": {"$in": list(ACTIVE_STATES)}}
        wanted = ({"response": response}, active)
        for query in wanted:
            newest = self._collection.find({"customer": customer, **query}).sort([("opened_at", -1)]).limit(1)
            async for document in newest:
                return Case.from_document(document)
        return None

    async def active_of(self, owner: str, limit: int = 10) -> list[str]:
        """The ids of the first active cases that a person owns."""
        query = {"owner": owner, "state": {"$in": list(ACTIVE_STATES)}}
        found = self._collection.find(query, {"_id": 1}).sort([("opened_at", 1), ("_id", 1)]).limit(limit)
        return [document["_id"] async for document in found]

    async def workload(self, since: Mapping[str, datetime]) -> dict[str, Workload]:
        """What each of these people has to do; what came `lately` counts from their own instant on."""
        people = {"owner": {"$in": list(since)}}
        active = await self._by_owner({**people, "state": {"$in": list(ACTIVE_STATES)}}, {"$sum": 1})
        last = await self._by_owner(people, {"$first": "$assigned_at"}, newest_first=True)
        either = [{"owner": person, "assigned_at": {"$gte": start}} for person, start in since.items()]
        lately = await self._by_owner({"$or": either}, {"$sum": 1}) if either else {}
        return {person: Workload(active.get(person, 0), last.get(person), lately.get(person, 0)) for person in since}

    async def _by_owner(
        self, match: Mapping[str, Any], value: Mapping[str, Any], *, newest_first: bool = False
    ) -> dict[str, Any]:
        # The index in this order lets the server read one entry a person.
        order = [{"$sort": {"owner": 1, "assigned_at": -1}}] if newest_first else []
        found = self._collection.aggregate([{"$match": match}, *order, {"$group": {"_id": "$owner", "value": value}}])
        return {document["_id"]: document["value"] async for document in found}

    async def count(self, filters: Mapping[str, Any], most: int) -> int:
        """How many cases match, up to `most`."""
        return await self._collection.count_documents(dict(filters), limit=most)

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Case]:
        """A list page, newest first."""
        return await read_page(self._collection, Case, filters, request, self._clock.now(), newest_by="opened_at")

    async def page_by_due(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Case]:
        """A list page, what is due first on top: what is overdue, then what is next."""
        return await read_page(self._collection, Case, filters, request, self._clock.now(), oldest_by="due_by")
