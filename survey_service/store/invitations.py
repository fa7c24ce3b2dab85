"""The `invitations` collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from survey_service.models.decision import Reason
from survey_service.models.event import Event
from survey_service.models.invitation import FINAL_STATES, Invitation, InvitationState, states_that_may_become
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database, Session
from survey_service.store.group_commit import FencedUpdate, GroupInsert, GroupUpdate, Inserted
from survey_service.store.paging import Page, PageRequest, read_page
from survey_service.store.shared_reads import SharedReads

PATIENCE = 4.0  # seconds for a transaction whose rows carry its time: readers of changes stay five behind


class Invitations:
    """Invitations by id and by the hash of their token."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._collection = database["invitations"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self._update = GroupUpdate(self._collection)
        self._by_token = SharedReads(self._collection, "token.sha256", lambda document: document["token"]["sha256"])
        self.claims = Claims(self._collection, Invitation, database.clock, lease)

    async def insert(self, invitations: Sequence[Invitation]) -> list[Inserted]:
        """Store invitations; `DUPLICATE` where an earlier pass or request left the same one."""
        now = self._clock.now()
        return await self._insert.insert([{**row.to_document(), "updated_at": now} for row in invitations])

    async def insert_claimed(
        self, invitations: Sequence[Invitation], claims: Claims[Event], lease: str
    ) -> list[Invitation]:
        """Store invitations of events that are claimed under `lease`; returns those whose event still is.

        One transaction proves the claims and stores the rows: whoever takes an event over later finds its invitations,
        and once somebody took it over none comes any more.
        """

        async def write(session: Session) -> list[Invitation]:
            kept = await claims.keep(lease, [row.event.key for row in invitations if row.event], session)
            rows = [row for row in invitations if row.event and row.event.key in kept]
            if rows:
                now = self._clock.now()
                documents = [{**row.to_document(), "updated_at": now} for row in rows]
                await self._collection.insert_many(documents, session=session)
            return rows

        stored: list[Invitation] = await self._database.transaction(write, within=PATIENCE)
        return stored

    async def get(self, invitation: str) -> Invitation | None:
        """One invitation."""
        document = await self._collection.find_one({"_id": invitation})
        return Invitation.from_document(document) if document else None

    async def get_many(self, ids: Sequence[str]) -> dict[str, Invitation]:
        """Invitations by id."""
        found = self._collection.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: Invitation.from_document(document) async for document in found}

    async def by_token(self, token_sha256: str) -> Invitation | None:
        """The invitation behind a survey token."""
        document = await self._by_token.get(token_sha256)
        return Invitation.from_document(document) if document else None

    async def of_events(self, keys: Sequence[str]) -> dict[tuple[str, str], Invitation]:
        """What earlier passes made of these events, by (event key, trigger)."""
        found = self._collection.find({"event.key": {"$in": list(keys)}})
        rows = [Invitation.from_document(document) async for document in found]
        return {(row.event.key, row.trigger): row for row in rows if row.event and row.trigger}

    async def waiting_for(self, customer: str, triggers: Sequence[str]) -> list[Invitation]:
        """Invitations of a customer under these triggers that have not been sent."""
        query = {"customer": customer, "state": InvitationState.WAITING, "trigger": {"$in": list(triggers)}}
        return [Invitation.from_document(document) async for document in self._collection.find(query)]

    async def finish_step(
        self,
        row: Invitation,
        due_at: datetime | None,
        state: InvitationState | None = None,
        reason: Reason | None = None,
    ) -> bool:
        """End a claimed step: planned, and what comes next; False if the claim was lost or the state moved on."""
        guard: dict[str, Any] = fence(row)
        change: dict[str, Any] = {"planned": True, "due_at": due_at, "lease": None, "deaths": 0}
        if state is not None:
            guard["state"] = {"$in": states_that_may_become(state)}
            change |= {"state": state, "reason": reason}
            if state is InvitationState.SENT:
                change["sent_at"] = self._clock.now()
        (done,) = await self._update.apply(FencedUpdate(guard, {"$set": change}))
        return done

    async def move(
        self, invitation: str, state: InvitationState, reason: Reason | None = None, at: datetime | None = None
    ) -> bool:
        """Step to `state` where the table of transitions allows it; `at` is stored as `sent_at`."""
        change: dict[str, Any] = {"state": state, "reason": reason}
        if at is not None:
            change["sent_at"] = at
        guard = {"_id": invitation, "state": {"$in": states_that_may_become(state)}}
        (done,) = await self._update.apply(FencedUpdate(guard, {"$set": change}))
        return done

    async def wake(self, invitation: str, within: timedelta = timedelta()) -> None:
        """Its messages came to an end, or one left: planning looks at it again, at the latest `within` this time.

        A planner that holds the row at this moment loses its claim: what it decided by is out of date. Whoever is
        about to write such an end says so before it, too, `within` the time that it takes: should the word after it
        be lost, planning looks all the same.
        """
        guard = {"_id": invitation, "state": {"$nin": list(FINAL_STATES)}}
        due_at = self._clock.now() + within
        change: dict[str, dict[str, Any]] = {"$set": {"lease": None, "due_at": due_at}}
        if within:
            change = {"$set": {"lease": None}, "$min": {"due_at": due_at}}
        await self._update.apply(FencedUpdate(guard, change))

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Invitation]:
        """A list page, newest first."""
        return await read_page(self._collection, Invitation, filters, request, self._clock.now())
