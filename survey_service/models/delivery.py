"""A delivery: one message to send on one channel, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable, Erasable, Noun
from survey_service.models.decision import Reason
from survey_service.models.outbox import Telling
from survey_service.models.report import Report


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
    DIALOGUE = "dialogue"  # answers what the customer has just done: a text message, a mail, a call that was asked for
    REWARD = "reward"  # hands over what was granted
    CASE_REPLY = "case_reply"  # a person writes to the customer
    ALERT = "alert"  # tells one of our people
    REPORT = "report"  # figures for one of our people
    SIGN_IN = "sign_in"  # the link by which one of our people, who waits for it, enters the dashboard
    TEST = "test"  # shows a survey to an address of the brand's own list


# Messages that ask: at most three an invitation, and none after an answer.
ASKS = frozenset({DeliveryKind.INVITE, DeliveryKind.FALLBACK, DeliveryKind.REMINDER})

# Messages to our own people: the brand's customers' opt-outs and preferences do not concern them.
TO_PEOPLE = frozenset({DeliveryKind.ALERT, DeliveryKind.REPORT, DeliveryKind.SIGN_IN})


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


class AgreedCall(Noun):
    """A call that a message confirms: when it begins (UTC), how long, what about, and the number that will ring."""

    at: datetime
    minutes: int
    about: str | None = None
    phone: str | None = None


class Button(Noun):
    """Where a written message leads; in a text message the address stands at its end."""

    label: str
    url: str


class Delivery(Claimable, Telling, Erasable):
    """`attempts` counts calls to the provider, not claims; `provider_rank` only rises.

    A message with `text` was written for one occasion: paragraphs, with an empty line between them. Everything else is
    composed from the survey. A message to our own people names no customer: it is not theirs to be cancelled.
    """

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
    subject: str | None = None  # of a written mail; None: the first line of `text`
    text: str | None = None  # None: composed from the survey
    button: Button | None = None
    report: Report | None = None  # that a written mail shows in place of its text
    person: str | None = None  # our person whom an alert or report is for, or in whose name a customer is written to
    case: str | None = None  # that it is about
    responses: tuple[str, ...] = ()  # that a message to our own people repeats
    reward: str | None = None  # that it hands over
    call: AgreedCall | None = None  # what the message confirms; None: it asks
    state: DeliveryState = DeliveryState.PLANNED
    reason: Reason | None = None
    detail: str | None = None  # the provider's last words, without addresses
    held_by: str | None = None  # the pause that holds it back, e.g. `channel:email`
    attempts: int = 0
    attempted_at: datetime | None = None  # the last call to the provider
    lookups: int = 0  # how often the provider was asked whether it has an unknown one
    segments: int | None = None  # of a text message, as they are billed
    replaces: str | None = None  # the unknown delivery that an operator sent anew
    replaced_by: str | None = None  # the one that was sent anew for it: it is never sent again itself
    provider: str | None = None
    provider_id: str | None = None
    provider_status: str | None = None
    provider_rank: int = 0
    created_at: datetime
    planned_at: datetime  # when it was meant to leave
    expires_at: datetime
    sent_at: datetime | None = None
