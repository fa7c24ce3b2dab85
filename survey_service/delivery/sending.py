"""Sending: due deliveries come in; each leaves through its channel or gets its reason, and every step is fenced.

The order of one send never changes: gate → compose → slot → mark `sending` (majority-written) → provider → record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from channels.base import Channel, EmailMessage
from channels.errors import ChannelError
from survey_service.delivery.composing import Composer
from survey_service.delivery.gate import End, Hold, Send, check_send
from survey_service.delivery.known import Batch, Known
from survey_service.delivery.moving import Moving
from survey_service.delivery.outcomes import Outcomes
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.store.claims import Claim
from survey_service.store.store import Store
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
        channels: Mapping[ChannelName, Channel[EmailMessage]],
        paces: Mapping[ChannelName, Pace],
        composer: Composer,
        keyring: Keyring,
        bells: Bells,
        only_to: str | None,
    ) -> None:
        self._store = store
        self._channels = channels
        self._paces = paces
        self._composer = composer
        self._keyring = keyring
        self._only_to = only_to
        self._moving = Moving(store)
        self._outcomes = Outcomes(store, keyring, bells)
        self._slots = {name: asyncio.Semaphore(channel.capacity) for name, channel in channels.items()}

    async def __call__(self, claim: Claim[Delivery]) -> None:
        """Bring each delivery of a claim to its next state."""
        known = Known(self._store, self._keyring, claim.rows, self._only_to)
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
        if await self._passes(row, batch, known, budget):
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
        draft = batch.draft(row)
        try:
            message = self._composer.compose_email(draft)
        except ValueError as error:
            await self._outcomes.end(row, DeliveryState.DEAD, Reason.COMPOSING_FAILED, str(error))
            return
        async with self._slots[row.channel]:
            await self._paces[row.channel].permit()
            fresh = await known.now()
            if fresh is not batch and not await self._passes(row, fresh, known):
                return
            if not await self._store.deliveries.mark_sending(row):
                log.info("sending.not_ours_any_more", delivery=row.id)
                return
            try:
                outcome = await channel.send(message)
            except ChannelError as error:
                said = self._outcomes.record_failure(row, error)
            else:
                said = self._outcomes.record_sent(row, draft.invitation, outcome)
        # Without the slot, so that the next mail leaves meanwhile; and even if this worker is being stopped.
        await asyncio.shield(said)
