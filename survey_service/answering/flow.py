"""The flow of a survey: the answers so far come in; the questions to show next go out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from survey_service.models.response import AnswerValue, CallWish
from survey_service.models.survey import Question, Survey
from survey_service.rules import RuleFailed, RuleInvalid, RuleScope, cel_value, compile_rule

Answers = Mapping[str, AnswerValue]


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


def texted_page(
    survey: Survey, answers: Answers, asked: Collection[str], variables: Mapping[str, object]
) -> list[Question]:
    """As `next_page`, of what a text message can ask; the rest is left to the page and holds nothing up."""
    for_the_page = {question.id for question in survey.questions if not question.can_be_texted}
    return next_page(survey, answers, {*asked, *for_the_page}, variables)


def next_question(
    survey: Survey, answers: Answers, asked: Collection[str], variables: Mapping[str, object]
) -> Question | None:
    """The one question that a text message asks next; the primary one first, as invitations do; None at the end."""
    page = texted_page(survey, answers, asked, variables)
    return next((question for question in page if question.id == survey.primary), page[0] if page else None)


def _shown(condition: str, answers: Answers, variables: Mapping[str, object]) -> bool:
    try:
        rule = compile_rule(condition, RuleScope.SHOW_IF)
        return rule.holds({**variables, "answers": {name: _as_rules_see(value) for name, value in answers.items()}})
    except (RuleFailed, RuleInvalid):
        return False


def _as_rules_see(value: AnswerValue) -> object:
    """An answer as JSON has it: options are a list, a call is an object."""
    if isinstance(value, CallWish):
        return cel_value(value.model_dump(mode="json"))
    return cel_value(list(value) if isinstance(value, tuple) else value)
