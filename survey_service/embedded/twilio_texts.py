"""A text message of the Twilio-shaped API: what is stored comes in, Twilio's JSON and form fields for it go out.

Shapes: https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Protocol

from survey_service.texts.segments import count_segments

API_VERSION = "2010-04-01"


class Direction(StrEnum):
    """Who wrote it, in Twilio's words."""

    INBOUND = "inbound"  # a person, to our number
    OUTBOUND = "outbound-api"  # we, through the API


@dataclass(frozen=True, slots=True)
class TextMessage:
    """One SMS, one way or the other."""

    sid: str
    direction: Direction
    sender: str
    recipient: str
    text: str
    status: str  # Twilio's word
    created_at: datetime
    status_url: str | None = None
    error_code: int | None = None


class TextMessages(Protocol):
    """Where the endpoint keeps the messages."""

    async def insert(self, message: TextMessage) -> None:
        """Keep one."""
        ...

    async def get(self, sid: str) -> TextMessage | None:
        """One, by its SID."""
        ...

    async def set_status(self, sid: str, status: str, error_code: int | None) -> None:
        """Note what became of one."""
        ...

    async def newest(
        self, recipient: str | None, sender: str | None, since: datetime | None, skip: int, limit: int
    ) -> Sequence[TextMessage]:
        """Those that match, the newest first; `since` is inclusive."""
        ...


def new_message_sid() -> str:
    """A SID as Twilio makes them."""
    return f"SM{secrets.token_hex(16)}"


def resource(message: TextMessage, account_sid: str) -> dict[str, object]:
    """The message as the API shows it."""
    at = format_datetime(message.created_at)
    return {
        "sid": message.sid,
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "body": message.text,
        "date_created": at,
        "date_sent": at,
        "date_updated": at,
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(count_segments(message.text).count),
        "price": None,
        "price_unit": "USD",
        "status": message.status,
        "subresource_uris": {},
        "to": message.recipient,
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}.json",
    }


def status_form(message: TextMessage, account_sid: str, status: str, error_code: int | None) -> dict[str, str]:
    """The fields of a status callback."""
    return {
        **_common_fields(message, account_sid),
        "MessageStatus": status,
        "SmsStatus": status,
        **({"ErrorCode": str(error_code)} if error_code is not None else {}),
    }


def inbound_form(message: TextMessage, account_sid: str, media: int, opt_out_type: str | None) -> dict[str, str]:
    """The fields of the webhook for an incoming message."""
    return {
        **_common_fields(message, account_sid),
        "SmsMessageSid": message.sid,
        "SmsStatus": "received",
        "Body": message.text,
        "NumMedia": str(media),
        "NumSegments": str(count_segments(message.text).count),
        **({"OptOutType": opt_out_type} if opt_out_type is not None else {}),
    }


def _common_fields(message: TextMessage, account_sid: str) -> dict[str, str]:
    return {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "From": message.sender,
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "To": message.recipient,
    }
