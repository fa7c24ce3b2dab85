"""The `responses` collection: an answer and what it changes elsewhere commit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from survey_service.models.base import Claimable, Stored
from survey_service.models.decision import Reason
from survey_service.models.delivery import ASKS, WAITING_STATES, Delivery, DeliveryState
from survey_service.models.invitation import InvitationState, states_that_may_become
from survey_service.models.outbox import outbox_change
from survey_service.models.response import Response, ResponseStatus
from survey_service.store.claims import Claims
from survey_service.store.comments import reading_mark
from survey_service.store.database import Database, Session
from survey_service.store.outbox import Outboxes
from survey_service.store.paging import Page, PageRequest, read_page
from survey_service.store.rollups import recount_mark
from survey_service.store.shared_reads import SharedReads

_WORK_FIELDS = frozenset(Claimable.model_fields) - frozenset(Stored.model_fields)  # a stage's, not the answer's
_JUDGED = frozenset({"suspect", "suspect_by", "outbox"})  # by other writes
_PLACE = frozenset({"region", "journey_stage"})  # of the touchpoint, and kept from the first answer on
_READ = frozenset({"comment_language", "topics"})  # by a stage, from the comment that is stored
_KEPT = _WORK_FIELDS | _JUDGED | _PLACE | _READ
_STAMP = {"$currentDate": {"updated_at": True}}


class Responses:
    """Responses by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._collection = database["responses"]
        self._by_id = SharedReads(self._collection, "_id", lambda document: document["_id"])
        self.claims = Claims(self._collection, Response, database.clock, lease)
        self.outbox = Outboxes(self._collection, Response, database.clock, lease)

    async def get(self, response: str) -> Response | None:
        """One response."""
        document = await self._by_id.get(response)
        return Response.from_document(document) if document else None

    async def save(self, response: Response, messages: Sequence[Delivery] = ()) -> bool:
        """Store the next revision of a response; False if another writer was first, and nothing is changed.

        In one transaction with it the invitation moves on, its waiting messages are cancelled, so that no reminder
        follows an answer, and `messages` that answer it are requested.
        """
        to_read = reading_mark(response.comment, self._database.clock.now())
        document = {**response.to_document(), **recount_mark(), **to_read}
        del document["updated_at"]
        if response.revision == 1:
            document |= await self._place_of(response)

        async def write(session: Session) -> bool:
            if response.revision == 1:
                # An insert, and then the server's own time on it: the insert alone decides who was first.
                await self._collection.insert_one(document, session=session)
                await self._collection.update_one({"_id": response.id}, _STAMP, session=session)
            else:
                own = {name: value for name, value in document.items() if name not in _KEPT}
                own |= {"due_at": response.due_at, "lease": None, **to_read}
                news = outbox_change(*response.outbox.entries)
                result = await self._collection.update_one(
                    {"_id": response.id, "revision": response.revision - 1, "status": ResponseStatus.PARTIAL},
                    {**news, "$set": {**own, **news.get("$set", {})}, **_STAMP},
                    session=session,
                )
                if result.matched_count == 0:
                    return False
            if response.invitation:
                await self._move_invitation(response, session)
            if response.customer:
                await self._note_answer(response, session)
            if messages:
                await self._database["deliveries"].insert_many([row.to_document() for row in messages], session=session)
            return True

        try:
            return bool(await self._database.transaction(write))
        except DuplicateKeyError:
            return False

    async def insert(self, responses: Sequence[Response], session: Session) -> None:
        """Responses that waited elsewhere until now; nothing else changes with them."""
        places = {
            response.touchpoint: await self._place_of(response)
            for response in {row.touchpoint: row for row in responses}.values()
        }
        now, documents = self._database.clock.now(), []
        for response in responses:
            marks = {**recount_mark(), **reading_mark(response.comment, now)}
            document = {**response.to_document(), **marks, **places[response.touchpoint]}
            del document["updated_at"]
            documents.append(document)
        await self._collection.insert_many(documents, session=session)
        named = [response.id for response in responses]
        await self._collection.update_many({"_id": {"$in": named}}, _STAMP, session=session)

    async def _place_of(self, response: Response) -> dict[str, Any]:
        """Region and journey stage as they are registered now: figures of the past stay when a shop moves."""
        place = None
        if response.touchpoint:
            fields = {"_id": 0, **dict.fromkeys(_PLACE, 1)}
            place = await self._database["touchpoints"].find_one({"_id": response.touchpoint}, fields)
        return dict(place or {})

    async def _move_invitation(self, response: Response, session: Session) -> None:
        finished = response.status is ResponseStatus.FINISHED
        state = InvitationState.FINISHED if finished else InvitationState.STARTED
        await self._database["invitations"].update_one(
            {"_id": response.invitation, "state": {"$in": states_that_may_become(state)}},
            {"$set": {"state": state}, **_STAMP},
            session=session,
        )
        await self._database["deliveries"].update_many(
            {"invitation": response.invitation, "state": {"$in": list(WAITING_STATES)}, "kind": {"$in": list(ASKS)}},
            {
                "$set": {
                    "state": DeliveryState.CANCELLED,
                    "reason": Reason.ANSWERED,
                    "held_by": None,
                    "due_at": None,
                    "lease": None,
                },
                "$currentDate": {"updated_at": True},
            },
            session=session,
        )

    async def _note_answer(self, response: Response, session: Session) -> None:
        """Cooldowns after an answer, and conditions over the last score, look at the contact; a newer word stays."""
        contacts = self._database["contacts"]
        own, at = {"_id": response.customer}, response.started_at
        await contacts.update_one(own, {"$inc": {"revision": 1}}, upsert=True, session=session)
        newest = {**own, "last_answer_at": {"$not": {"$gt": at}}}
        score = {"$set": {"last_score": response.score, "last_answer_at": at}}
        await contacts.update_one(newest, score, session=session)
        if response.trigger:
            later = {"answers": {"$not": {"$elemMatch": {"trigger": response.trigger, "at": {"$gt": at}}}}}
            answer = {"trigger": response.trigger}
            pulled = await contacts.update_one({**own, **later}, {"$pull": {"answers": answer}}, session=session)
            if pulled.matched_count:
                await contacts.update_one(own, {"$push": {"answers": {**answer, "at": at}}}, session=session)

    async def page(self, filters: Mapping[str, Any], request: PageRequest) -> Page[Response]:
        """A list page, newest first."""
        return await read_page(
            self._collection, Response, filters, request, self._database.clock.now(), newest_by="started_at"
        )
