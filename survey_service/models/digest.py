"""A digest: what one of our people is told once a day, in the morning of their zone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from survey_service.models.base import Claimable, Noun
from survey_service.models.ids import hashed_id

MAX_ITEMS = 200  # of one digest; nobody reads more, and a document has to end somewhere


class DigestState(StrEnum):
    """How far a digest came."""

    OPEN = "open"  # more may be added
    CLOSED = "closed"  # what is in it is what is told
    TOLD = "told"  # the message was asked for; final


class DigestItem(Noun):
    """One thing to tell, in the person's language; `id` is the same on every try to add it."""

    id: str
    response: str | None = None  # that it repeats
    text: str


class Digest(Claimable):
    """`due_at` is the morning on which it is told."""

    state: DigestState = DigestState.OPEN
    person: str
    brand: str
    items: tuple[DigestItem, ...]
    created_at: datetime

    @property
    def is_full(self) -> bool:
        """Whether nothing more is added."""
        return len(self.items) >= MAX_ITEMS


def digest_id(person: str, brand: str, morning: datetime) -> str:
    """A person is told of a brand once a morning."""
    return hashed_id("dig", person, brand, morning.isoformat())
