"""The history of an invitation: its stored instants come in, what happened in order goes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from survey_service.api.shapes.rows import Row
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.invitation import Invitation, InvitationState
from survey_service.models.response import Response

_DELIVERY_ENDS = {DeliveryState.DEAD, DeliveryState.CANCELLED, DeliveryState.UNKNOWN}
_INVITATION_ENDS = {InvitationState.EXPIRED, InvitationState.CANCELLED, InvitationState.UNDELIVERABLE}


class HistoryEntry(Row):
    """One thing that happened to an invitation, to one of its deliveries or to its response."""

    at: AwareDatetime
    what: Literal["invitation", "delivery", "response"]
    step: str
    reason: Reason | None = None
    delivery: str | None = None
    kind: DeliveryKind | None = None
    channel: ChannelName | None = None


def invitation_history(
    invitation: Invitation, deliveries: Sequence[Delivery], response: Response | None
) -> list[HistoryEntry]:
    """What is known about an invitation, oldest first."""
    entries = [
        *_of_invitation(invitation, sent_by_delivery=any(delivery.sent_at for delivery in deliveries)),
        *(entry for delivery in deliveries for entry in _of_delivery(delivery)),
        *(_of_response(response) if response else ()),
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _of_invitation(invitation: Invitation, *, sent_by_delivery: bool) -> Iterator[HistoryEntry]:
    yield HistoryEntry(at=invitation.created_at, what="invitation", step="created")
    if invitation.sent_at and not sent_by_delivery:
        yield HistoryEntry(at=invitation.sent_at, what="invitation", step=InvitationState.SENT)
    if invitation.state in _INVITATION_ENDS:
        # A state that ends it is its last change, so that change's stamp is when it happened.
        at = invitation.updated_at or invitation.created_at
        yield HistoryEntry(at=at, what="invitation", step=invitation.state, reason=invitation.reason)


def _of_delivery(delivery: Delivery) -> Iterator[HistoryEntry]:
    def entry(at: datetime, step: str, reason: Reason | None = None) -> HistoryEntry:
        return HistoryEntry(
            at=at,
            what="delivery",
            step=step,
            reason=reason,
            delivery=delivery.id,
            kind=delivery.kind,
            channel=delivery.channel,
        )

    yield entry(delivery.created_at, DeliveryState.PLANNED)
    if delivery.sent_at:
        yield entry(delivery.sent_at, DeliveryState.SENT)
    if delivery.state in _DELIVERY_ENDS:
        yield entry(delivery.updated_at or delivery.created_at, delivery.state, delivery.reason)


def _of_response(response: Response) -> Iterator[HistoryEntry]:
    yield HistoryEntry(at=response.started_at, what="response", step="started")
    if response.finished_at:
        yield HistoryEntry(at=response.finished_at, what="response", step=response.status)
