"""Letters: somebody and what to tell them come in; the message that the sending stage picks up goes out. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey_service.calendars import parse_windows, zone
from survey_service.models.case import Case
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import Button, ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.person import Person
from survey_service.models.response import Response
from survey_service.texts.words import words_in

EXPIRES_AFTER = timedelta(days=7)  # a word of last week helps nobody
_WAYS = (ChannelName.EMAIL, ChannelName.SMS)


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said: paragraphs with an empty line between them, and what to tap; the subject is a mail's."""

    text: str
    subject: str | None = None
    button: Button | None = None


def page_button(about: Case | Response, person: Person, base_url: str) -> Button | None:
    """The way to the page of the customer; None where there is none that the person may see.

    A text message has none either: the address alone would fill it.
    """
    way = _way_to(person)
    is_theirs = not person.touchpoints or about.touchpoint in person.touchpoints
    if about.customer is None or not is_theirs or way is None or way[0] is not ChannelName.EMAIL:
        return None
    label = words_in(person.language)("Open the page of the customer")
    return Button(label=label, url=f"{base_url}/dashboard/customers/{about.customer}")


def _way_to(person: Person) -> tuple[ChannelName, str] | None:
    """The channel and the address that reach one of our people, the channel that they chose first."""
    addresses = {ChannelName.EMAIL: person.email, ChannelName.SMS: person.phone}
    ways = sorted(_WAYS, key=lambda channel: channel is not person.alerts_by)
    return next(((channel, to) for channel in ways if (to := addresses[channel])), None)


def letter_to_person(
    person: Person,
    wording: Wording,
    brand: str,
    now: datetime,
    *,
    letter: str,
    case: str | None = None,
    responses: tuple[str, ...] = (),
) -> Delivery | None:
    """An alert to one of our people, under the id `letter`, as soon as their quiet hours allow; None if nothing
    reaches them.

    It comes by the channel that they chose, else by the other one. `responses` are those whose words it repeats.
    """
    way = _way_to(person)
    if way is None:
        return None
    send_at = now
    if person.quiet_hours is not None:
        send_at = parse_windows(person.quiet_hours.allow).next_allowed(now, zone(person.timezone))
    channel, to = way
    return Delivery(
        id=letter,
        kind=DeliveryKind.ALERT,
        channel=channel,
        brand=brand,
        to=to,
        language=person.language,
        subject=wording.subject,
        text=wording.text,
        button=wording.button,
        person=person.id,
        case=case,
        responses=responses,
        state=DeliveryState.REQUESTED,
        due_at=send_at,
        created_at=now,
        planned_at=send_at,
        expires_at=send_at + EXPIRES_AFTER,
    )


def way_to_customer(
    profile: CustomerProfile, usable: Collection[ChannelName], prefers: str | None
) -> tuple[ChannelName, str] | None:
    """The channel and the address that reach a customer, the preferred channel first; None if none does."""
    addresses = {ChannelName.EMAIL: profile.email, ChannelName.SMS: profile.phone}
    ways = sorted(_WAYS, key=lambda channel: channel.value != prefers)
    return next(((channel, to) for channel in ways if channel in usable and (to := addresses[channel])), None)


def letter_to_customer(
    about: Case | Response,
    wording: Wording,
    way: tuple[ChannelName, str],
    now: datetime,
    *,
    letter: str,
    person: str | None,
) -> Delivery:
    """A message to the customer who answered, under the id `letter`, in the name of `person`.

    It is one of DESIGN's kind `case_reply`: somebody writes to the customer, who is not waiting for it, so it keeps to
    their quiet hours.
    """
    channel, to = way
    return Delivery(
        id=letter,
        kind=DeliveryKind.CASE_REPLY,
        channel=channel,
        invitation=about.invitation,
        brand=about.brand,
        survey=about.survey,
        customer=about.customer,
        touchpoint=about.touchpoint,
        to=to,
        language=about.language,
        subject=wording.subject,
        text=wording.text,
        button=wording.button,
        person=person,
        case=about.id if isinstance(about, Case) else None,
        state=DeliveryState.REQUESTED,
        due_at=now,
        created_at=now,
        planned_at=now,
        expires_at=now + EXPIRES_AFTER,
    )
