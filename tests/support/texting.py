"""A service that texts: a pipeline and the real SDK's other end go in; conversations as people have them come out."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind
from survey_service.models.inbound import InboundResult, InboundText
from survey_service.models.response import Response
from survey_service.models.suppression import SuppressionReason
from survey_service.models.survey import SurveyContent
from survey_service.store.group_commit import Inserted
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store
from tests.support.pipeline import NAME, Pipeline, a_brand, a_customer, a_trigger, an_event, open_pipeline
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.twilio_server import ACCOUNT_SID, AUTH_TOKEN, ScriptedTwilio

OUR_NUMBER = "+15005550006"
ADA = "+4915123456789"
BOB = "+4915123456780"


def a_long_survey(**changes: Any) -> SurveyContent:
    """The score, why, and what to fix after six or less, in three languages; `why` in two words for the tests' ease."""
    questions = (
        {
            "id": "nps",
            "kind": "nps",
            "text": {
                "en": "Would you recommend {{brand.name}}?",
                "de": "Empfehlen Sie {{brand.name}} weiter?",
                "es": "Recomienda {{brand.name}}?",
            },
        },
        {"id": "why", "kind": "text", "required": False, "text": {"en": "Why?", "de": "Warum?", "es": "Por qué?"}},
        {
            "id": "fix",
            "kind": "text",
            "required": False,
            "text": {"en": "What should we fix?", "de": "Was sollen wir ändern?", "es": "Qué debemos mejorar?"},
            "show_if": "answers.nps <= 6.0",
        },
    )
    fields = {"name": "After delivery", "brand": "acme", "primary": "nps", "questions": questions}
    return SurveyContent.model_validate(fields | changes)


@dataclass(frozen=True, slots=True)
class Texting:
    """A pipeline whose SMS reach a scripted Twilio, and what people write back."""

    pipeline: Pipeline
    twilio: ScriptedTwilio
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def store(self) -> Store:
        """What is stored."""
        return self.pipeline.store

    async def configure(self, survey: SurveyContent | None = None, **trigger: Any) -> None:
        """The brand, the survey, and a trigger that asks by SMS."""
        configuration = self.store.configuration
        await configuration.brands.put("acme", a_brand(contact="help@acme.example"))
        await configuration.surveys.put(NAME, survey or a_long_survey())
        await configuration.triggers.put(NAME, a_trigger(channels=("sms",), **trigger))

    async def ask(self, event_id: str = "ord-1", phone: str = ADA, **customer: Any) -> None:
        """Let an order be delivered to somebody, who is then asked."""
        name = phone.strip("+")
        await self.pipeline.handle(an_event(event_id, a_customer(name, phone=phone, **customer)))

    async def receive(self, text: str, phone: str = ADA, **changes: Any) -> str:
        """Store what somebody wrote; returns its id."""
        now = self.pipeline.clock.now()
        sid = f"SM{next(self._numbers):032x}"
        fields = {"_id": sid, "sender": phone, "recipient": OUR_NUMBER, "text": text, "received_at": now, "due_at": now}
        row = InboundText.model_validate(fields | changes)
        assert await self.store.inbound.insert(row) is Inserted.NEW
        return row.id

    async def say(self, text: str, phone: str = ADA, **changes: Any) -> list[str]:
        """Let somebody write, and everything be done; what they get for it."""
        before = len(self.heard(phone))
        await self.receive(text, phone, **changes)
        await self.pipeline.run()
        return self.heard(phone)[before:]

    def heard(self, phone: str = ADA) -> list[str]:
        """Every message that somebody got."""
        return [message.text for message in self.twilio.accepted if message.recipient == phone]

    async def texts(self) -> list[InboundText]:
        """Everything that came in, in order."""
        found = self.store.database["inbound_texts"].find().sort([("received_at", 1), ("_id", 1)])
        return [InboundText.from_document(document) async for document in found]

    async def results(self) -> list[InboundResult | None]:
        """What each text was taken for."""
        return [row.result for row in await self.texts()]

    async def replies(self) -> list[Delivery]:
        """Every reply, the oldest first."""
        rows = await self.pipeline.deliveries()
        return [row for row in reversed(rows) if row.kind is DeliveryKind.DIALOGUE]

    async def response(self) -> Response:
        """The only response there is."""
        (only,) = await self.pipeline.responses()
        return only

    async def suppressions(self) -> set[tuple[str, str, SuppressionReason]]:
        """Scope, brand and reason of whatever must not be written to."""
        rows = (await self.store.suppressions.page({}, PageRequest(limit=100))).rows
        return {(row.scope, row.brand, row.reason) for row in rows}

    async def notes(self) -> list[str]:
        """What is kept of everybody."""
        return [note.text for person in await self.pipeline.customers() for note in person.notes]


@asynccontextmanager
async def open_texting(mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer) -> AsyncIterator[Texting]:
    """A service on `database_name` that texts through a scripted Twilio."""
    async with ScriptedTwilio() as twilio:
        twilio.statuses = ()
        settings = {
            "SURVEY_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "SURVEY_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "SURVEY_TWILIO_FROM": OUR_NUMBER,
            "SURVEY_TWILIO_API_URL": twilio.url,
        }
        async with open_pipeline(mongodb_uri, database_name, smtp, **settings) as pipeline:
            assert ChannelName.SMS in pipeline.service.parts.usable_channels
            yield Texting(pipeline, twilio)
