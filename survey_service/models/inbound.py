"""An incoming text: what somebody wrote to our number, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable

MAX_INBOUND_TEXT = 4_000  # characters that are kept; a message of ten segments has 1,530


class InboundState(StrEnum):
    """How far an incoming text came."""

    PENDING = "pending"  # stored and acknowledged, not read yet
    HANDLED = "handled"  # `result` says what it was taken for; final


class InboundResult(StrEnum):
    """What an incoming text was taken for."""

    ANSWERED = "answered"  # an answer to the open question
    ASKED = "asked"  # a keyword alone: the question was sent
    CORRECTED = "corrected"  # not understood: a friendly word on what would be
    LINKED = "linked"  # not understood again: the link to the page
    NOTED = "noted"  # nothing was open, or nothing could be made of it: a note on the customer
    OPTED_OUT = "opted_out"  # no more messages
    OPTED_IN = "opted_in"  # messages again
    HELPED = "helped"  # who writes, and how to reach a person
    UNKNOWN_SENDER = "unknown_sender"  # from a number that we know nothing of, and no command
    POISON = "poison"  # every worker that took the row died with it


class InboundText(Claimable):
    """`id` is the provider's own for the message, so that a repeated webhook is stored once."""

    state: InboundState = InboundState.PENDING
    sender: str
    recipient: str  # our number
    text: str  # as it was written, at most MAX_INBOUND_TEXT characters; "" where there was only a picture
    opt_out_type: str | None = None  # what the provider's own opt-out handling took it for, and has answered
    media: int = 0  # pictures and the like, which are not fetched
    received_at: datetime
    result: InboundResult | None = None
    invitation: str | None = None  # the one it was read under
