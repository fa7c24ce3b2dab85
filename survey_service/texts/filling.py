"""Filling texts: a text that names brand, customer or event comes in; the final sentence goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Survey
from survey_service.texts.locales import format_date, spoken_text
from survey_service.texts.placeholders import allowed_name, lookup, parse
from survey_service.texts.words import words_in


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses that a text may name; empty on pages, which carry them anyway."""

    survey: str = ""
    unsubscribe: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happened: a touchpoint's id, and its name where it is registered."""

    id: str | None = None
    name: str | None = None

    @property
    def shown(self) -> str | None:
        """What people call it."""
        return self.name or self.id


def filler(
    brand: Brand,
    survey: Survey,
    invitation: Invitation | None,
    links: Links,
    place: Place | None = None,
    language: str | None = None,
) -> Callable[[str], str]:
    """A function that fills the placeholders of one text; what is not known shows its fallback.

    `place` is the touchpoint of a public link, which has no invitation; `language` is the reader's, by default that
    of the invitation.
    """
    profile = invitation.recipient if invitation else CustomerProfile()
    event = invitation.event if invitation else None
    where = place or (Place(invitation.touchpoint, invitation.touchpoint_name) if invitation else Place())
    tree: dict[str, object] = {
        "brand": brand.model_dump(include={"name", "contact", "postal_address"}),
        "customer": profile.model_dump(include={"name", "first_name", "account", "attributes"}),
        "event": {**(event.model_dump() if event else {}), "data": invitation.data if invitation else {}},
        "last_time": {"we_did": invitation.we_did if invitation else None},
        "touchpoint": {"id": where.id, "name": where.shown},
        "link": {"survey": links.survey, "unsubscribe": links.unsubscribe},
        "survey": {"name": survey.name},
        "incentive": _offer(invitation, brand, language) if invitation else {},
    }
    return lambda text: parse(text, allowed_name).render(lambda wanted: lookup(tree, wanted))


def _offer(invitation: Invitation, brand: Brand, language: str | None) -> dict[str, object]:
    """What an answer is thanked with, and until when: as long as the invitation can be answered."""
    offer = invitation.incentive
    if offer is None:
        return {}
    spoken = language or invitation.language
    until = format_date(invitation.expires_at, ZoneInfo(invitation.recipient.timezone or brand.timezone), spoken)
    return {"name": offer.name, "text": spoken_text(offer.text, spoken)[0], "expires": until}


def why_we_ask(invitation: Invitation | None, brand: Brand, language: str, place: Place | None = None) -> str:
    """The sentence that tells the reader why we ask; `place` is that of a public link."""
    words = words_in(language)
    if place is not None:
        return words("We ask about your visit to {place}.", place=place.shown)
    if invitation is None:
        return words("This is a test message.")
    if invitation.event is None:
        return words("We ask you because you are a customer of {brand}.", brand=brand.name)
    zone = ZoneInfo(invitation.recipient.timezone or brand.timezone)
    day = format_date(invitation.event.time, zone, language)
    return words("We ask about your experience with {brand} on {date}.", brand=brand.name, date=day)
