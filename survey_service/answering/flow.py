"""The flow of a survey: answers so far come in, the next questions go out; a form comes in, answers go out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from survey_service.models.survey import Question, Survey
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule
from survey_service.texts.printable import printable

MAX_TEXT = 4_000  # characters of one text answer

Answers = Mapping[str, int | str]


class Fault(StrEnum):
    """What is wrong with one answer."""

    MISSING = "missing"  # a required question without an answer
    NOT_ON_SCALE = "not_on_scale"  # not a number of the question's scale
    TOO_LONG = "too_long"  # more than MAX_TEXT characters


@dataclass(frozen=True, slots=True)
class ReadForm:
    """Answers that hold, and the fault of each one that does not."""

    answers: dict[str, int | str] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)


def next_page(
    survey: Survey, answers: Answers, asked: Collection[str], variables: Mapping[str, object]
) -> list[Question]:
    """The questions to show next: first the unconditional ones, then those that the answers call for; [] at the end.

    `variables` are `event` and `customer` for conditions; a condition over a missing key is false.
    """
    unconditional = [question for question in survey.questions if question.show_if is None and question.id not in asked]
    if unconditional:
        return unconditional
    return [
        question
        for question in survey.questions
        if question.id not in asked and question.show_if is not None and _shown(question.show_if, answers, variables)
    ]


def next_question(
    survey: Survey, answers: Answers, asked: Collection[str], variables: Mapping[str, object]
) -> Question | None:
    """The one question that a text message asks next; the primary one first, as invitations do; None at the end."""
    page = next_page(survey, answers, asked, variables)
    return next((question for question in page if question.id == survey.primary), page[0] if page else None)


def _shown(condition: str, answers: Answers, variables: Mapping[str, object]) -> bool:
    try:
        rule = compile_rule(condition, RuleScope.SHOW_IF)
        return rule.holds({**variables, "answers": cel_value(dict(answers))})
    except (RuleFailed, RuleInvalid):
        return False


def read_form(questions: Collection[Question], form: Mapping[str, str]) -> ReadForm:
    """The answers in a submitted form; fields are the question ids, anything else is left alone."""
    read = ReadForm()
    for question in questions:
        raw = printable(form.get(question.id, "")).strip()
        if not raw:
            if question.required:
                read.faults[question.id] = Fault.MISSING
        elif question.scale is None:
            if len(raw) > MAX_TEXT:
                read.faults[question.id] = Fault.TOO_LONG
            else:
                read.answers[question.id] = raw
        elif raw.isascii() and raw.isdigit() and len(raw) <= 2 and int(raw) in question.scale.values:
            read.answers[question.id] = int(raw)
        else:
            read.faults[question.id] = Fault.NOT_ON_SCALE
    return read
