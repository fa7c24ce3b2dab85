"""The SMS channel to a scripted server, and the messages that tests send over it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from channels.base import SmsMessage
from channels.errors import ChannelError
from channels.twilio_sms import TwilioSettings, TwilioSmsChannel
from tests.support.twilio_server import ACCOUNT_SID, AUTH_TOKEN, ScriptedTwilio

SENDER = "+4915100000000"
SHORT = 0.5  # seconds until a hang is noticed


def sms_settings(twilio: ScriptedTwilio) -> TwilioSettings:
    """Of the account on that server."""
    return TwilioSettings(ACCOUNT_SID, AUTH_TOKEN, sender=SENDER, api_url=twilio.url)


@asynccontextmanager
async def open_sms_channel(settings: TwilioSettings) -> AsyncIterator[TwilioSmsChannel]:
    """A channel that is closed in the end."""
    channel = TwilioSmsChannel(settings)
    try:
        yield channel
    finally:
        await channel.close()


def number(index: int = 1) -> str:
    """A customer's number."""
    return f"+49151{index:08d}"


def sms_message(index: int = 1, **changes: object) -> SmsMessage:
    """A message to that customer."""
    plain = SmsMessage(delivery=f"dlv_{index}", recipient=number(index), text=f"How was it? {index}")
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # fields by name, checked by the dataclass


async def failure_of(asking: Awaitable[object]) -> ChannelError:
    """The failure, which tells nothing of the message."""
    with pytest.raises(ChannelError) as failed:
        await asking
    assert "151" not in failed.value.detail
    assert "How was it" not in failed.value.detail
    return failed.value
