"""A survey's questions come in; every rule for one kind of question that they break comes out as a field problem."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from survey_service.api.checks.fields import Problems, condition_problems, window_problems
from survey_service.calendars import PeriodInvalid, WindowsInvalid, parse_period, parse_windows
from survey_service.errors import FieldProblem
from survey_service.models.survey import OPTIONS, CallOffer, Look, Question, QuestionKind, SurveyContent
from survey_service.rules import RuleScope

_FEWEST_OPTIONS = 2
# String literals are matched as well, so that what they hold is never taken for a name.
_ANSWER_NAMES = re.compile(
    r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<![\w.])answers(?:\.(\w+)|\[\s*["'](\w+)["']\s*\])"""
)
_SCALES_OF_LOOK = {Look.STARS: ("1-5", "1-10"), Look.FACES: ("1-5",)}


def question_problems(content: SurveyContent) -> Problems:
    """Problems of the questions, but for their texts."""
    earlier: set[str] = set()
    for number, question in enumerate(content.questions):
        pointer = f"/questions/{number}"
        if question.id in earlier:
            yield FieldProblem(f"{pointer}/id", "unique", f"`{question.id}` is the id of an earlier question")
        yield from _scale_problems(pointer, question)
        yield from _option_problems(f"{pointer}/options", question)
        yield from _call_problems(f"{pointer}/call", question)
        yield from _condition_problems(f"{pointer}/show_if", question, earlier)
        earlier.add(question.id)


def _scale_problems(pointer: str, question: Question) -> Problems:
    scale = question.metric
    for label in ("low_label", "high_label"):
        if scale is None and getattr(question, label) is not None:
            yield FieldProblem(f"{pointer}/{label}", "label", "only nps, csat and ces have a scale with ends to name")
    if question.kind is not QuestionKind.CSAT and question.scale is not None:
        yield FieldProblem(f"{pointer}/scale", "csat", "only csat has a choice of scales")
    if question.look is not Look.NUMBERS:
        drawn = _SCALES_OF_LOOK[question.look]
        if question.kind is not QuestionKind.CSAT or scale is None or scale.label not in drawn:
            message = f"{question.look} are drawn for csat on the scale {' or '.join(drawn)} only"
            yield FieldProblem(f"{pointer}/look", "look", message)


def _option_problems(pointer: str, question: Question) -> Problems:
    if question.kind not in OPTIONS:
        if question.options:
            yield FieldProblem(pointer, "options", "only choice and choices have options")
        return
    if len(question.options) < _FEWEST_OPTIONS:
        yield FieldProblem(pointer, "options", f"there must be at least {_FEWEST_OPTIONS} to choose from")
    seen: Counter[str] = Counter()
    for number, option in enumerate(question.options):
        if seen[option.id]:
            yield FieldProblem(f"{pointer}/{number}/id", "unique", f"`{option.id}` is the id of an earlier option")
        seen[option.id] += 1


def _call_problems(pointer: str, question: Question) -> Problems:
    offer = question.call
    if question.kind is QuestionKind.CALL and offer is None:
        yield FieldProblem(pointer, "call", "must say when we could call")
    if question.kind is not QuestionKind.CALL and offer is not None:
        yield FieldProblem(pointer, "call", "only a call question offers times")
    if offer is not None:
        yield from _offer_problems(pointer, offer)


def _offer_problems(pointer: str, offer: CallOffer) -> Problems:
    yield from window_problems(f"{pointer}/windows", offer.windows)
    try:
        week = parse_windows(offer.windows)
    except WindowsInvalid:
        pass
    else:
        longest = max(window.end - window.start for day in week.days for window in day)
        if longest < offer.minutes:
            yield FieldProblem(f"{pointer}/minutes", "windows", f"the longest window has {longest} minutes")
    try:
        notice = parse_period(offer.notice)
    except PeriodInvalid as error:
        yield FieldProblem(f"{pointer}/notice", "period", str(error))
    else:
        if notice >= timedelta(days=offer.days):
            yield FieldProblem(f"{pointer}/notice", "before_days", "must be shorter than days, or no time is offered")


def _condition_problems(pointer: str, question: Question, earlier: set[str]) -> Problems:
    if question.show_if is None:
        return
    yield from condition_problems(pointer, question.show_if, RuleScope.SHOW_IF)
    names = [plain or indexed for plain, indexed in _ANSWER_NAMES.findall(question.show_if)]
    for name in dict.fromkeys(names):
        if name and name not in earlier:
            message = f"`answers.{name}` is not the answer to a question that is asked before this one"
            yield FieldProblem(pointer, "earlier_question", message)
