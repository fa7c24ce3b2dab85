"""The `mails` collection: what people wrote back by mail, each once, with its outbox."""

from __future__ import annotations

from datetime import timedelta

from survey_service.models.inbound import InboundState
from survey_service.models.mail import Mail, MailResult
from survey_service.models.outbox import NewsType, news_of, outbox_change
from survey_service.store.claims import Claims, fence
from survey_service.store.database import Database
from survey_service.store.group_commit import GroupInsert, Inserted
from survey_service.store.outbox import Outboxes

_TOLD = frozenset({MailResult.ANSWERED, MailResult.NOTED})


class Mails:
    """Incoming mails by id."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._collection = database["mails"]
        self._clock = database.clock
        self._insert = GroupInsert(self._collection)
        self.claims = Claims(self._collection, Mail, database.clock, lease)
        self.outbox = Outboxes(self._collection, Mail, database.clock, lease)

    async def insert(self, mail: Mail) -> Inserted:
        """Store one; `DUPLICATE` where it was handed over before."""
        (outcome,) = await self._insert.insert([{**mail.to_document(), "updated_at": self._clock.now()}])
        return outcome

    async def get(self, mail: str) -> Mail | None:
        """One mail."""
        document = await self._collection.find_one({"_id": mail})
        return Mail.from_document(document) if document else None

    async def finish(self, row: Mail, result: MailResult) -> bool:
        """What a claimed mail asked for is done; the same write tells of what somebody is to read."""
        news = [news_of(row.id, NewsType.MAIL_RECEIVED, self._clock.now())] if result in _TOLD else []
        told = outbox_change(*news)
        done = {"state": InboundState.HANDLED, "result": result, "lease": None, "due_at": None}
        change = {**told, "$set": {**done, **told.get("$set", {})}, "$currentDate": {"updated_at": True}}
        written = await self._collection.update_one({**fence(row), "state": InboundState.PENDING}, change)
        return written.matched_count == 1
