"""The sandbox's mail server: what the email channel sends comes in over real SMTP, rows for `/sandbox` go out."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY

from aiosmtpd.smtp import SMTP, Envelope, Session

from survey_service.clock import Clock
from survey_service.models.ids import random_id
from survey_service.store.sandbox import SandboxMail, SandboxMessages

_HOST = "127.0.0.1"
_MAX_MAIL_BYTES = 2 * 1024 * 1024


class _Inbox:
    """aiosmtpd's handler: a mail is accepted when it is stored."""

    def __init__(self, messages: SandboxMessages, clock: Clock) -> None:
        self._messages = messages
        self._clock = clock

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        """Store one mail."""
        raw = envelope.original_content or b""
        headers = message_from_bytes(raw, policy=SMTP_POLICY)
        delivery = str(headers["Message-ID"] or "").strip("<> ").partition("@")[0]
        await self._messages.insert(
            SandboxMail(
                id=random_id("mail"),
                received_at=self._clock.now(),
                sender=str(headers["From"] or envelope.mail_from or ""),
                recipient=", ".join(envelope.rcpt_tos),
                subject=str(headers["Subject"] or ""),
                delivery=delivery or None,
                raw=raw,
            )
        )
        return "250 kept in the sandbox"


class SandboxSmtp:
    """An SMTP server on a free loopback port."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self.port: int = server.sockets[0].getsockname()[1]

    @classmethod
    async def start(cls, messages: SandboxMessages, clock: Clock) -> SandboxSmtp:
        """Listen on 127.0.0.1."""
        loop = asyncio.get_running_loop()

        def connection() -> SMTP:
            return SMTP(
                _Inbox(messages, clock),
                data_size_limit=_MAX_MAIL_BYTES,
                enable_SMTPUTF8=True,
                hostname="sandbox.localhost",
                ident="sandbox",
                loop=loop,
            )

        return cls(await loop.create_server(connection, _HOST, 0))

    @property
    def url(self) -> str:
        """What the email channel is given."""
        return f"smtp://{_HOST}:{self.port}"

    async def stop(self) -> None:
        """Stop listening; what was accepted is stored."""
        self._server.close()
        await self._server.wait_closed()
