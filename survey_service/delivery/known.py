"""What is known right before a send: a claim of deliveries goes in; the facts about each of them come out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from survey_service.delivery.composing import Draft
from survey_service.delivery.gate import Facts
from survey_service.delivery.letters import Letter
from survey_service.delivery.steps import allowed_from, open_from
from survey_service.models.customer import Customer
from survey_service.models.delivery import ASKS, TO_PEOPLE, Delivery, DeliveryKind
from survey_service.models.invitation import Invitation
from survey_service.models.pause import PauseScope
from survey_service.models.person import Person
from survey_service.models.suppression import Suppression
from survey_service.models.survey import Survey
from survey_service.models.trigger import QuietHours
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.store.suppressions import address_hashes, person_hashes, stands_against
from survey_service.tokens import Keyring
from survey_service.work.reserving import Answer

FRESH_FOR = 1.0  # seconds that a delivery may wait for its slot before everything is looked at again


@dataclass(frozen=True, slots=True)
class Permitted:
    """Whom the settings allow to be written to."""

    only_to: str | None = None  # a pattern of addresses
    countries: frozenset[str] = frozenset()  # of text messages; empty: all


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read for a whole claim."""

    snapshot: Snapshot
    invitations: Mapping[str, Invitation]
    customers: Mapping[str, Customer]
    surveys: Mapping[tuple[str, int], Survey]
    standing: Mapping[tuple[str, str], Suppression]
    cared_for: frozenset[str]  # customers with an active case
    read_at: float  # `time.monotonic()`

    def letter(self, row: Delivery) -> Letter:
        """What was written for one occasion; its brand still stands."""
        return Letter(row, self.snapshot.brands[row.brand], self.snapshot.people.get(row.person or ""))

    def can_draft(self, row: Delivery) -> bool:
        """Whether survey and brand still stand."""
        return row.brand in self.snapshot.brands and (row.survey or "", row.survey_version or 0) in self.surveys

    def draft(self, row: Delivery) -> Draft:
        """What the message is made of; see `can_draft`."""
        return Draft(
            delivery=row,
            survey=self.surveys[row.survey or "", row.survey_version or 0],
            brand=self.snapshot.brands[row.brand],
            invitation=self.invitations.get(row.invitation) if row.invitation else None,
        )


class Known:
    """What is known about a claim now: read again, for the whole claim at once, when it is older than `FRESH_FOR`."""

    def __init__(self, store: Store, keyring: Keyring, rows: Sequence[Delivery], permitted: Permitted) -> None:
        self._store = store
        self._keyring = keyring
        self._rows = rows
        self._permitted = permitted
        self._batch: Batch | None = None
        self._reading = asyncio.Lock()

    async def now(self) -> Batch:
        """What was read less than `FRESH_FOR` seconds ago."""
        async with self._reading:
            if self._batch is None or time.monotonic() - self._batch.read_at > FRESH_FOR:
                self._batch = await self._read()
            return self._batch

    async def _read(self) -> Batch:
        read_at = time.monotonic()
        rows = self._rows
        snapshot = await self._store.configuration.current()
        invitations = await self._store.invitations.get_many([row.invitation for row in rows if row.invitation])
        customers = await self._store.customers.get_many(sorted({row.customer for row in rows if row.customer}))
        surveys: dict[tuple[str, int], Survey] = {}
        for name, version in {(row.survey, row.survey_version) for row in rows}:
            if name is not None and version is not None:
                found = await self._store.configuration.survey(name, version)
                if found is not None:
                    surveys[name, version] = found
        hashes = {value for row in rows for value in self._hashes(row)}
        standing = await self._store.suppressions.standing(hashes)
        asked = {row.customer for row in rows if row.customer and row.kind in ASKS}
        cared_for = await self._store.cases.active_customers(asked)
        return Batch(snapshot, invitations, customers, surveys, standing, cared_for, read_at)

    def _hashes(self, row: Delivery) -> list[str]:
        hashes = address_hashes(self._keyring, row.to)
        return hashes + person_hashes(self._keyring, row.customer) if row.customer else hashes

    def facts(self, row: Delivery, batch: Batch, budget: Answer | None) -> Facts:
        """The facts of one delivery, as the gate wants them; `budget` where it leaves off its plan."""
        now = self._store.clock.now()
        snapshot = batch.snapshot
        trigger = snapshot.triggers.get(row.trigger) if row.trigger else None
        brand = snapshot.brands.get(row.brand)
        customer = batch.customers.get(row.customer) if row.customer else None
        invitation = batch.invitations.get(row.invitation) if row.invitation else None
        return Facts(
            now=now,
            invitation=invitation,
            profile=customer.profile if customer else None,
            suppressed=stands_against(batch.standing, self._hashes(row), row.brand) is not None,
            survey_stands=batch.can_draft(row) or (row.text is not None and brand is not None),
            trigger_enabled=row.trigger is None or (trigger is not None and trigger.enabled),
            paused_by=snapshot.pause_over(_pause_targets(row)),
            only_to=self._permitted.only_to,
            countries=self._permitted.countries,
            brand=brand,
            open_at=_open_at(row, batch, now),
            budget=budget,
            open_case=_waits_for_case(row, invitation, batch),
            person_works=_works(row, snapshot.people),
            test_addresses=brand.test_addresses if brand else (),
        )


def _pause_targets(row: Delivery) -> dict[PauseScope, str | None]:
    return {
        PauseScope.CHANNEL: row.channel.value,
        PauseScope.TRIGGER: row.trigger,
        PauseScope.BRAND: row.brand,
        PauseScope.TOUCHPOINT: row.touchpoint,
    }


def _waits_for_case(row: Delivery, invitation: Invitation | None, batch: Batch) -> bool:
    """Whether the contact policy asks nobody whose last word somebody still takes care of."""
    is_exempt = invitation is not None and invitation.exempt
    return batch.snapshot.policy.open_cases and not is_exempt and row.customer in batch.cared_for


def _open_at(row: Delivery, batch: Batch, now: datetime) -> datetime | None:
    """When the recipient's quiet hours end; None where none stand.

    Those of a person of ours are their own. A customer's are those of the invitation, which may be none at all; where
    there was no invitation, the usual ones in the customer's zone, else in the brand's.
    """
    if row.kind in TO_PEOPLE:
        person = batch.snapshot.people.get(row.person or "")
        hours, name = (person.quiet_hours, person.timezone) if person else (None, "UTC")
        return allowed_from(hours, name, now) if hours else None
    if row.invitation and row.invitation in batch.invitations:
        return open_from(batch.invitations[row.invitation], now)
    customer = batch.customers.get(row.customer or "")
    brand = batch.snapshot.brands.get(row.brand)
    theirs = customer.profile.timezone if customer else None
    return allowed_from(QuietHours(), theirs or (brand.timezone if brand else "UTC"), now)


def _works(row: Delivery, people: Mapping[str, Person]) -> bool:
    """Whether the person whom a message is for still takes care of customers; reports and links keep to their address.

    A report may wait for days, and who has an address next is nobody to tell figures, or to let in.
    """
    if row.kind not in TO_PEOPLE or row.person is None:
        return True
    person = people.get(row.person)
    if person is None or not person.active:
        return False
    keeps_to_address = row.report is not None or row.kind is DeliveryKind.SIGN_IN
    return not keeps_to_address or row.to == person.email
