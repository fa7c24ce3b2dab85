"""An address that somebody typed comes in; the mails with the links of those who work here under it go out."""

from __future__ import annotations

from datetime import timedelta

import structlog

from survey_service.models.delivery import Button, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import random_id
from survey_service.models.person import Person
from survey_service.parts import Parts
from survey_service.texts.words import words_in
from survey_service.tokens import SignInSubject

LINK_LASTS = timedelta(minutes=15)

log = structlog.get_logger()


async def sign_in_letters(parts: Parts, address: str, path: str, query: str) -> list[Delivery]:
    """A mail to each person who has the address, with a link below `path`; none where nobody does.

    Nor are there any as long as no brand is configured: a mail leaves in the name of one.
    """
    snapshot = await parts.store.configuration.current()
    found = [person for person in snapshot.people.values() if person.active and (person.email or "").lower() == address]
    brand = min(snapshot.brands, default=None)
    if brand is None:
        if found:
            log.warning("sign_in.no_brand", people=len(found), hint="a mail leaves in the name of a brand: add one")
        return []
    return [_letter(parts, person, brand, f"{parts.base_url}{path}", query, is_one=len(found) == 1) for person in found]


def _letter(parts: Parts, person: Person, brand: str, above: str, query: str, *, is_one: bool) -> Delivery:
    """The mail to one of them; whose link it is stands in its subject where several read the same mailbox."""
    now, words = parts.clock.now(), words_in(person.language)
    subject = words("Your way into the dashboard")
    text = (
        words("Here is the link to your dashboard. It works once, within 15 minutes."),
        words("If you did not ask for it, you need not do anything."),
    )
    address = person.email or ""
    token = parts.keyring.sign_in_token(SignInSubject(person.id, parts.keyring.mark(address), now + LINK_LASTS))
    return Delivery(
        id=random_id("dlv"),
        kind=DeliveryKind.SIGN_IN,
        channel=ChannelName.EMAIL,
        brand=brand,
        to=address,
        language=person.language,
        subject=subject if is_one else f"{subject} · {person.name}",
        text="\n\n".join(text),
        button=Button(label=words("Sign in"), url=f"{above}/{token}{query}"),
        person=person.id,
        state=DeliveryState.REQUESTED,
        due_at=now,
        created_at=now,
        planned_at=now,
        expires_at=now + LINK_LASTS,
    )
