"""A service without its HTTP edge: a real database and a scripted SMTP server go in; a driver for tests comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from survey_service.clock import Clock
from survey_service.intake.direct import DirectRequest, DirectResult
from survey_service.intake.receiving import Fate, PostedEvent
from survey_service.models.brand import BrandContent
from survey_service.models.customer import Customer, CustomerProfile
from survey_service.models.decision import Decision
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.models.event import Event
from survey_service.models.ids import event_key
from survey_service.models.invitation import Invitation
from survey_service.models.response import Response
from survey_service.models.survey import SurveyContent
from survey_service.models.trigger import TriggerContent
from survey_service.settings import read_settings
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store
from survey_service.wiring import Service, open_service
from tests.support.inbox import Letter, read_letter
from tests.support.smtp_server import ScriptedSmtpServer

SECRET = "a secret of sixteen characters or more"
BASE_URL = "https://survey.example"
SOURCE = "/shop/berlin"
NAME = "after-delivery"
EVERYTHING = PageRequest(limit=1000)


def a_brand(**changes: Any) -> BrandContent:
    """The brand `acme`, with a return path of its own."""
    fields = {
        "name": "Acme",
        "email_from": "Acme <hello@acme.example>",
        "return_path": "bounces@acme.example",
        "postal_address": "Acme GmbH, Hauptstr. 1, 10115 Berlin",
        "test_addresses": ("qa@acme.example",),
    }
    return BrandContent.model_validate(fields | changes)


def a_survey(**changes: Any) -> SurveyContent:
    """Three questions on two pages: `nps` and `why`, then `fix` for those who gave six or less."""
    questions = (
        {"id": "nps", "kind": "nps", "text": {"en": "How likely are you to recommend {{brand.name}}?"}},
        {"id": "why", "kind": "text", "required": False, "text": {"en": "Why?"}},
        {
            "id": "fix",
            "kind": "text",
            "required": False,
            "text": {"en": "What should we fix?"},
            "show_if": "answers.nps <= 6.0",
        },
    )
    fields = {"name": "After delivery", "brand": "acme", "primary": "nps", "questions": questions}
    return SurveyContent.model_validate(fields | changes)


def a_trigger(**changes: Any) -> TriggerContent:
    """Asks by mail about each delivered order, at any hour and as often as there are orders."""
    always = {"exempt": True, "quiet_hours": None}
    fields = {"survey": NAME, "event_type": "order.delivered", "channels": ("email",)}
    return TriggerContent.model_validate(always | fields | changes)


def a_customer(name: str = "ada", **changes: Any) -> dict[str, Any]:
    """`data.customer` of somebody with an id and an address."""
    return {"id": f"c-{name}", "first_name": name.title(), "email": f"{name}@example.com", **changes}


def an_event(event_id: str = "ord-1", customer: dict[str, Any] | None = None, **changes: Any) -> PostedEvent:
    """An order that was delivered to Ada just now; `data` is added to what names her."""
    data = {"customer": a_customer() if customer is None else customer, **changes.pop("data", {})}
    fields: dict[str, Any] = {"subject": None, "time": None, "extensions": {}, "type": "order.delivered"}
    return PostedEvent(source=SOURCE, id=event_id, data=data, **(fields | changes))


def a_request(**changes: Any) -> DirectRequest:
    """A direct invitation of Ada by mail."""
    fields: dict[str, Any] = {
        "survey": NAME,
        "profile": CustomerProfile(external_id="c-ada", email="ada@example.com"),
        "channels": (ChannelName.EMAIL,),
        "touchpoint": None,
        "data": {},
        "language": None,
        "delay": timedelta(),
        "expires_after": timedelta(days=14),
        "key": "key_1",
        "idempotency_key": None,
        "content_hash": "0" * 64,
        "ignore_rules": True,
    }
    return DirectRequest(**(fields | changes))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An open service, and what tests do with it."""

    service: Service
    clock: Clock
    smtp: ScriptedSmtpServer

    @property
    def store(self) -> Store:
        """What is stored."""
        return self.service.parts.store

    async def configure(self, name: str = NAME, **trigger: Any) -> None:
        """The brand, the survey, and the trigger `name` with these changes."""
        await self.store.configuration.brands.put("acme", a_brand())
        await self.store.configuration.surveys.put(NAME, a_survey())
        await self.store.configuration.triggers.put(name, a_trigger(**trigger))

    async def post(self, *events: PostedEvent, decide: bool = True) -> list[Fate]:
        """Acknowledge events."""
        return await self.service.parts.receiving.receive(events, decide=decide)

    async def run(self) -> int:
        """Do everything that is due."""
        return await self.service.worker.run_until_idle()

    async def handle(self, *events: PostedEvent) -> None:
        """Acknowledge events and do everything that is due."""
        await self.post(*events)
        await self.run()

    async def invite(self, **changes: Any) -> DirectResult:
        """Ask for a direct invitation."""
        return await self.service.parts.direct.invite(a_request(**changes))

    def pass_time(self, period: timedelta) -> datetime:
        """Move the service into the future; the new present comes back."""
        self.clock.shift += period
        return self.clock.now()

    async def event(self, event_id: str = "ord-1") -> Event:
        """One event as it is stored."""
        found = await self.store.events.get(event_key(SOURCE, event_id))
        assert found is not None
        return found

    async def decision(self, event_id: str = "ord-1") -> Decision:
        """The only decision about an event."""
        (only,) = (await self.event(event_id)).decisions
        return only

    async def invitations(self) -> tuple[Invitation, ...]:
        """Every invitation, newest first."""
        return (await self.store.invitations.page({}, EVERYTHING)).rows

    async def invitation(self) -> Invitation:
        """The only invitation."""
        (only,) = await self.invitations()
        return only

    async def deliveries(self) -> tuple[Delivery, ...]:
        """Every delivery, newest first."""
        return (await self.store.deliveries.page({}, EVERYTHING)).rows

    async def delivery(self) -> Delivery:
        """The only delivery."""
        (only,) = await self.deliveries()
        return only

    async def responses(self) -> tuple[Response, ...]:
        """Every response, newest first."""
        return (await self.store.responses.page({}, EVERYTHING)).rows

    async def customers(self) -> list[Customer]:
        """Everybody."""
        found = self.store.database["customers"].find().sort("_id", 1)
        return [Customer.from_document(document) async for document in found]

    async def token(self) -> str:
        """The token of the only invitation."""
        url = self.service.parts.direct.url_of(await self.invitation())
        assert url is not None
        return url.rpartition("/")[2]

    def letters(self) -> list[Letter]:
        """Every mail that left."""
        return [read_letter(mail) for mail in self.smtp.mails]

    def recipients(self) -> list[str]:
        """Who was written to, by name, each as often as it happened."""
        return sorted(letter.to for letter in self.letters())


@asynccontextmanager
async def open_pipeline(
    mongodb_uri: str, database_name: str, smtp: ScriptedSmtpServer, **changes: str
) -> AsyncIterator[Pipeline]:
    """A service on `database_name` that sends through `smtp`; `changes` are more settings."""
    environ = {
        "SURVEY_MONGODB_URI": mongodb_uri,
        "SURVEY_SECRET": SECRET,
        "SURVEY_PUBLIC_URL": BASE_URL,
        "SURVEY_SMTP_URL": f"smtp://{smtp.address}?timeout=5",
        "SURVEY_SUSPECTS": "off",  # tests answer faster than people
        **changes,
    }
    clock = Clock()
    async with open_service(read_settings(environ), clock=clock, database=database_name) as service:
        yield Pipeline(service, clock, smtp)
