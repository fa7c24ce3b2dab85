"""An incentive's content comes in; every rule that it breaks is raised."""

from __future__ import annotations

import re
from datetime import timedelta

from survey_service.api.checks.fields import Problems, condition_problems, line_problems, refuse
from survey_service.api.checks.texts import translation_problems
from survey_service.calendars import PeriodInvalid, parse_period
from survey_service.errors import FieldProblem
from survey_service.models.incentive import IncentiveContent, IncentiveKind, mills_of
from survey_service.rules import RuleScope

_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
# A variable, not a field of the event that happens to be called so.
_ANSWERED = re.compile(r"(?<![\w.])(?:score|scores|answer|answers|response|responses|comment)\b")
_LAST_SCORE = re.compile(r"\blast_score\b")
_LONGEST_MEMORY = timedelta(days=3650)
NO_SCORE = (
    "rewards must not buy good scores: who gets one may depend on `event` and `customer`, never on what was answered"
)


def check_incentive(content: IncentiveContent) -> None:
    """Refuse an incentive that could not be given, or that would pay for an opinion.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content))


def _problems(content: IncentiveContent) -> Problems:
    yield from line_problems("/name", content.name)
    yield from translation_problems("/text", content.text, single_line=True)
    for language, text in content.text.items():
        if "{{" in text:
            yield FieldProblem(f"/text/{language}", "placeholder", "stands in for a placeholder, and holds none itself")
    yield from _code_problems(content)
    yield from _condition_problems(content.condition)
    yield from _money_problems(content)
    periods: dict[str, str | None] = {"/period": content.period, "/expires_after": content.expires_after}
    if content.hold is not None:
        periods["/hold/period"] = content.hold.period
    for pointer, period in periods.items():
        yield from _period_problems(pointer, period)


def _code_problems(content: IncentiveContent) -> Problems:
    if content.kind is IncentiveKind.SHARED_CODE:
        if content.code is None:
            yield FieldProblem("/code", "missing", "a shared code needs its code")
        yield from line_problems("/code", content.code)
    elif content.code is not None:
        ways = {IncentiveKind.UNIQUE_CODE: "its codes are uploaded", IncentiveKind.GESTURE: "a gesture has no code"}
        yield FieldProblem("/code", "kind", f"belongs to a shared_code: {ways[content.kind]}")


def _condition_problems(condition: str | None) -> Problems:
    if condition is None:
        return
    if _ANSWERED.search(_STRING.sub('""', condition)) or _LAST_SCORE.search(condition):
        yield FieldProblem("/condition", "no_score", NO_SCORE)
        return
    yield from condition_problems("/condition", condition, RuleScope.TRIGGER)


def _money_problems(content: IncentiveContent) -> Problems:
    for pointer, amount in (("/value", content.value), ("/budget", content.budget)):
        if amount is not None and abs(mills_of(amount) - amount * 1000) > 1e-3:
            yield FieldProblem(pointer, "precision", "may have three decimal places")
    if content.budget is not None and not content.value:
        yield FieldProblem("/budget", "value", "needs a value: what one reward costs")
    elif content.budget is not None and content.budget < content.value:
        yield FieldProblem("/budget", "range", "does not suffice for a single reward")


def _period_problems(pointer: str, text: str | None) -> Problems:
    if text is None:
        return
    try:
        period = parse_period(text)
    except PeriodInvalid as error:
        yield FieldProblem(pointer, "period", str(error))
        return
    if not timedelta() < period <= _LONGEST_MEMORY:
        yield FieldProblem(pointer, "range", f"must be longer than nothing, and at most {_LONGEST_MEMORY.days} days")
