"""A contact: what one person, or one address that several may share, was and will be asked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Noun, Stored

FORGOTTEN = ""  # the invitation of a hold whose own one names nobody any more


class Hold(Noun):
    """One first message: of which invitation, when it leaves or left, and what it asks."""

    invitation: str
    at: datetime
    trigger: str | None
    text: str
    since: datetime | None = None  # when it was taken


class Answered(Noun):
    """When the last answer under a trigger came."""

    trigger: str
    at: datetime


class Frequency(StrEnum):
    """How often a person wants to be asked."""

    NORMAL = "normal"  # as the policy says
    LESS = "less"  # the person chose "less often"


class Contact(Stored):
    """`id` is our customer id or `adr_` and a keyed hash; `revision` fences each write."""

    revision: int = 0
    holds: tuple[Hold, ...] = ()
    answers: tuple[Answered, ...] = ()
    last_score: int | None = None
    last_answer_at: datetime | None = None
    frequency: Frequency = Frequency.NORMAL
    channel: str | None = None  # the one the person prefers
