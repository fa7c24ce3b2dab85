"""Filling texts: a text that names brand, customer or event comes in; the final sentence goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from survey_service.models.brand import Brand
from survey_service.models.customer import CustomerProfile
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Survey
from survey_service.texts.locales import format_date
from survey_service.texts.placeholders import allowed_name, lookup, parse
from survey_service.texts.words import words_in


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses that a text may name; empty on pages, which carry them anyway."""

    survey: str = ""
    unsubscribe: str = ""


def filler(brand: Brand, survey: Survey, invitation: Invitation | None, links: Links) -> Callable[[str], str]:
    """A function that fills the placeholders of one text; without an invitation the fallbacks show."""
    profile = invitation.recipient if invitation else CustomerProfile()
    event = invitation.event if invitation else None
    place = invitation.touchpoint if invitation else None
    name = invitation.touchpoint_name if invitation else None
    tree: dict[str, object] = {
        "brand": brand.model_dump(include={"name", "contact", "postal_address"}),
        "customer": profile.model_dump(include={"name", "first_name", "account", "attributes"}),
        "event": {**(event.model_dump() if event else {}), "data": invitation.data if invitation else {}},
        "touchpoint": {"id": place, "name": name or place},
        "link": {"survey": links.survey, "unsubscribe": links.unsubscribe},
        "survey": {"name": survey.name},
    }
    return lambda text: parse(text, allowed_name).render(lambda wanted: lookup(tree, wanted))


def why_we_ask(invitation: Invitation | None, brand: Brand, language: str) -> str:
    """The sentence that tells the reader why this message came."""
    words = words_in(language)
    if invitation is None:
        return words("This is a test message.")
    if invitation.event is None:
        return words("We ask you because you are a customer of {brand}.", brand=brand.name)
    zone = ZoneInfo(invitation.recipient.timezone or brand.timezone)
    day = format_date(invitation.event.time, zone, language)
    return words("We ask about your experience with {brand} on {date}.", brand=brand.name, date=day)
