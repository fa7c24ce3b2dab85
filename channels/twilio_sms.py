"""The SMS channel: an `SmsMessage` comes in, Twilio's acceptance goes out as a `SendOutcome`.

An SMS costs money and a second copy annoys, so a send whose request may have left is never tried again: it ends in
`OutcomeUnknown`, and `find_sent` looks for proof that Twilio has the message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from twilio.base import values
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels.base import FoundMessage, SendOutcome, SmsMessage
from channels.errors import OutcomeUnknown, PermanentFailure, TemporaryFailure
from channels.twilio_http import NoAnswer, PooledHttpClient, Refused
from channels.twilio_refusals import failed_search, refusal, silence
from channels.twilio_statuses import status_of

PAGE_SIZE = 100
SEARCHED = 500  # messages to one number; the newest come first

# The SDK would take an edge and a region from the process's environment, and rewrite `api_url` with them.
_NO_ENVIRONMENT = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """Which Twilio account sends and how; exactly one of `sender` and `messaging_service_sid` is set."""

    account_sid: str
    auth_token: str = field(repr=False)
    sender: str | None = None  # a number in E.164, a short code or an alphanumeric name
    messaging_service_sid: str | None = None  # chooses the sender from its pool
    api_url: str | None = None  # instead of https://api.twilio.com
    connections: int = 20
    timeout: float = 10.0  # seconds from connecting to the end of the answer

    def __post_init__(self) -> None:
        if (self.sender is None) == (self.messaging_service_sid is None):
            raise ValueError("Twilio needs either a sender or a messaging service")


class TwilioSmsChannel:
    """SMS over Twilio's SDK; a `channels.base.Channel[SmsMessage]`.

    Created inside a running event loop, without touching the network.
    """

    name = "sms"

    def __init__(self, settings: TwilioSettings) -> None:
        self.capacity = settings.connections
        self._http = PooledHttpClient(settings.connections, settings.timeout)
        client = Client(settings.account_sid, settings.auth_token, http_client=self._http, environment=_NO_ENVIRONMENT)
        if settings.api_url is not None:
            client.api.base_url = settings.api_url
        self._messages = client.messages
        self._sender = settings.sender or values.unset
        self._service = settings.messaging_service_sid or values.unset

    async def send(self, message: SmsMessage) -> SendOutcome:
        """Hand the message to Twilio; a cancelled send may have been taken, like one that ends in OutcomeUnknown.

        Raises:
            TemporaryFailure: nothing was taken: 429 (with `retry_after`), or with `channel_down` no connection, no
                TLS, a wrong login, account or sender.
            PermanentFailure: Twilio refused this message; `opted_out` (21610) or `address_unusable` where that is
                why. `unsendable` if the text is not Unicode.
            OutcomeUnknown: time-out, lost connection, 5xx or an unreadable answer after the request may have left.
        """
        try:
            sent = await self._messages.create_async(
                to=message.recipient,
                body=message.text,
                from_=self._sender,
                messaging_service_sid=self._service,
                status_callback=message.status_url or values.unset,
            )
        except Refused as refused:
            raise refusal(refused) from refused
        except NoAnswer as no_answer:
            raise silence(no_answer) from no_answer
        except UnicodeEncodeError:
            # Without the cause, whose text repeats the message.
            raise PermanentFailure("unsendable", "the text holds half of a character") from None
        except (AttributeError, TypeError, ValueError) as error:
            # The SDK reads the body of a success without looking at its shape first.
            raise OutcomeUnknown("unreadable-answer", "accepted with an answer that cannot be read") from error
        if not isinstance(sent.sid, str):
            raise OutcomeUnknown("unreadable-answer", "accepted with an answer that names no message")
        raw = str(sent.status or "")
        return SendOutcome("twilio", sent.sid, status_of(raw), _detail(raw, sent.num_segments))

    async def find_sent(self, recipient: str, after: datetime, marker: str) -> FoundMessage | None:
        """Look in Twilio's list for a message to `recipient` whose text holds `marker`, not older than `after`.

        `after` is aware; Twilio's times have whole seconds and its clock is not ours, so leave some room. Looks at
        the newest 500 messages to that number. None proves nothing: the message may not be listed yet.

        Raises:
            TemporaryFailure: the list could not be read.
        """
        after = after.astimezone(UTC).replace(microsecond=0)
        try:
            listed = await self._messages.stream_async(
                to=recipient, date_sent_after=after, limit=SEARCHED, page_size=PAGE_SIZE
            )
            async for message in listed:
                # Twilio promises to filter by the day only.
                if message.date_created >= after and marker in (message.body or ""):
                    return _found(message)
        except (Refused, NoAnswer) as error:
            raise failed_search(error) from error
        except (AttributeError, KeyError, TypeError, ValueError, TwilioException) as error:
            raise TemporaryFailure("unreadable-answer", "Twilio's list of messages cannot be read") from error
        return None

    async def close(self) -> None:
        """Let running sends finish, then close every connection."""
        await self._http.close()


def _detail(word: str, segments: str | None) -> str:
    """Twilio's word, with what will be billed where it says so (a messaging service says 0 at first)."""
    return f"{word}, segments: {segments}" if segments not in (None, "", "0") else word


def _found(message: MessageInstance) -> FoundMessage:
    error_code = None if message.error_code is None else str(message.error_code)
    return FoundMessage(message.sid, status_of(message.status), message.status, error_code, message.date_created)
