"""One mail with its envelope comes in; the server's acceptance goes out, over one SMTP session."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponse

from channels.errors import PermanentFailure, TemporaryFailure
from channels.smtp_replies import Phase, opening_failure, refusal, silence
from channels.smtp_settings import Security, SmtpSettings

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One assembled message and its envelope; addresses bare, domains in ASCII."""

    sender: str
    recipient: str
    content: bytes  # CRLF lines, the last one complete

    @property
    def international(self) -> bool:
        """Only a server with SMTPUTF8 may be given this one (RFC 6531 §3.1)."""
        return not (self.sender.isascii() and self.recipient.isascii() and self.content.isascii())


class StaleConnection(Exception):
    """A kept connection had died before it took MAIL: no message was handed over, so a fresh one may be tried."""


class SmtpConnection:
    """One open session; one mail at a time. `at_rest` is true only where the next MAIL may follow."""

    def __init__(self, client: aiosmtplib.SMTP, transport: asyncio.BaseTransport, settings: SmtpSettings) -> None:
        self.at_rest = True
        self.kept = False  # served before, so the server may have left it since
        self._client = client
        # Held here since the client forgets it on errors; a socket's, so it can be aborted.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._settings = settings

    @classmethod
    async def open(cls, settings: SmtpSettings, tls: ssl.SSLContext | None) -> SmtpConnection:
        """Connect, upgrade and log in as the settings say.

        Raises:
            TemporaryFailure: with `channel_down`, whatever went wrong.
        """
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname="localhost",  # replaced below; without it, a blocking DNS lookup
            timeout=settings.command_timeout,
            use_tls=settings.security is Security.TLS,
            start_tls=False,
            tls_context=tls,
        )
        phase = Phase.CONNECT
        connection = None
        try:
            await client.connect(timeout=settings.connect_timeout)
            phase = Phase.EHLO
            client.local_hostname = settings.hello or _address_literal(client)
            await client.ehlo()
            if settings.security is Security.STARTTLS:
                phase = Phase.STARTTLS
                await client.starttls()
                phase = Phase.EHLO
                await client.ehlo()
            if settings.username is not None:
                phase = Phase.AUTH
                await client.login(settings.username, settings.password or "")
            if client.transport is None:  # the server left right after its last answer
                raise aiosmtplib.SMTPServerDisconnected("Connection lost")
            connection = cls(client, client.transport, settings)
        except (SMTPException, OSError) as error:
            raise opening_failure(phase, error, settings.username or "") from error
        finally:
            if connection is None:
                client.close()
        return connection

    @property
    def alive(self) -> bool:
        """False once either end closed it, as far as is known."""
        return self._client.is_connected

    async def deliver(self, mail: Mail) -> SMTPResponse:
        """Run one mail transaction (RFC 5321 §3.3) and return the acceptance.

        Raises:
            StaleConnection: a kept connection was dead at MAIL.
            TemporaryFailure, PermanentFailure: see `channels.smtp_replies`.
        """
        if mail.international and not self._client.supports_extension("smtputf8"):
            raise PermanentFailure("smtputf8-unsupported", "the server takes no addresses outside ASCII (SMTPUTF8)")
        self.at_rest = False
        options = (b"SMTPUTF8", b"BODY=8BITMIME") if mail.international else ()
        try:
            await self._command(mail, Phase.MAIL, f"FROM:<{mail.sender}>".encode(), *options)
        except TemporaryFailure as failure:
            if self.kept and not self.alive:
                raise StaleConnection from failure
            raise
        await self._command(mail, Phase.RCPT, f"TO:<{mail.recipient}>".encode())
        await self._command(mail, Phase.DATA, success=3)
        reply = await self._content(mail)
        self.at_rest = reply.code != aiosmtplib.SMTPStatus.domain_unavailable
        if reply.code // 100 != 2:
            raise refusal(Phase.ACCEPTANCE, reply.code, reply.message, mail.recipient)
        return reply

    async def quit(self) -> None:
        """Say goodbye, then let go of the socket whatever the answer."""
        try:
            with suppress(SMTPException, OSError):
                await self._client.quit()
        finally:
            self.abort()

    def leave(self) -> None:
        """Say goodbye without waiting for the answer."""
        if self._client.protocol is not None and self.alive:
            self._client.protocol.write(b"QUIT\r\n")
        self._client.close()

    def abort(self) -> None:
        """Let go of the socket at once, with whatever was still to be written."""
        self._client.close()
        self._transport.abort()

    async def _command(self, mail: Mail, phase: Phase, *arguments: bytes, success: int = 2) -> None:
        """Send one command; a refusal ends the transaction and leaves the session ready for the next."""
        try:
            reply = await self._client.execute_command(phase.encode(), *arguments)
        except (SMTPException, OSError) as error:
            raise silence(phase, error) from error
        if reply.code // 100 != success:
            await self._reset()
            raise refusal(phase, reply.code, reply.message, mail.recipient)

    async def _content(self, mail: Mail) -> SMTPResponse:
        """Send the content and wait for the server to take responsibility.

        `aiosmtplib.SMTP.data` does this together with DATA, so that one could not tell a server that never
        saw the message from one that may have taken it, nor wait longer for the second.
        """
        protocol = self._client.protocol
        if protocol is None:
            raise silence(Phase.DATA, ConnectionError())
        try:
            protocol.write(_LEADING_DOT.sub(b"..", mail.content) + b".\r\n")  # RFC 5321 §4.5.2
            return await protocol.read_response(timeout=self._settings.acceptance_timeout)
        except (SMTPException, OSError) as error:
            raise silence(Phase.ACCEPTANCE, error) from error

    async def _reset(self) -> None:
        with suppress(SMTPException, OSError):
            await self._client.rset()
            self.at_rest = True


def _address_literal(client: aiosmtplib.SMTP) -> str:
    """Our end of the connection as RFC 5321 §4.1.3 writes it, for machines without a public name."""
    address = client.get_transport_info("sockname")[0].partition("%")[0]  # without the scope of a link-local address
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
