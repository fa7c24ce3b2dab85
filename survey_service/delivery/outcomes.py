"""Outcomes: what the provider said, or the gate decided, goes in; the rows that tell it go out, fenced by the claim."""

from __future__ import annotations

from datetime import timedelta

import structlog

from channels.base import SendOutcome
from channels.errors import ChannelError, OutcomeUnknown, PermanentFailure, TemporaryFailure
from survey_service.delivery.resolving import LOOK_AFTER
from survey_service.delivery.silencing import Silencing
from survey_service.delivery.steps import LOOK_AGAIN
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.store.store import Store
from survey_service.telemetry import DELIVERIES
from survey_service.work.bells import Bells
from survey_service.work.retry import SEND_SCHEDULE, next_try_in

log = structlog.get_logger()

CHANNEL_DOWN_FOR = timedelta(seconds=30)


class Outcomes:
    """Writes down what became of a claimed delivery, and wakes planning where an invitation has to go on."""

    def __init__(self, store: Store, silencing: Silencing, bells: Bells) -> None:
        self._store = store
        self._silencing = silencing
        self._bells = bells

    async def record_sent(self, row: Delivery, invitation: Invitation | None, outcome: SendOutcome) -> None:
        """The provider took it.

        The invitation first: should this worker die in between, the repeated mail finds it in the right state.
        """
        now = self._store.clock.now()
        if invitation is not None:
            await self._store.invitations.move(invitation.id, InvitationState.SENT, at=now)
        done = await self._store.deliveries.record_sent(
            row, outcome.provider, outcome.provider_id, outcome.status.value, outcome.status.rank
        )
        if not done:
            log.warning("sending.claim_lost_after_send", delivery=row.id)
            return
        _count(row, DeliveryState.SENT, None)
        if invitation is not None and (invitation.asks_again or _may_have_failed(row)):
            await self._wake(invitation.id)

    async def record_failure(self, row: Delivery, error: ChannelError) -> None:
        """The provider did not take it, or may have: what its error means is decided here alone."""
        if isinstance(error, TemporaryFailure):
            await self._try_again(row, error)
        elif isinstance(error, OutcomeUnknown):
            await self.end(row, DeliveryState.UNKNOWN, Reason.OUTCOME_UNKNOWN, str(error))
        elif isinstance(error, PermanentFailure) and error.opted_out:
            await self._silencing.stop_texts(row)
            await self.end(row, DeliveryState.DEAD, Reason.OPTED_OUT, str(error))
        elif isinstance(error, PermanentFailure) and error.address_unusable:
            await self._silencing.stop_address(row, error.code)
            await self.end(row, DeliveryState.DEAD, Reason.ADDRESS_UNUSABLE, str(error))
        else:
            await self.end(row, DeliveryState.DEAD, Reason.REFUSED, str(error))

    async def _try_again(self, row: Delivery, error: TemporaryFailure) -> None:
        attempts = row.attempts + 1
        if error.channel_down:
            # No message would have passed: wait without using up this one's tries.
            wait, attempts = next_try_in(1, [CHANNEL_DOWN_FOR]), row.attempts
        else:
            wait = next_try_in(attempts, SEND_SCHEDULE, error.retry_after)
        if wait is None:
            await self.end(row, DeliveryState.DEAD, Reason.RETRIES_EXHAUSTED, str(error))
            return
        until = self._store.clock.now() + wait
        await self._store.deliveries.record_wait(row, until, detail=str(error), attempts=attempts)

    async def end(self, row: Delivery, state: DeliveryState, reason: Reason, detail: str | None = None) -> None:
        """It ends here; planning decides what that means for the invitation (another channel, or its end).

        Planning is told before and after: should this worker die in between, it looks all the same.
        """
        if row.invitation:
            await self._store.invitations.wake(row.invitation, within=LOOK_AGAIN)
        if state is DeliveryState.UNKNOWN:
            await self._record_unknown(row, reason, detail)
            return
        if not await self._store.deliveries.record_end(row, state, reason, detail):
            log.info("sending.not_ours_any_more", delivery=row.id)
            return
        _count(row, state, reason)
        if row.invitation:
            await self._wake(row.invitation)

    async def _record_unknown(self, row: Delivery, reason: Reason, detail: str | None) -> None:
        """Nobody knows, unless the provider has reported it already: then it was sent."""
        look_at = self._store.clock.now() + LOOK_AFTER[0]
        state = await self._store.deliveries.record_unknown(row, detail, look_at)
        if state is None:
            log.info("sending.not_ours_any_more", delivery=row.id)
            return
        _count(row, state, None if state is DeliveryState.SENT else reason)
        if row.invitation:
            await self._wake(row.invitation)

    async def _wake(self, invitation: str) -> None:
        await self._store.invitations.wake(invitation)
        self._bells.ring("planning")


def _may_have_failed(row: Delivery) -> bool:
    """Whether a report that it failed may have come before the send returned, when there was nothing to plan yet."""
    return row.channel is ChannelName.SMS


def _count(row: Delivery, state: DeliveryState, reason: Reason | None) -> None:
    DELIVERIES.labels(row.channel.value, row.kind.value, state.value, reason.value if reason else "").inc()
