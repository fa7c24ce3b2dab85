"""Mails with their envelopes come in; the server's acceptances go out, over a few connections that are reused."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import TimerHandle
from contextlib import suppress

from aiosmtplib import SMTPResponse

from channels.errors import TemporaryFailure
from channels.smtp_connection import Mail, SmtpConnection, StaleConnection
from channels.smtp_settings import Security, SmtpSettings


class SmtpPool:
    """At most `settings.connections` sessions, opened when needed and kept while they are used."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._tls = None if settings.security is Security.NONE else _tls_context(settings)
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[tuple[SmtpConnection, TimerHandle]] = []  # the last used one is used first, the others age
        self._closed = False

    async def deliver(self, mail: Mail) -> SMTPResponse:
        """Hand over one mail on a kept connection, or on a fresh one where there is none or it turns out dead.

        Raises:
            TemporaryFailure, PermanentFailure: see `channels.smtp_replies`.
        """
        async with self._slots:
            if self._closed:
                raise TemporaryFailure("closed", "the channel is closed", channel_down=True)
            kept = self._take_idle()
            if kept is not None:
                with suppress(StaleConnection):
                    return await self._deliver_over(kept, mail)
            return await self._deliver_over(await SmtpConnection.open(self._settings, self._tls), mail)

    async def close(self) -> None:
        """Refuse what comes, let what runs finish, then say goodbye on every connection."""
        self._closed = True
        held = 0
        try:
            while held < self._settings.connections:
                await self._slots.acquire()
                held += 1
            await asyncio.gather(*(connection.quit() for connection in self._drain_idle()))
        finally:
            for connection in self._drain_idle():
                connection.abort()
            for _ in range(held):
                self._slots.release()

    async def _deliver_over(self, connection: SmtpConnection, mail: Mail) -> SMTPResponse:
        try:
            return await connection.deliver(mail)
        finally:
            # Also on cancellation: a session in the middle of something never comes back.
            if connection.at_rest:
                self._keep(connection)
            else:
                connection.abort()

    def _keep(self, connection: SmtpConnection) -> None:
        connection.kept = True
        expiry = asyncio.get_running_loop().call_later(self._settings.idle_timeout, self._retire, connection)
        self._idle.append((connection, expiry))

    def _take_idle(self) -> SmtpConnection | None:
        while self._idle:
            connection, expiry = self._idle.pop()
            expiry.cancel()
            if connection.alive:
                return connection
            connection.abort()
        return None

    def _retire(self, connection: SmtpConnection) -> None:
        self._idle = [kept for kept in self._idle if kept[0] is not connection]
        connection.leave()

    def _drain_idle(self) -> list[SmtpConnection]:
        kept, self._idle = self._idle, []
        for _, expiry in kept:
            expiry.cancel()
        return [connection for connection, _ in kept]


def _tls_context(settings: SmtpSettings) -> ssl.SSLContext:
    """What the settings trust; OSError or ssl.SSLError if the cafile cannot be used."""
    context = ssl.create_default_context(cafile=settings.cafile)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
