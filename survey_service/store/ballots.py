"""The `ballots` collection: anonymous answers wait here until enough people gave them; then they become responses.

An answer and the end of its invitation commit together, as elsewhere, but neither names the other, and the invitation
does not say when: its `updated_at` stays as it was, and so does that of the messages that are not sent any more.
Beside the ballots, `voters` counts whose are in a box, since one person may answer about many events.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from survey_service.models.ballot import Ballot
from survey_service.models.base import Claimable, Stored
from survey_service.models.decision import Reason
from survey_service.models.delivery import ASKS, WAITING_STATES, DeliveryState
from survey_service.models.ids import hashed_id
from survey_service.models.invitation import Invitation, InvitationState, states_that_may_become
from survey_service.models.response import Response, ResponseStatus
from survey_service.store.claims import Claims
from survey_service.store.database import Database, Session
from survey_service.store.responses import Responses

MOST = 2_000  # answers that leave a box at once, so that the transaction stays small
_WORK_FIELDS = frozenset(Claimable.model_fields) - frozenset(Stored.model_fields)


class Ballots:
    """Ballots by id, and the boxes that they wait in."""

    def __init__(self, database: Database, responses: Responses, lease: timedelta) -> None:
        self._database = database
        self._collection = database["ballots"]
        self._voters = database["voters"]
        self._responses = responses
        self.claims = Claims(self._collection, Ballot, database.clock, lease)

    async def get(self, name: str) -> Response | None:
        """One that waits, or that was counted."""
        document = await self._collection.find_one({"_id": name})
        return Ballot.from_document(document) if document else await self._responses.get(name)

    async def cast(self, ballot: Ballot, invitation: Invitation | None = None) -> bool:
        """Store the next revision of a ballot; False if another writer was first, and nothing is changed.

        The first one ends its invitation, which thereby is answered once, whoever tries at the same moment. Those
        after it need none.
        """
        document = ballot.to_document()
        del document["updated_at"]

        async def write(session: Session) -> bool:
            if ballot.revision > 1:
                own = {name: value for name, value in document.items() if name not in _WORK_FIELDS}
                result = await self._collection.update_one(
                    {"_id": ballot.id, "revision": ballot.revision - 1, "status": ResponseStatus.PARTIAL},
                    {"$set": {**own, "due_at": ballot.due_at, "lease": None}},
                    session=session,
                )
                return bool(result.matched_count)
            if invitation is not None and not await self._end_invitation(invitation.id, session):
                return False
            voter = hashed_id("vot", ballot.box, invitation.customer if invitation else ballot.id)
            once = {"$setOnInsert": {"box": ballot.box}}
            await self._voters.update_one({"_id": voter}, once, upsert=True, session=session)
            await self._collection.insert_one(document, session=session)
            return True

        try:
            return bool(await self._database.transaction(write))
        except DuplicateKeyError:
            return False

    async def count_box(self, box: str, fewest: int, leave: Callable[[Ballot], Response]) -> list[Response]:
        """Let the complete ballots of a box leave as responses, in the order of their ids.

        None do if they are fewer than `fewest`, or of fewer people. Whose a ballot is is not known: each that is not
        complete may be of somebody who has no other.
        """

        async def write(session: Session) -> list[Response]:
            own = {"box": box}
            people = await self._voters.count_documents(own, session=session)
            people -= await self._collection.count_documents({**own, "status": ResponseStatus.PARTIAL}, session=session)
            complete = {**own, "status": ResponseStatus.FINISHED}
            others = await self._collection.count_documents(complete, session=session) - MOST
            found = self._collection.find(complete, session=session).sort("_id", 1).limit(MOST)
            rows = [leave(Ballot.from_document(document)) async for document in found]
            if min(len(rows), people) < fewest:
                return []
            await self._responses.insert(rows, session)
            await self._collection.delete_many({"_id": {"$in": [row.id for row in rows]}}, session=session)
            if others < fewest:  # what is left, if anything is, waits for other people
                await self._voters.delete_many(own, session=session)
            return rows

        rows: list[Response] = await self._database.transaction(write)
        return rows

    async def wait(self, lease: str, until: datetime) -> None:
        """What is left of a claim is looked at again then; how often it was says nothing of when it came."""
        unclaimed = {"lease": None, "due_at": until, "claim": 0, "deaths": 0}
        await self._collection.update_many({"lease": lease}, {"$set": unclaimed})

    async def _end_invitation(self, invitation: str, session: Session) -> bool:
        answered = InvitationState.FINISHED
        ended = await self._database["invitations"].update_one(
            {"_id": invitation, "state": {"$in": states_that_may_become(answered)}},
            {"$set": {"state": answered}},
            session=session,
        )
        await self._database["deliveries"].update_many(
            {"invitation": invitation, "state": {"$in": list(WAITING_STATES)}, "kind": {"$in": list(ASKS)}},
            {
                "$set": {
                    "state": DeliveryState.CANCELLED,
                    "reason": Reason.ANSWERED,
                    "held_by": None,
                    "due_at": None,
                    "lease": None,
                }
            },
            session=session,
        )
        return bool(ended.matched_count)
