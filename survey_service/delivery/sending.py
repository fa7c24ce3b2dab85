"""Sending: due deliveries come in; each leaves through its channel or gets its reason, and every step is fenced.

The order of one send never changes:
gate → compose → slot → what it may cost → mark `sending` (majority-written) → provider → record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from channels.base import Channel, Message, SendOutcome, SmsMessage
from channels.errors import ChannelError, OutcomeUnknown
from survey_service.delivery.composing import Composer
from survey_service.delivery.gate import End, Hold, Send, check_send
from survey_service.delivery.known import Batch, Known, Permitted
from survey_service.delivery.moving import Moving
from survey_service.delivery.outcomes import Outcomes
from survey_service.delivery.resolving import Resolving
from survey_service.delivery.silencing import Silencing
from survey_service.delivery.spending import SegmentCaps, Spending, Spent, next_day
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.telemetry import SMS_SEGMENTS
from survey_service.texts.phone_kinds import kind_of
from survey_service.texts.segments import count_segments
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from survey_service.work.pacing import Pace
from survey_service.work.reserving import Answer

log = structlog.get_logger()


class SendDeliveries:
    """The sending stage's handler; at most a channel's capacity of sends runs at once."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[ChannelName, Channel[Any]],
        paces: Mapping[ChannelName, Pace],
        composer: Composer,
        keyring: Keyring,
        bells: Bells,
        silencing: Silencing,
        permitted: Permitted,
        caps: SegmentCaps,
    ) -> None:
        self._store = store
        self._channels = channels
        self._paces = paces
        self._composer = composer
        self._keyring = keyring
        self._permitted = permitted
        self._moving = Moving(store, keyring)
        self._outcomes = Outcomes(store, silencing, bells)
        self._resolving = Resolving(store, channels, composer, silencing)
        self._spending = Spending(store.counters, store.clock, caps)
        self._slots = {name: asyncio.Semaphore(channel.capacity) for name, channel in channels.items()}

    async def __call__(self, claim: Claim[Delivery]) -> None:
        """Bring each delivery of a claim to its next state."""
        known = Known(self._store, self._keyring, claim.rows, self._permitted)
        batch = await known.now()
        places = await self._moving.place_again(claim.rows, batch)
        outcomes = await asyncio.gather(
            *(self._deliver(row, batch, known, places.get(row.id)) for row in claim.rows), return_exceptions=True
        )
        # Every row has its turn before a fault of one of them is told.
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _deliver(self, row: Delivery, batch: Batch, known: Known, budget: Answer | None) -> None:
        if row.state is DeliveryState.UNKNOWN:
            await self._resolving.look(row, batch.draft(row) if batch.can_draft(row) else None)
        elif await self._passes(row, batch, known, budget):
            await self._send(row, batch, known)

    async def _passes(self, row: Delivery, batch: Batch, known: Known, budget: Answer | None = None) -> bool:
        """Whether the gate lets it through; what it holds or ends is written down."""
        verdict = check_send(row, known.facts(row, batch, budget))
        if isinstance(verdict, Hold):
            await self._store.deliveries.record_wait(row, verdict.until, verdict.reason, held_by=verdict.held_by)
        elif isinstance(verdict, End):
            await self._outcomes.end(row, verdict.state, verdict.reason)
        return isinstance(verdict, Send)

    async def _send(self, row: Delivery, batch: Batch, known: Known) -> None:
        channel = self._channels.get(row.channel)
        if channel is None:
            await self._outcomes.end(row, DeliveryState.DEAD, Reason.NO_CHANNEL, "the channel has no settings")
            return
        try:
            message = self._compose(row, batch)
        except ValueError as error:
            await self._outcomes.end(row, DeliveryState.DEAD, Reason.COMPOSING_FAILED, str(error))
            return
        segments = count_segments(message.text).count if isinstance(message, SmsMessage) else None
        async with self._slots[row.channel]:
            await self._paces[row.channel].permit()
            fresh = await known.now()
            if fresh is not batch and not await self._passes(row, fresh, known):
                return
            spent = await self._spending.take(row.to, segments) if segments is not None else None
            if segments is not None and spent is None:
                await self._wait_for_budget(row)
                return
            if not await self._store.deliveries.mark_sending(row, segments):
                log.info("sending.not_ours_any_more", delivery=row.id)
                if spent is not None:
                    await self._spending.give_back(spent)
                return
            try:
                outcome = await channel.send(message)
            except ChannelError as error:
                said = self._record_failure(row, error, spent)
            else:
                said = self._record_sent(row, batch, outcome, spent)
        # Without the slot, so that the next mail leaves meanwhile; and even if this worker is being stopped.
        await asyncio.shield(said)

    def _compose(self, row: Delivery, batch: Batch) -> Message:
        if row.text is not None:
            return self._composer.compose_letter(batch.letter(row))
        return self._composer.compose(batch.draft(row))

    async def _record_sent(self, row: Delivery, batch: Batch, outcome: SendOutcome, spent: Spent | None) -> None:
        _count_segments(row, spent)
        await self._outcomes.record_sent(row, batch.invitations.get(row.invitation or ""), outcome)

    async def _record_failure(self, row: Delivery, error: ChannelError, spent: Spent | None) -> None:
        if isinstance(error, OutcomeUnknown):
            _count_segments(row, spent)
        elif spent is not None:
            await self._spending.give_back(spent)
        await self._outcomes.record_failure(row, error)

    async def _wait_for_budget(self, row: Delivery) -> None:
        """The day's segments are used up: tomorrow, if that is not too late."""
        until = next_day(self._store.clock.now())
        if until < row.expires_at:
            await self._store.deliveries.record_wait(row, until, Reason.BUDGET_EXCEEDED)
        else:
            await self._outcomes.end(row, DeliveryState.DEAD, Reason.BUDGET_EXCEEDED)


def _count_segments(row: Delivery, spent: Spent | None) -> None:
    if spent is not None:
        SMS_SEGMENTS.labels(row.kind.value, kind_of(row.to).prefix).inc(spent.segments)
