"""Everything that is stored, under one name: what the stages and the HTTP edge are handed."""

from __future__ import annotations

from datetime import timedelta

from survey_service.clock import Clock
from survey_service.store.allowances import Allowances
from survey_service.store.api_keys import ApiKeys
from survey_service.store.ballots import Ballots
from survey_service.store.cases import Cases
from survey_service.store.codes import Codes
from survey_service.store.comments import Comments
from survey_service.store.configuration import Configuration
from survey_service.store.contacts import Contacts
from survey_service.store.counters import Counters
from survey_service.store.customers import Customers
from survey_service.store.database import Database
from survey_service.store.deliveries import Deliveries
from survey_service.store.digests import Digests
from survey_service.store.erasures import Erasures
from survey_service.store.events import Events
from survey_service.store.inbound import InboundTexts
from survey_service.store.incentive_states import IncentiveStates
from survey_service.store.invitations import Invitations
from survey_service.store.mails import Mails
from survey_service.store.report_plans import ReportPlans
from survey_service.store.responses import Responses
from survey_service.store.retentions import Retentions
from survey_service.store.rewards import Rewards
from survey_service.store.rollups import Rollups
from survey_service.store.sandbox import SandboxMessages, SandboxTexts
from survey_service.store.suppressions import Suppressions
from survey_service.store.visits import Visits
from survey_service.store.webhook_calls import WebhookCalls


class Store:
    """One attribute a collection; `lease` is how long a claim lasts without a heartbeat."""

    def __init__(self, uri: str, clock: Clock, lease: timedelta, name: str | None = None) -> None:
        self.database = Database(uri, clock, name)
        self.clock = clock
        self.erasures = Erasures(self.database, lease)
        self.retentions = Retentions(self.database, lease)
        self.events = Events(self.database, lease)
        self.customers = Customers(self.database)
        self.invitations = Invitations(self.database, lease)
        self.deliveries = Deliveries(self.database, lease)
        self.inbound = InboundTexts(self.database, lease)
        self.responses = Responses(self.database, lease)
        self.configuration = Configuration(self.database)
        self.comments = Comments(self.database, self.configuration, lease)
        self.ballots = Ballots(self.database, self.responses, lease)
        self.rollups = Rollups(self.database, lease)
        self.cases = Cases(self.database, lease)
        self.rewards = Rewards(self.database, lease)
        self.incentive_states = IncentiveStates(self.database, lease)
        self.codes = Codes(self.database)
        self.allowances = Allowances(self.database)
        self.mails = Mails(self.database, lease)
        self.digests = Digests(self.database, lease)
        self.report_plans = ReportPlans(self.database, lease)
        self.suppressions = Suppressions(self.database, lease)
        self.contacts = Contacts(self.database)
        self.counters = Counters(self.database)
        self.api_keys = ApiKeys(self.database)
        self.sandbox = SandboxMessages(self.database)
        self.sandbox_texts = SandboxTexts(self.database)
        self.visits = Visits(self.database)
        self.webhook_calls = WebhookCalls(self.database, lease)

    async def open(self) -> None:
        """Connect, check, make the indexes; see `Database.prepare`."""
        await self.database.prepare()

    async def counts(self) -> dict[str, int]:
        """How many rows each part of the way holds, roughly (from the collections' own counters)."""
        return {
            name: await self.database[collection].estimated_document_count()
            for name, collection in (
                ("events", "events"),
                ("invitations", "invitations"),
                ("mails", "sandbox_messages"),
                ("responses", "responses"),
            )
        }

    def close(self) -> None:
        """Let go of every connection."""
        self.visits.close()
        self.database.close()
