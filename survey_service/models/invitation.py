"""An invitation: one survey offered to one customer because of one event, or of one direct request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from survey_service.models.base import Claimable, Erasable, Noun
from survey_service.models.customer import CustomerProfile
from survey_service.models.decision import Reason
from survey_service.models.delivery import ChannelName
from survey_service.models.incentive import Offer
from survey_service.models.trigger import ChannelMode, QuietHours, Reminder


class InvitationState(StrEnum):
    """How far an invitation came."""

    WAITING = "waiting"  # nothing was sent yet
    SENT = "sent"  # a message left, or the address was handed out (channel web)
    STARTED = "started"  # a first answer is stored
    FINISHED = "finished"  # answered; final
    EXPIRED = "expired"  # its time ended; final
    CANCELLED = "cancelled"  # taken back, `reason` says why; final
    UNDELIVERABLE = "undeliverable"  # no message could be delivered; a link in hand still works until it expires


TRANSITIONS: Mapping[InvitationState, frozenset[InvitationState]] = {
    InvitationState.WAITING: frozenset(
        {
            InvitationState.SENT,
            InvitationState.STARTED,
            InvitationState.FINISHED,
            InvitationState.EXPIRED,
            InvitationState.CANCELLED,
            InvitationState.UNDELIVERABLE,
        }
    ),
    InvitationState.SENT: frozenset(
        {
            InvitationState.STARTED,
            InvitationState.FINISHED,
            InvitationState.EXPIRED,
            InvitationState.CANCELLED,
            InvitationState.UNDELIVERABLE,
        }
    ),
    InvitationState.STARTED: frozenset({InvitationState.FINISHED, InvitationState.EXPIRED}),
    InvitationState.UNDELIVERABLE: frozenset(
        {
            InvitationState.SENT,
            InvitationState.STARTED,
            InvitationState.FINISHED,
            InvitationState.EXPIRED,
            InvitationState.CANCELLED,
        }
    ),
    InvitationState.FINISHED: frozenset(),
    InvitationState.EXPIRED: frozenset(),
    InvitationState.CANCELLED: frozenset(),
}


# No answer is stored: the first one moves its invitation on in the same transaction, and nothing leads back.
UNANSWERED_STATES = frozenset(state for state, onward in TRANSITIONS.items() if InvitationState.STARTED in onward)
FINAL_STATES = frozenset(state for state, onward in TRANSITIONS.items() if not onward)


def states_that_may_become(target: InvitationState) -> list[str]:
    """Every state from which `target` is allowed: the guard of a compare-and-set."""
    return [state.value for state, allowed in TRANSITIONS.items() if target in allowed]


class TokenRef(Noun):
    """How a survey token is stored: which key made it, and its SHA-256 (hex)."""

    kid: str
    sha256: str


class EventFacts(Noun):
    """What an invitation and its response keep of the event that caused them."""

    key: str
    id: str
    source: str
    type: str
    time: datetime
    subject: str | None = None


class Invitation(Claimable, Erasable):
    """`due_at` is its next step: planning the first message, then its end."""

    event: EventFacts | None = None
    trigger: str | None = None
    trigger_version: int | None = None
    survey: str
    survey_version: int
    brand: str
    customer: str  # our id
    customer_ref: str  # what systems call the person
    recipient: CustomerProfile
    touchpoint: str | None = None
    touchpoint_name: str | None = None  # as it was registered at that moment
    data: dict[str, Any] = Field(default_factory=dict)  # the event's data without the customer: for texts and show_if
    dimensions: dict[str, Any] = Field(default_factory=dict)
    we_did: str | None = None  # what was done about what the person said last time: `{{last_time.we_did}}`
    incentive: Offer | None = None  # what an answer is thanked with
    language: str
    variant: str | None = None
    channels: tuple[ChannelName, ...]
    channel_mode: ChannelMode = ChannelMode.FIRST
    fallback_after: str | None = None
    reminders: tuple[Reminder, ...] = ()
    quiet_hours: QuietHours | None = None
    timezone: str = "UTC"  # whose wall clock the quiet hours mean
    exempt: bool = False  # from the contact policy
    state: InvitationState = InvitationState.WAITING
    reason: Reason | None = None
    send_at: datetime
    expires_at: datetime
    planned: bool = False
    token: TokenRef
    request_hash: str | None = None  # of a direct request, so that an Idempotency-Key cannot mean two things
    created_at: datetime
    sent_at: datetime | None = None

    @property
    def asks_again(self) -> bool:
        """Whether time alone, without an answer, may bring another message."""
        return bool(self.reminders or self.fallback_after)
