"""What Twilio answered instead of taking a message, or that it fell silent, comes in; the `ChannelError` goes out."""

from __future__ import annotations

import json
import re

from channels.errors import ChannelError, OutcomeUnknown, PermanentFailure, TemporaryFailure
from channels.twilio_codes import CodeMeaning, Fault, known_meaning
from channels.twilio_http import NoAnswer, Refused

_DETAIL_LENGTH = 200
_NUMBER = re.compile(r"\+?\d(?:[\s().-]*\d){5,}")

# What an answer without a listed code is about; everything else is about the message.
_STATUS_FAULTS = {
    301: Fault.CHANNEL,  # a redirect means that the API's address is wrong
    302: Fault.CHANNEL,
    303: Fault.CHANNEL,
    307: Fault.CHANNEL,
    308: Fault.CHANNEL,
    401: Fault.CHANNEL,
    403: Fault.CHANNEL,
    404: Fault.CHANNEL,  # no such account, or not Twilio's API at all
    405: Fault.CHANNEL,
    407: Fault.CHANNEL,  # a proxy wants a login
    408: Fault.BUSY,  # the request did not arrive as a whole (RFC 9110 §15.5.9)
    429: Fault.BUSY,
}


def refusal(refused: Refused) -> ChannelError:
    """What an answer without success to a send amounts to; after a 5xx the message may be on its way all the same."""
    code, said = _code_and_message(refused)
    if refused.status >= 500:
        return OutcomeUnknown(code, said)
    meaning = known_meaning(code) or CodeMeaning(_STATUS_FAULTS.get(refused.status, Fault.MESSAGE), said)
    if meaning.fault is Fault.CHANNEL:
        return TemporaryFailure(code, meaning.sentence, channel_down=True)
    if meaning.fault is Fault.BUSY:
        return TemporaryFailure(code, meaning.sentence, retry_after=_seconds(refused.retry_after))
    return PermanentFailure(
        code, meaning.sentence, address_unusable=meaning.address_unusable, opted_out=meaning.opted_out
    )


def silence(no_answer: NoAnswer) -> ChannelError:
    """What it amounts to when a send got no answer: unknown as soon as it may have left."""
    if no_answer.sent:
        return OutcomeUnknown(no_answer.cause, no_answer.detail)
    return TemporaryFailure(no_answer.cause, no_answer.detail, channel_down=True)


def failed_search(error: Refused | NoAnswer) -> TemporaryFailure:
    """What a question that changes nothing amounts to when it failed: it can be asked again."""
    if isinstance(error, NoAnswer):
        return TemporaryFailure(error.cause, error.detail)
    code, said = _code_and_message(error)
    return TemporaryFailure(code, said, retry_after=_seconds(error.retry_after))


def _code_and_message(refused: Refused) -> tuple[str, str]:
    """Twilio's code, else the HTTP status, and its message as one short line without numbers of persons.

    Both shapes of an error body are read: `code` and `message`, and RFC 9457 with `code`, `title` and `detail`.
    """
    try:
        body = json.loads(refused.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return str(refused.status), f"HTTP {refused.status} without a message of Twilio's"
    message = next((body[key] for key in ("message", "detail", "title") if isinstance(body.get(key), str)), "")
    return str(body.get("code") or refused.status), _scrub(message)


def _scrub(text: str) -> str:
    text = " ".join(_NUMBER.sub("[number]", text).split())
    return text if len(text) <= _DETAIL_LENGTH else text[: _DETAIL_LENGTH - 1] + "…"


def _seconds(retry_after: str | None) -> float | None:
    """The header in its form of delta-seconds (RFC 9110 §10.2.3); Twilio does not use the one with a date."""
    return float(retry_after) if retry_after and re.fullmatch(r"[0-9]{1,6}", retry_after) else None
