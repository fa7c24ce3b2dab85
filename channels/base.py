"""The contract between the service and a channel: messages in, a `SendOutcome` or a `ChannelError` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable


class ProviderStatus(StrEnum):
    """What the provider last said of a message; the rank only rises (statuses come twice, late, out of order)."""

    UNKNOWN = "unknown"  # a word we have no mapping for; the raw word is kept beside it
    ACCEPTED = "accepted"  # taken into the provider's queue
    SENT = "sent"  # handed on to the next network
    DELIVERED = "delivered"  # the recipient's side confirmed it
    FAILED = "failed"  # will not arrive

    @property
    def rank(self) -> int:
        """Order of the statuses; a lower one never replaces a higher one."""
        return _RANKS[self]


_RANKS = {
    ProviderStatus.UNKNOWN: 0,
    ProviderStatus.ACCEPTED: 1,
    ProviderStatus.SENT: 2,
    ProviderStatus.FAILED: 3,
    ProviderStatus.DELIVERED: 4,
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that comes with a mail; `content_type` may carry parameters: `text/calendar; method=PUBLISH`."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """One mail to one recipient; every text is final and is only ever a value."""

    delivery: str  # our id of the delivery
    sender: str  # `Acme <hello@acme.example>`
    recipient: str  # one bare address
    subject: str
    text: str
    html: str
    message_id: str  # with angle brackets; the same on every attempt
    reply_to: str | None = None
    return_path: str | None = None  # envelope sender; None: the address of `sender`
    headers: Mapping[str, str] = field(default_factory=dict)  # List-Unsubscribe, Auto-Submitted, ...
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """One text message to one number."""

    delivery: str
    recipient: str  # E.164
    text: str
    status_url: str | None = None  # where the provider posts what became of it


Message = EmailMessage | SmsMessage
M_contra = TypeVar("M_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The provider took the message."""

    provider: str  # "smtp", "twilio"
    provider_id: str | None  # the provider's own id, where it gives one
    status: ProviderStatus
    detail: str = ""  # its answer, shortened, without addresses


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message in the provider's own list: proof that it was taken."""

    provider_id: str
    status: ProviderStatus
    raw: str  # the provider's own word
    error_code: str | None
    created_at: datetime


class Channel(Protocol[M_contra]):
    """How one kind of message leaves; opened once, used by many tasks, closed once."""

    name: str  # "email", "sms"
    capacity: int  # how many sends may run at the same time

    async def send(self, message: M_contra) -> SendOutcome:
        """Hand over one message.

        Raises:
            TemporaryFailure, PermanentFailure, OutcomeUnknown: see `channels.errors`.
        """
        ...

    async def close(self) -> None:
        """Finish and let go of every connection."""
        ...


@runtime_checkable
class Searchable(Protocol):
    """A channel whose provider can be asked what it has taken."""

    async def find_sent(self, recipient: str, after: datetime, marker: str) -> FoundMessage | None:
        """A message to `recipient` whose text holds `marker`, not older than `after`; None proves nothing.

        Raises:
            TemporaryFailure: the provider's list could not be read.
        """
        ...
