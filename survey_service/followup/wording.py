"""Wording: a case and what happened to it come in; what its owner or its customer is told goes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from survey_service.calendars.zones import zone
from survey_service.followup.letters import Wording, letter_to_person, page_button
from survey_service.followup.summaries import score_in_words
from survey_service.models.case import Case
from survey_service.models.delivery import Button, Delivery
from survey_service.models.ids import hashed_id
from survey_service.models.person import Person
from survey_service.texts.moments import day_of, time_in_zone
from survey_service.texts.words import words_in


class Notice(StrEnum):
    """Why one of our people hears of a case."""

    SOON_DUE = "soon_due"
    PAST_DUE = "past_due"
    HANDED_OVER = "handed_over"  # they are the new owner
    NOT_RESOLVED = "not_resolved"  # the customer says so


def case_letters(
    case: Case, names: Iterable[str | None], people: Mapping[str, Person], notice: Notice, now: datetime, base_url: str
) -> list[Delivery]:
    """A letter to each of these people who is there and whom a message reaches; the same ones on every try."""
    there = [people[name] for name in dict.fromkeys(names) if name is not None and name in people]
    letters = [
        letter_to_person(
            person,
            word_alert(case, person, notice, base_url),
            case.brand,
            now,
            letter=hashed_id("dlv", case.id, notice, str(case.revision), person.id),
            case=case.id,
        )
        for person in there
        if person.active
    ]
    return [letter for letter in letters if letter is not None]


def word_alert(case: Case, person: Person, notice: Notice, base_url: str) -> Wording:
    """What one has to know of a case, in the person's language and zone."""
    words, place = words_in(person.language), zone(person.timezone)
    subjects = {
        Notice.SOON_DUE: words("Soon due: {title}", title=case.title),
        Notice.PAST_DUE: words("Overdue: {title}", title=case.title),
        Notice.HANDED_OVER: words("Yours now: {title}", title=case.title),
        Notice.NOT_RESOLVED: words("Not resolved yet: {title}", title=case.title),
    }
    day, time = (write(case.due_by, place, person.language) for write in (day_of, time_in_zone))
    paragraphs = (
        subjects[notice],
        words("The customer says so. The case is open again.") if notice is Notice.NOT_RESOLVED else "",
        score_in_words(case, words),
        f"“{case.comment}”" if case.comment else "",
        words("Where: {place}", place=case.touchpoint) if case.touchpoint else "",
        words("Due: {day}, {time}", day=day, time=time),
        words("Case: {id}", id=case.id),
    )
    return Wording(_paragraphs(paragraphs), subjects[notice], page_button(case, person, base_url))


def ask_resolved(case: Case, url: str) -> Wording:
    """To the customer, once something was done: whether it helped. Only the page behind `url` takes the answer."""
    words = words_in(case.language)
    question = words("Is it resolved for you?")
    paragraphs = (
        words("You told us that something was not right, and we have worked on it."),
        case.public_note or "",
        question,
    )
    return Wording(_paragraphs(paragraphs), question, Button(label=words("Answer"), url=url))


def _paragraphs(paragraphs: Iterable[str]) -> str:
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
