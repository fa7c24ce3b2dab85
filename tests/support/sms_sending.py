"""A service and a scripted Twilio go in; what a test asks for leaves, and what became of it comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from channels.twilio_sms import TwilioSettings
from survey_service import wiring
from survey_service.models.delivery import Delivery
from tests.support.pipeline import Pipeline, a_customer, an_event, open_pipeline
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.twilio_server import ACCOUNT_SID, AUTH_TOKEN, ScriptedTwilio

OUR_NUMBER = "+15005550006"
SHORT = 0.5  # seconds until a hang is noticed


def twilio_settings(twilio: ScriptedTwilio) -> dict[str, str]:
    """What makes a service send its text messages to `twilio`."""
    return {
        "SURVEY_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "SURVEY_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "SURVEY_TWILIO_FROM": OUR_NUMBER,
        "SURVEY_TWILIO_API_URL": twilio.url,
    }


def number_of(number: int) -> str:
    """A German mobile number, for numbers below 1,000."""
    return f"+4915123456{number:03}"


@dataclass(frozen=True, slots=True)
class SmsSending:
    """A service that asks by SMS, and Twilio as it meets it."""

    pipeline: Pipeline
    twilio: ScriptedTwilio

    async def ask(self, *phones: str) -> None:
        """An order of one customer a number, and everything that is due because of it."""
        people = [a_customer(phone.strip("+"), phone=phone, email=None) for phone in phones]
        await self.pipeline.handle(*(an_event(f"ord-{person['phone']}", person) for person in people))

    async def delivery_to(self, phone: str) -> Delivery:
        """The only delivery to a number."""
        (row,) = [row for row in await self.pipeline.deliveries() if row.to == phone]
        return row

    def accepted_by(self, phone: str) -> int:
        """How many messages to a number Twilio has taken."""
        return sum(message.recipient == phone for message in self.twilio.accepted)

    async def later(self, period: timedelta) -> None:
        """Do what is due after a time."""
        self.pipeline.pass_time(period)
        await self.pipeline.run()


@asynccontextmanager
async def open_sms_sending(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, monkeypatch: pytest.MonkeyPatch, **changes: Any
) -> AsyncIterator[SmsSending]:
    """A service that asks by SMS about each order; Twilio reports no status by itself."""
    monkeypatch.setattr(wiring, "TwilioSettings", partial(TwilioSettings, timeout=SHORT))
    async with ScriptedTwilio() as twilio:
        twilio.statuses = ()
        settings = twilio_settings(twilio) | changes
        async with open_pipeline(mongodb_uri, database_name, smtp, **settings) as pipeline:
            await pipeline.configure(channels=("sms",))
            yield SmsSending(pipeline, twilio)
