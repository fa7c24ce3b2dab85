"""A delivery: one message to send on one channel, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable
from survey_service.models.decision import Reason


class ChannelName(StrEnum):
    """The ways to reach a customer."""

    EMAIL = "email"  # a mail with the scale as buttons
    SMS = "sms"  # a text message
    WEB = "web"  # no message: the caller shows the address itself


class DeliveryKind(StrEnum):
    """Why a message is sent; decides which checks stand right before the send (DESIGN "Sent")."""

    INVITE = "invite"  # the first message of an invitation
    FALLBACK = "fallback"  # the same question on the next channel
    REMINDER = "reminder"  # asks again
    DIALOGUE = "dialogue"  # answers an incoming SMS
    REWARD = "reward"  # hands over what was granted
    CASE_REPLY = "case_reply"  # a person writes to the customer
    ALERT = "alert"  # tells one of our people
    REPORT = "report"  # figures for one of our people
    TEST = "test"  # shows a survey to an address of the brand's own list


# Messages that ask: at most three an invitation, and none after an answer.
ASKS = frozenset({DeliveryKind.INVITE, DeliveryKind.FALLBACK, DeliveryKind.REMINDER})


class DeliveryState(StrEnum):
    """How far a message came. What the provider says later is `provider_status`, another thing."""

    REQUESTED = "requested"  # another stage wants it; not planned yet
    PLANNED = "planned"  # leaves at `due_at`
    SENDING = "sending"  # holds a send slot; the provider is called after this is majority-written
    SENT = "sent"  # the provider took it; final
    UNKNOWN = "unknown"  # the provider may have taken it; evidence or an operator settles it
    DEAD = "dead"  # cannot succeed, `reason` says why; an operator may retry
    CANCELLED = "cancelled"  # not to be sent any more, `reason` says why; final


TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.REQUESTED: frozenset({DeliveryState.PLANNED, DeliveryState.DEAD, DeliveryState.CANCELLED}),
    DeliveryState.PLANNED: frozenset({DeliveryState.SENDING, DeliveryState.DEAD, DeliveryState.CANCELLED}),
    DeliveryState.SENDING: frozenset(
        {DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.PLANNED, DeliveryState.UNKNOWN, DeliveryState.DEAD}
    ),
    DeliveryState.UNKNOWN: frozenset({DeliveryState.SENT, DeliveryState.DEAD}),
    DeliveryState.DEAD: frozenset({DeliveryState.PLANNED}),
    DeliveryState.SENT: frozenset(),
    DeliveryState.CANCELLED: frozenset(),
}

WAITING_STATES = (DeliveryState.REQUESTED, DeliveryState.PLANNED)


class Delivery(Claimable):
    """`attempts` counts calls to the provider, not claims; `provider_rank` only rises."""

    kind: DeliveryKind
    channel: ChannelName
    invitation: str | None = None
    brand: str
    survey: str | None = None
    survey_version: int | None = None
    trigger: str | None = None
    customer: str | None = None
    touchpoint: str | None = None
    to: str
    language: str
    text: str | None = None  # of a message that was written for this one occasion; None: composed from the survey
    state: DeliveryState = DeliveryState.PLANNED
    reason: Reason | None = None
    detail: str | None = None  # the provider's last words, without addresses
    held_by: str | None = None  # the pause that holds it back, e.g. `channel:email`
    attempts: int = 0
    attempted_at: datetime | None = None  # the last call to the provider
    lookups: int = 0  # how often the provider was asked whether it has an unknown one
    segments: int | None = None  # of a text message, as they are billed
    replaces: str | None = None  # the unknown delivery that an operator sent anew
    provider: str | None = None
    provider_id: str | None = None
    provider_status: str | None = None
    provider_rank: int = 0
    created_at: datetime
    planned_at: datetime  # when it was meant to leave
    expires_at: datetime
    sent_at: datetime | None = None
