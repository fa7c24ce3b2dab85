"""Settings of a test server come in; messages, an open channel and its failures go out."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from channels.base import EmailMessage
from channels.errors import PermanentFailure, TemporaryFailure
from channels.smtp import Security, SmtpChannel, SmtpSettings
from tests.support.smtp_server import ScriptedSmtpServer

SHORT = 0.5  # seconds until a hang is noticed


def message(number: int = 1, **changes: object) -> EmailMessage:
    plain = EmailMessage(
        delivery=f"dlv_{number}",
        sender="Acme <hello@acme.example>",
        recipient=f"customer{number}@example.com",
        subject="How was it?",
        text="Hello,\n\nhow was it?\n",
        html="<p>How was it?</p>\n",
        message_id=f"<dlv_{number}@acme.example>",
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # fields by name, checked by the dataclass


def settings_for(server: ScriptedSmtpServer) -> SmtpSettings:
    security = Security.NONE
    if server.certificate is not None:
        security = Security.TLS if server.implicit_tls else Security.STARTTLS
    username, password = next(iter(server.users.items()), (None, None))
    return SmtpSettings(
        server.host,
        server.port,
        security,
        username,
        password,
        connections=5,
        cafile=server.certificate[0] if server.certificate else None,
    )


@asynccontextmanager
async def open_channel(settings: SmtpSettings) -> AsyncIterator[SmtpChannel]:
    channel = SmtpChannel(settings, now=lambda: datetime.now(UTC))
    try:
        yield channel
    finally:
        await channel.close()


async def failure_of(sending: Awaitable[object]) -> TemporaryFailure | PermanentFailure:
    with pytest.raises((TemporaryFailure, PermanentFailure)) as failed:
        await sending
    assert "customer" not in failed.value.detail
    assert "@" not in failed.value.detail
    failure = failed.value
    assert isinstance(failure, TemporaryFailure | PermanentFailure)
    return failure
