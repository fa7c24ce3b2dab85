"""A webhook that was switched off and the people it names come in; the letters that say so go out. Pure."""

from __future__ import annotations

from datetime import datetime

from survey_service.followup.letters import Wording, letter_to_person
from survey_service.models.delivery import Delivery
from survey_service.models.ids import hashed_id
from survey_service.models.person import Person
from survey_service.models.webhook import OffReason, Webhook
from survey_service.store.configuration import Snapshot
from survey_service.texts.words import words_in


def off_letters(webhook: Webhook, reason: OffReason, snapshot: Snapshot, now: datetime) -> list[Delivery]:
    """A letter to each active person of the webhook whom one reaches, the same ones on every try.

    A webhook belongs to no brand: they come from the first one by name, and none leaves while there is no brand.
    """
    if not snapshot.brands:
        return []
    brand = min(snapshot.brands)
    people = [snapshot.people[name] for name in dict.fromkeys(webhook.alert) if name in snapshot.people]
    letters = [
        letter_to_person(
            person,
            word_off(webhook, reason, person),
            brand,
            now,
            letter=hashed_id("dlv", "webhook", webhook.id, str(webhook.revision), person.id),
        )
        for person in people
        if person.active
    ]
    return [letter for letter in letters if letter is not None]


def word_off(webhook: Webhook, reason: OffReason, person: Person) -> Wording:
    """What one has to know and do, in the person's language."""
    words = words_in(person.language)
    subject = words("The webhook {name} was switched off", name=webhook.id)
    why = {
        OffReason.GONE: words("Its receiver says that it is gone for good (410)."),
        OffReason.FAILING: words("For five days its receiver has taken nothing."),
    }
    way_out = words("What waited for it was given up. Switch it on again, and replay the time since then.")
    return Wording("\n\n".join((subject + ".", why[reason], way_out)), subject)
