"""What is known of a customer comes in; the view of their page goes out, newest moment first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from survey_service.calendars.zones import is_zone, zone
from survey_service.models.customer import Customer
from survey_service.models.response import CallWish
from survey_service.pages.dashboard_history import History
from survey_service.pages.dashboard_look import CustomerView, MomentView
from survey_service.pages.dashboard_moments import Narrator
from survey_service.pages.dashboard_viewers import Viewer
from survey_service.pages.dashboard_views import customer_href, reader_of
from survey_service.texts.locales import LANGUAGE_NAMES, language_of
from survey_service.texts.moments import time_in_zone
from survey_service.texts.words import Words, words_in

OLDER = "before"  # in the address: where an older page begins


def customer_view(
    viewer: Viewer, history: History, zone_name: str, now: datetime, *, is_newest: bool = True
) -> CustomerView:
    """The page; what the person who calls has to know stands in `wishes`, beside the rest."""
    words, customer = words_in(viewer.language), history.customer
    narrator = Narrator(history.known, words, zone(zone_name), now)
    href = customer_href(customer.id, viewer) or ""
    return CustomerView(
        reader=reader_of(viewer),
        id=customer.id,
        name=customer.profile.name or customer.profile.first_name or customer.ref,
        facts=tuple(_facts(customer, words, now)),
        wishes=tuple(_wishes(history, narrator)),
        moments=tuple(narrator.moment(row) for row in history.rows),
        older=f"{href}?{urlencode({OLDER: history.older.encode()})}" if history.older else "",
        newest="" if is_newest else href,
        may_write=viewer.writes_as is not None,
    )


def _facts(customer: Customer, words: Words, now: datetime) -> Iterator[tuple[str, str]]:
    profile = customer.profile
    if profile.phone:
        yield words("Phone"), profile.phone
    if profile.email:
        yield words("Email"), profile.email
    if profile.timezone and is_zone(profile.timezone):
        yield words("Their time"), time_in_zone(now, zone(profile.timezone), words.lang)
    if language := language_of(profile.locale):
        yield words("Language"), LANGUAGE_NAMES.get(language, language)
    if profile.account:
        yield words("Account"), profile.account
    yield words("Customer id"), customer.ref


def _wishes(history: History, narrator: Narrator) -> Iterator[MomentView]:
    """Calls that were asked for, cases that somebody takes care of, and what was written down."""
    for row in history.answers:
        for answer in row.answers.values():
            if isinstance(answer, CallWish):
                yield narrator.call(answer, row.started_at)
    for case in history.cases:
        yield narrator.open_case(case)
    for note in history.notes:
        yield narrator.note(note)
