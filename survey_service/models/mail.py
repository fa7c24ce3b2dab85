"""An incoming mail: what somebody wrote in answer to one of our mails, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable
from survey_service.models.inbound import InboundState
from survey_service.models.outbox import Telling

MAIL_PREFIX = "eml"
MAX_MAIL_TEXT = 4_000  # characters that are kept of what somebody wrote


class MailResult(StrEnum):
    """What an incoming mail was taken for."""

    ANSWERED = "answered"  # an answer to the open question of the survey
    NOTED = "noted"  # a note on the customer; rules and cases hear of it
    OPTED_OUT = "opted_out"  # no more messages
    POISON = "poison"  # every worker that took the row died with it


class Mail(Claimable, Telling):
    """`id` is made of the delivery and the sender's Message-ID, so that one that is handed over twice is stored once.

    `text` is what the author wrote, without what their client quoted.
    """

    state: InboundState = InboundState.PENDING
    delivery: str  # the one that it answers
    asks: bool  # whether that one asked for an answer
    invitation: str | None = None
    brand: str
    customer: str | None = None
    case: str | None = None
    from_recipient: bool  # whether it comes from the address that the delivery went to
    subject: str = ""
    text: str
    received_at: datetime
    result: MailResult | None = None
