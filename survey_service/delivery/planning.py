"""Planning: due invitations come in; their first message, and later their end, go out as rows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog

from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import delivery_id
from survey_service.models.invitation import TRANSITIONS, Invitation, InvitationState
from survey_service.store.claims import Claim
from survey_service.store.store import Store
from survey_service.work.bells import Bells

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Step:
    """What is next for an invitation: messages to plan, a state to take, and when to look again."""

    deliveries: tuple[Delivery, ...] = ()
    state: InvitationState | None = None
    reason: Reason | None = None
    due_at: datetime | None = None


def next_step(invitation: Invitation, now: datetime) -> Step:
    """The next step of a due invitation. Pure; planning the same step twice makes the same rows."""
    if not TRANSITIONS[invitation.state]:
        return Step()
    if now >= invitation.expires_at:
        return Step(state=InvitationState.EXPIRED, reason=Reason.EXPIRED)
    if invitation.planned or invitation.state is not InvitationState.WAITING:
        # A web address may have been answered before its first step was planned.
        return Step(due_at=invitation.expires_at)
    if invitation.channels[0] is ChannelName.WEB:
        return Step(state=InvitationState.SENT, due_at=invitation.expires_at)
    return Step(deliveries=(first_message(invitation, now),), due_at=invitation.expires_at)


def first_message(invitation: Invitation, now: datetime) -> Delivery:
    """The invite on the first channel of the invitation."""
    channel = invitation.channels[0]
    address = invitation.recipient.email if channel is ChannelName.EMAIL else invitation.recipient.phone
    send_at = max(invitation.send_at, now)
    return Delivery(
        id=delivery_id(invitation.id, DeliveryKind.INVITE, 1),
        kind=DeliveryKind.INVITE,
        channel=channel,
        invitation=invitation.id,
        brand=invitation.brand,
        survey=invitation.survey,
        survey_version=invitation.survey_version,
        trigger=invitation.trigger,
        customer=invitation.customer,
        touchpoint=invitation.touchpoint,
        to=address or "",
        language=invitation.language,
        state=DeliveryState.PLANNED,
        due_at=send_at,
        planned_at=send_at,
        created_at=now,
        expires_at=invitation.expires_at,
    )


class PlanInvitations:
    """The planning stage's handler."""

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells

    async def __call__(self, claim: Claim[Invitation]) -> None:
        """Take the next step of each invitation: first the messages, then the mark that they are planned."""
        now = self._store.clock.now()
        steps = [(row, next_step(row, now)) for row in claim.rows]
        deliveries = [delivery for _, step in steps for delivery in step.deliveries]
        if deliveries:
            await self._store.deliveries.insert(deliveries)
            self._bells.ring("sending")
        # Together, so that they share one bulk write.
        await asyncio.gather(*(self._finish(row, step) for row, step in steps))

    async def _finish(self, row: Invitation, step: Step) -> None:
        if not await self._store.invitations.finish_step(row, step.due_at, step.state, step.reason):
            log.warning("planning.claim_lost", invitation=row.id)
