"""Sending: due deliveries come in; each leaves through its channel or gets its reason, and every step is fenced.

The order of one send never changes: gate → compose → slot → mark `sending` (majority-written) → provider → record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from channels.base import Channel, EmailMessage, SendOutcome
from channels.errors import ChannelError, OutcomeUnknown, PermanentFailure, TemporaryFailure
from survey_service.delivery.composing import Composer, Draft
from survey_service.delivery.gate import End, Facts, Hold, check_send
from survey_service.models.customer import Customer
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.pause import PauseScope
from survey_service.models.suppression import (
    EVERY_BRAND,
    Suppression,
    SuppressionReason,
    SuppressionScope,
    suppression_id,
)
from survey_service.models.survey import Survey
from survey_service.store.claims import Claim
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.store.suppressions import address_hashes, person_hashes, stands_against
from survey_service.telemetry import DELIVERIES
from survey_service.texts.addresses import email_key
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from survey_service.work.retry import EMAIL_SCHEDULE, next_try_in

log = structlog.get_logger()

CHANNEL_DOWN_FOR = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What was read for a whole claim."""

    snapshot: Snapshot
    invitations: Mapping[str, Invitation]
    customers: Mapping[str, Customer]
    surveys: Mapping[tuple[str, int], Survey]
    standing: Mapping[tuple[str, str], Suppression]


class SendDeliveries:
    """The sending stage's handler; at most a channel's capacity of sends runs at once."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[ChannelName, Channel[EmailMessage]],
        composer: Composer,
        keyring: Keyring,
        bells: Bells,
        only_to: str | None,
    ) -> None:
        self._store = store
        self._channels = channels
        self._composer = composer
        self._keyring = keyring
        self._bells = bells
        self._only_to = only_to
        self._slots = {name: asyncio.Semaphore(channel.capacity) for name, channel in channels.items()}

    async def __call__(self, claim: Claim[Delivery]) -> None:
        """Bring each delivery of a claim to its next state."""
        batch = await self._read(claim)
        outcomes = await asyncio.gather(*(self._deliver(row, batch) for row in claim.rows), return_exceptions=True)
        # Every row has its turn before a fault of one of them is told.
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _read(self, claim: Claim[Delivery]) -> _Batch:
        rows = claim.rows
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
        return _Batch(snapshot, invitations, customers, surveys, standing)

    def _hashes(self, row: Delivery) -> list[str]:
        hashes = address_hashes(self._keyring, row.to)
        return hashes + person_hashes(self._keyring, row.customer) if row.customer else hashes

    async def _deliver(self, row: Delivery, batch: _Batch) -> None:
        verdict = check_send(row, self._facts(row, batch))
        if isinstance(verdict, Hold):
            await self._store.deliveries.record_wait(row, verdict.until, held_by=verdict.held_by)
        elif isinstance(verdict, End):
            await self._end(row, verdict.state, verdict.reason)
        else:
            await self._send(row, batch)

    def _facts(self, row: Delivery, batch: _Batch) -> Facts:
        snapshot = batch.snapshot
        trigger = snapshot.triggers.get(row.trigger) if row.trigger else None
        brand = snapshot.brands.get(row.brand)
        customer = batch.customers.get(row.customer) if row.customer else None
        targets = {
            PauseScope.CHANNEL: row.channel.value,
            PauseScope.TRIGGER: row.trigger,
            PauseScope.BRAND: row.brand,
            PauseScope.TOUCHPOINT: row.touchpoint,
        }
        return Facts(
            now=self._store.clock.now(),
            invitation=batch.invitations.get(row.invitation) if row.invitation else None,
            profile=customer.profile if customer else None,
            suppressed=stands_against(batch.standing, self._hashes(row), row.brand) is not None,
            survey_stands=brand is not None and (row.survey or "", row.survey_version or 0) in batch.surveys,
            trigger_enabled=row.trigger is None or (trigger is not None and trigger.enabled),
            paused_by=snapshot.pause_over(targets),
            only_to=self._only_to,
            test_addresses=brand.test_addresses if brand else (),
        )

    async def _send(self, row: Delivery, batch: _Batch) -> None:
        channel = self._channels.get(row.channel)
        if channel is None:
            await self._end(row, DeliveryState.DEAD, Reason.NO_CHANNEL, "the channel has no settings")
            return
        draft = Draft(
            delivery=row,
            survey=batch.surveys[row.survey or "", row.survey_version or 0],
            brand=batch.snapshot.brands[row.brand],
            invitation=batch.invitations.get(row.invitation) if row.invitation else None,
        )
        try:
            message = self._composer.compose_email(draft)
        except ValueError as error:
            await self._end(row, DeliveryState.DEAD, Reason.COMPOSING_FAILED, str(error))
            return
        async with self._slots[row.channel]:
            if not await self._store.deliveries.mark_sending(row):
                log.info("sending.not_ours_any_more", delivery=row.id)
                return
            try:
                outcome = await channel.send(message)
            except ChannelError as error:
                # What the provider said is written down even if this worker is being stopped.
                await asyncio.shield(self._record_failure(row, error))
            else:
                await asyncio.shield(self._record_sent(row, outcome))

    async def _record_sent(self, row: Delivery, outcome: SendOutcome) -> None:
        # The invitation first: should this worker die in between, the repeated mail finds it in the right state.
        if row.invitation:
            await self._store.invitations.move(row.invitation, InvitationState.SENT, at=self._store.clock.now())
        done = await self._store.deliveries.record_sent(
            row, outcome.provider, outcome.provider_id, outcome.status.value, outcome.status.rank
        )
        if done:
            self._count(row, DeliveryState.SENT, None)
        else:
            log.warning("sending.claim_lost_after_send", delivery=row.id)

    async def _record_failure(self, row: Delivery, error: ChannelError) -> None:
        if isinstance(error, TemporaryFailure):
            await self._try_again(row, error)
        elif isinstance(error, OutcomeUnknown):
            await self._end(row, DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN, str(error))
        elif isinstance(error, PermanentFailure) and error.address_unusable:
            await self._suppress_address(row, error)
            await self._end(row, DeliveryState.DEAD, Reason.ADDRESS_UNUSABLE, str(error))
        else:
            await self._end(row, DeliveryState.DEAD, Reason.REFUSED, str(error))

    async def _try_again(self, row: Delivery, error: TemporaryFailure) -> None:
        attempts = row.attempts + 1
        if error.channel_down:
            # No message would have passed: wait without using up this one's tries.
            wait, attempts = next_try_in(1, [CHANNEL_DOWN_FOR]), row.attempts
        else:
            wait = next_try_in(attempts, EMAIL_SCHEDULE, error.retry_after)
        if wait is None:
            await self._end(row, DeliveryState.DEAD, Reason.RETRIES_EXHAUSTED, str(error))
            return
        until = self._store.clock.now() + wait
        await self._store.deliveries.record_wait(row, until, detail=str(error), attempts=attempts)

    async def _suppress_address(self, row: Delivery, error: PermanentFailure) -> None:
        subject = self._keyring.subject_hash(email_key(row.to))
        suppression = Suppression(
            id=suppression_id(SuppressionScope.ADDRESS, EVERY_BRAND, subject),
            scope=SuppressionScope.ADDRESS,
            brand=EVERY_BRAND,
            subject_hash=subject,
            reason=SuppressionReason.BOUNCED,
            detail=error.code,
            created_at=self._store.clock.now(),
        )
        await self._store.suppressions.insert([suppression])

    async def _end(self, row: Delivery, state: DeliveryState, reason: Reason, detail: str | None = None) -> None:
        if not await self._store.deliveries.record_end(row, state, reason, detail):
            log.info("sending.not_ours_any_more", delivery=row.id)
            return
        self._count(row, state, reason)
        if row.invitation and state is not DeliveryState.UNKNOWN:
            await self._store.invitations.move(row.invitation, InvitationState.UNDELIVERABLE, reason)

    @staticmethod
    def _count(row: Delivery, state: DeliveryState, reason: Reason | None) -> None:
        DELIVERIES.labels(row.channel.value, row.kind.value, state.value, reason.value if reason else "").inc()
