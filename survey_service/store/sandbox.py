"""What would have gone out, kept for the sandbox page: mails in `sandbox_messages`, texts in `sandbox_texts`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from survey_service.models.base import Stored
from survey_service.store.database import Database


class SandboxMail(Stored):
    """One mail as the SMTP server received it."""

    received_at: datetime
    sender: str
    recipient: str
    subject: str
    delivery: str | None = None
    raw: bytes


class SandboxMessages:
    """Received messages, the newest first."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sandbox_messages"]

    async def insert(self, mail: SandboxMail) -> None:
        """Keep one."""
        await self._collection.insert_one(mail.to_document())

    async def get(self, mail: str) -> SandboxMail | None:
        """One, whole."""
        document = await self._collection.find_one({"_id": mail})
        return SandboxMail.from_document(document) if document else None

    async def newest(self, limit: int, recipient: str | None = None) -> list[SandboxMail]:
        """The latest ones without their bodies."""
        query: dict[str, Any] = {"recipient": recipient} if recipient else {}
        found = self._collection.find(query, {"raw": 0}).sort([("received_at", -1), ("_id", -1)]).limit(limit)
        return [SandboxMail.from_document({**document, "raw": b""}) async for document in found]


class SandboxText(Stored):
    """One SMS, one way or the other; its id is the message's SID."""

    direction: str  # in Twilio's words
    sender: str
    recipient: str
    text: str
    status: str  # Twilio's word
    created_at: datetime
    status_url: str | None = None
    error_code: int | None = None


class SandboxTexts:
    """Text messages, the newest first; each is forgotten after some days (a TTL index)."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sandbox_texts"]

    async def insert(self, text: SandboxText) -> None:
        """Keep one."""
        await self._collection.insert_one(text.to_document())

    async def get(self, sid: str) -> SandboxText | None:
        """One, by its SID."""
        document = await self._collection.find_one({"_id": sid})
        return SandboxText.from_document(document) if document else None

    async def set_status(self, sid: str, status: str, error_code: int | None) -> None:
        """Note what became of one."""
        await self._collection.update_one({"_id": sid}, {"$set": {"status": status, "error_code": error_code}})

    async def newest(
        self, recipient: str | None, sender: str | None, since: datetime | None, skip: int, limit: int
    ) -> list[SandboxText]:
        """Those that match; `since` is inclusive."""
        query: dict[str, Any] = {"recipient": recipient, "sender": sender}
        query = {name: value for name, value in query.items() if value is not None}
        if since is not None:
            query["created_at"] = {"$gte": since}
        found = self._collection.find(query).sort([("created_at", -1), ("_id", -1)]).skip(skip).limit(limit)
        return [SandboxText.from_document(document) async for document in found]
