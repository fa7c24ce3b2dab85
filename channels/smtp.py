"""The email channel: an `EmailMessage` comes in, the server's acceptance goes out as a `SendOutcome`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from channels.base import EmailMessage, ProviderStatus, SendOutcome
from channels.errors import PermanentFailure
from channels.mime import assemble, encode_address, split_mailbox
from channels.smtp_connection import Mail
from channels.smtp_pool import SmtpPool
from channels.smtp_replies import code_and_detail
from channels.smtp_settings import Security, SmtpSettings, parse_smtp_url

__all__ = ["Security", "SmtpChannel", "SmtpSettings", "parse_smtp_url"]


class SmtpChannel:
    """Email over one SMTP server; a `channels.base.Channel[EmailMessage]`.

    `now` gives the aware time for the Date header. Created without touching the network; a `cafile` that
    cannot be used raises OSError here.
    """

    name = "email"

    def __init__(self, settings: SmtpSettings, now: Callable[[], datetime]) -> None:
        self.capacity = settings.connections
        self._now = now
        self._pool = SmtpPool(settings)

    async def send(self, message: EmailMessage) -> SendOutcome:
        """Hand the message to the server; safe to cancel, and safe to repeat with the same Message-ID.

        Raises:
            TemporaryFailure: the server said 4xx, could not be reached or did not answer, also after the whole
                message was sent (code `no-answer-after-data`: a second try may make a second copy).
            PermanentFailure: the server said 5xx, or the message cannot be written as mail (`unsendable`,
                `bad-address`, `smtputf8-unsupported`).
        """
        reply = await self._pool.deliver(self._prepare(message))
        code, said = code_and_detail(reply.code, reply.message, message.recipient)
        return SendOutcome(
            provider="smtp", provider_id=None, status=ProviderStatus.ACCEPTED, detail=f"{code} {said}".strip()
        )

    async def close(self) -> None:
        """Let running sends finish, then close every connection."""
        await self._pool.close()

    def _prepare(self, message: EmailMessage) -> Mail:
        try:
            recipient = encode_address(message.recipient)
        except ValueError as error:
            raise PermanentFailure("bad-address", str(error), address_unusable=True) from error
        try:
            return Mail(
                sender=encode_address(message.return_path or split_mailbox(message.sender)[1]),
                recipient=recipient,
                content=assemble(message, self._now()),
            )
        except ValueError as error:
            raise PermanentFailure("unsendable", str(error)) from error
