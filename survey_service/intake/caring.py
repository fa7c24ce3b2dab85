"""Caring: customers come in; whose last word somebody takes care of, and what was done about others', goes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from survey_service.models.contact import Contact
from survey_service.store.cases import LastWord
from survey_service.store.store import Store

REMEMBERED = timedelta(days=365)  # whoever was not asked for so long is not told any more


@dataclass(frozen=True, slots=True)
class Care:
    """What is known of the cases of some customers."""

    active: frozenset[str] = frozenset()  # whoever has an active case
    last: Mapping[tuple[str, str], LastWord] = field(default_factory=dict)  # by (customer, brand)

    def we_did(self, contact: Contact, brand: str, invitation: str) -> str | None:
        """What was done about the person's last case, in words for them; only the first `invitation` since says so."""
        word = self.last.get((contact.id, brand))
        if word is None or contact.id in self.active:
            return None
        told = any(hold.at > word.at and hold.invitation != invitation for hold in contact.holds)
        return None if told else word.public_note


async def read_care(store: Store, customers: Collection[str], now: datetime) -> Care:
    """The cases of these customers, in two look-ups."""
    named = sorted(set(customers))
    return Care(await store.cases.active_customers(named), await store.cases.last_words(named, now - REMEMBERED))
