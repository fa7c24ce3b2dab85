"""The `sandbox_messages` collection: what would have gone out, kept for the sandbox page; the oldest go first."""

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
