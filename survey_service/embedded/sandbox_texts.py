"""The embedded endpoint's messages in the store: a `TextMessage` comes in, a row of the sandbox goes out, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from survey_service.embedded.twilio_texts import Direction, TextMessage
from survey_service.store.sandbox import SandboxText, SandboxTexts


class StoredTexts:
    """`TextMessages` that every process shares and that outlive it."""

    def __init__(self, texts: SandboxTexts) -> None:
        self._texts = texts

    async def insert(self, message: TextMessage) -> None:
        """Keep one."""
        await self._texts.insert(
            SandboxText(
                id=message.sid,
                direction=message.direction.value,
                sender=message.sender,
                recipient=message.recipient,
                text=message.text,
                status=message.status,
                created_at=message.created_at,
                status_url=message.status_url,
                error_code=message.error_code,
            )
        )

    async def get(self, sid: str) -> TextMessage | None:
        """One, by its SID."""
        row = await self._texts.get(sid)
        return _message(row) if row else None

    async def set_status(self, sid: str, status: str, error_code: int | None) -> None:
        """Note what became of one."""
        await self._texts.set_status(sid, status, error_code)

    async def newest(
        self, recipient: str | None, sender: str | None, since: datetime | None, skip: int, limit: int
    ) -> Sequence[TextMessage]:
        """Those that match, the newest first; `since` is inclusive."""
        return [_message(row) for row in await self._texts.newest(recipient, sender, since, skip, limit)]


def _message(row: SandboxText) -> TextMessage:
    return TextMessage(
        row.id,
        Direction(row.direction),
        row.sender,
        row.recipient,
        row.text,
        row.status,
        row.created_at,
        row.status_url,
        row.error_code,
    )
