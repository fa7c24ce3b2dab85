"""A webhook: where news are posted, signed as Standard Webhooks; a call is one of the news for one webhook."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from survey_service.models.base import Claimable, Noun, Revised, Stored
from survey_service.models.ids import hashed_id
from survey_service.models.outbox import NewsType

TEST_TYPE = "webhook.test"  # sent by hand, whatever types the webhook wants
MAX_WEBHOOKS = 100
SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64


class WebhookContent(Noun):
    """What a caller PUTs."""

    url: str = Field(
        min_length=1,
        max_length=2000,
        description="An https address without user, fragment, or a host inside a private network",
    )
    types: tuple[NewsType, ...] = Field(
        min_length=1,
        max_length=len(NewsType),
        description="What it is told of; the key that PUTs it needs the scopes that those rows are read with",
    )
    condition: str | None = Field(
        default=None,
        max_length=2000,
        description="CEL over `message` (its `type`, `timestamp` and `data`, as they would be posted); unset: always",
    )
    enabled: bool = Field(default=True, description="Switched off, it is told nothing; what happens then is not kept")
    alert: tuple[str, ...] = Field(
        default=(), max_length=10, description="People who hear of it when the service switches it off"
    )


class OffReason(StrEnum):
    """Why the service switched a webhook off."""

    GONE = "gone"  # its receiver answered 410
    FAILING = "failing"  # five days of nothing but failures


class Webhook(Revised, WebhookContent):
    """The stored webhook; the newest secret stands first, a second one while they are changed."""

    secrets: tuple[str, ...] = Field(default=(), repr=False)
    disabled_reason: OffReason | None = None


class WebhookHealth(Stored):
    """A webhook that fails, by its name; there is none while all goes well.

    `rounds` counts the rounds in which nothing passed; until `held_until` no process calls it.
    """

    failing_since: datetime | None = None
    rounds: int = 0
    held_until: datetime


class CallState(StrEnum):
    """What became of a call."""

    WAITING = "waiting"
    DELIVERED = "delivered"  # the receiver answered 2xx
    DEAD = "dead"  # every try of the schedule failed, or the webhook was switched off; it can be replayed


class CallError(StrEnum):
    """What went wrong where no receiver answered."""

    ADDRESS_REFUSED = "address_refused"  # its name leads to an address that must not be called
    UNRESOLVED = "unresolved"  # its name leads nowhere
    NOT_CONNECTED = "not_connected"  # nobody took the connection
    TLS = "tls"  # its certificate or its TLS is not right
    TIMEOUT = "timeout"  # it did not answer in time
    DROPPED = "dropped"  # it ended the connection without an answer, or with one that is not HTTP
    SWITCHED_OFF = "switched_off"  # the webhook was switched off before the call


class Attempt(Noun):
    """One try: when it began, what the receiver answered (None: nothing), how long it took, what went wrong."""

    at: datetime
    status: int | None = None
    milliseconds: int
    error: CallError | None = None


class WebhookCall(Claimable):
    """One of the news for one webhook; `body` is posted as it stands, the same bytes on every try."""

    webhook: str
    message: str  # the id of the news, `webhook-id` of every try
    type: str  # a NewsType, or TEST_TYPE
    body: str = Field(repr=False)
    about: str | None = None  # the id of the document that the news are about
    state: CallState = CallState.WAITING
    tries: int = 0  # since it was told, or replayed
    attempts: tuple[Attempt, ...] = ()  # the last ones, those before a replay among them
    created_at: datetime


def new_secret() -> str:
    """A signing secret, as https://www.standardwebhooks.com writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def call_id(webhook: str, message: str) -> str:
    """One message makes one call of a webhook."""
    return hashed_id("whc", webhook, message)
