"""A rule that holds for a response comes in; what our people have to know of it, in their language, goes out. Pure."""

from __future__ import annotations

import re

from survey_service.followup.judging import Holding
from survey_service.followup.letters import Wording, page_button
from survey_service.models.case import Case
from survey_service.models.delivery import ChannelName
from survey_service.models.person import Person
from survey_service.models.response import Response
from survey_service.models.survey import YES_NO
from survey_service.texts.printable import one_line
from survey_service.texts.words import Words, words_in

_LONGEST_TEXTED = 160  # characters of a comment in a text message
_LONGEST = 4_000
_ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}|\+?\d(?:[ ./()-]{0,2}\d){6,}")
_HIDDEN = "[…]"


def word_answer(holding: Holding, person: Person, case: Case | None, base_url: str) -> Wording:
    """An alert: the rule's name, the score, the place; the comment; the case, if there is one."""
    words, subject = words_in(person.language), headline(holding, person)
    comment = quote(holding.response.comment, _longest(person))
    by_case = words("Case: {id}", id=case.id) if case else ""
    lines = [line for line in (comment, by_case) if line]
    return Wording("\n".join([subject, *lines]), subject, page_button(holding.response, person, base_url))


def headline(holding: Holding, person: Person) -> str:
    """One line such as `Unhappy customers: NPS 2 (0-10), Berlin Mitte`."""
    score = score_in_words(holding.response, words_in(person.language))
    facts = ", ".join(fact for fact in (score, place_of(holding)) if fact)
    return one_line(f"{holding.rule.name}: {facts}" if facts else holding.rule.name)


def word_praise(holding: Holding, comment: str, reader: Person, praised: Person | None) -> Wording:
    """A good comment for whom it praises, or for somebody who is to know of it; no address of the customer's."""
    words = words_in(reader.language)
    facts = (score_in_words(holding.response, words), place_of(holding))
    if praised is None:
        lead = words("A customer wrote this. Please pass it on to whom it is for.")
    elif praised.id == reader.id:
        lead = words("A customer was happy with you and wrote:")
    else:
        lead = words("A customer was happy with {name} and wrote:", name=praised.name)
    greeting = words("Hello {name},", name=reader.name)
    said = quote(_ADDRESS.sub(_HIDDEN, comment), _longest(reader))
    paragraphs = (f"{greeting}\n{lead}", said, ", ".join(fact for fact in facts if fact))
    return Wording("\n\n".join(part for part in paragraphs if part), words("Praise from a customer"))


def score_in_words(response: Response | Case, words: Words) -> str:
    """The score on its scale, such as `NPS 2 (0-10)`; empty where there is none."""
    metric, score = response.metric.upper(), response.score
    if score is None:
        return ""
    if response.scale == YES_NO:
        return f"{metric}: {words('Yes') if score else words('No')}"
    return f"{metric} {score} ({response.scale})"


def quote(comment: str | None, longest: int) -> str:
    """The comment in one line between quotation marks; empty where there is none."""
    line = one_line(comment or "")
    if not line:
        return ""
    return f"“{line if len(line) <= longest else line[: longest - 1].rstrip() + '…'}”"


def place_of(holding: Holding) -> str:
    """The touchpoint's name where it is registered, else its id; empty where there is none."""
    named = holding.invitation.touchpoint_name if holding.invitation else None
    return one_line(named or holding.response.touchpoint or "")


def _longest(person: Person) -> int:
    return _LONGEST_TEXTED if person.alerts_by is ChannelName.SMS else _LONGEST
