"""The forms that Twilio posts come in; whether Twilio signed them, and what they say, goes out.

Sources: https://www.twilio.com/docs/usage/security#validating-requests,
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status and
https://www.twilio.com/docs/messaging/guides/webhook-request. Fields that are not read here may come and go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from twilio.request_validator import RequestValidator

from channels.base import ProviderStatus
from channels.twilio_statuses import status_of

SIGNATURE_HEADER = "X-Twilio-Signature"

_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_ERROR_CODE = re.compile(r"[0-9]{3,6}")


class CallbackMalformed(ValueError):
    """A field is missing or not what Twilio sends; the text names the field and never its value."""


class OptOutType(StrEnum):
    """What Twilio's own opt-out handling made of a message, and has answered already."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


@dataclass(frozen=True, slots=True)
class SmsStatus:
    """What became of one message that we sent."""

    provider_id: str  # the message's SID
    status: ProviderStatus
    raw: str  # Twilio's own word
    error_code: str | None = None  # see `channels.twilio_codes.meaning_of`
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class InboundSms:
    """One message that somebody wrote to us."""

    provider_id: str  # the message's SID: the same on every repetition
    sender: str
    recipient: str  # our number
    text: str  # as it was written; "" if there was only media
    opt_out_type: OptOutType | None = None
    media: int = 0  # number of pictures and the like, which are not fetched


def verify(url: str, form: Mapping[str, str], signature: str, auth_token: str) -> bool:
    """Whether Twilio signed this form for this URL: the public one that was given to Twilio, query included.

    `form` is every field as it came; a multi-dict keeps those that came twice.
    """
    return bool(RequestValidator(auth_token).validate(url, form, signature))


def read_status(form: Mapping[str, str]) -> SmsStatus:
    """Read a status callback.

    Raises:
        CallbackMalformed: `MessageSid` or `MessageStatus` is missing, or a field is malformed.
    """
    raw = _required(form, "MessageStatus")
    error_code = form.get("ErrorCode") or None
    if error_code is not None and not _ERROR_CODE.fullmatch(error_code):
        raise CallbackMalformed("ErrorCode is not a number")
    return SmsStatus(_message_sid(form), status_of(raw), raw, error_code, form.get("To") or None)


def read_inbound(form: Mapping[str, str]) -> InboundSms:
    """Read the webhook of an incoming message.

    Raises:
        CallbackMalformed: `MessageSid`, `From` or `To` is missing, or `Body` without there being media, or a field
            is malformed.
    """
    media = form.get("NumMedia", "0")
    if not re.fullmatch(r"[0-9]{1,2}", media):
        raise CallbackMalformed("NumMedia is not a small number")
    text = form.get("Body", "" if int(media) else None)
    if text is None:
        raise CallbackMalformed("Body is missing")
    opt_out = form.get("OptOutType", "")
    return InboundSms(
        _message_sid(form),
        _required(form, "From"),
        _required(form, "To"),
        text,
        OptOutType(opt_out) if opt_out in OptOutType.__members__ else None,
        int(media),
    )


def _message_sid(form: Mapping[str, str]) -> str:
    sid = _required(form, "MessageSid")
    if not _MESSAGE_SID.fullmatch(sid):
        raise CallbackMalformed("MessageSid is not the SID of a message")
    return sid


def _required(form: Mapping[str, str], field: str) -> str:
    value = form.get(field)
    if not value:
        raise CallbackMalformed(f"{field} is missing")
    return value
