"""A follow-up rule's content, and the surveys and people that exist, come in; every rule that it breaks is raised."""

from __future__ import annotations

from collections.abc import Container, Generator, Sequence
from datetime import timedelta

from survey_service.api.checks.fields import Problems, condition_problems, line_problems, refuse
from survey_service.calendars import PeriodInvalid, parse_period
from survey_service.errors import FieldProblem
from survey_service.models.follow_up import AlertAction, AssignBy, Assignment, CaseAction, FollowUpContent
from survey_service.rules import RuleScope

_LONGEST = timedelta(days=365)
_BY_LIST = frozenset({AssignBy.PERSON, AssignBy.ROUND_ROBIN})


def check_follow_up(content: FollowUpContent, surveys: Container[str], people: Container[str]) -> None:
    """Refuse a rule that could not act; `surveys` and `people` are the names that exist.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, surveys, people))


def _problems(content: FollowUpContent, surveys: Container[str], people: Container[str]) -> Problems:
    yield from line_problems("/name", content.name)
    if content.survey is not None and content.survey not in surveys:
        yield FieldProblem("/survey", "exists", "there is no survey of that id")
    yield from condition_problems("/condition", content.condition, RuleScope.FOLLOW_UP)
    if content.case is None and content.alert is None and content.praise is None:
        yield FieldProblem("", "action", "does nothing: it needs a case, an alert or praise")
    if content.case is not None:
        yield from _case_problems(content.case, people)
    if content.alert is not None:
        yield from _alert_problems(content.alert, people, has_owner=content.case is not None)
    if content.praise is not None:
        yield from _people_problems("/praise/copy_to", content.praise.copy_to, people)


def _case_problems(case: CaseAction, people: Container[str]) -> Problems:
    yield from line_problems("/case/title", case.title)
    due = yield from _period("/case/due_within", case.due_within)
    if due is not None and not timedelta() < due <= _LONGEST:
        yield FieldProblem("/case/due_within", "range", f"must be longer than nothing and at most {_LONGEST.days} days")
    if case.remind_before is not None:
        before = yield from _period("/case/remind_before", case.remind_before)
        if before is not None and due is not None and before >= due:
            yield FieldProblem("/case/remind_before", "before_due", "must be shorter than due_within")
    yield from _assignment_problems(case.assign, people)
    if case.escalate_to is not None and case.escalate_to not in people:
        yield FieldProblem("/case/escalate_to", "exists", "there is no person of that id")


def _period(pointer: str, text: str) -> Generator[FieldProblem, None, timedelta | None]:
    try:
        return parse_period(text)
    except PeriodInvalid as error:
        yield FieldProblem(pointer, "period", str(error))
        return None


def _assignment_problems(assign: Assignment, people: Container[str]) -> Problems:
    if assign.by in _BY_LIST and not assign.people:
        yield FieldProblem("/case/assign/people", "missing", f"{assign.by.value} needs the people to choose from")
    if assign.by is AssignBy.TOUCHPOINT and assign.people:
        message = "the touchpoint says who; name touchpoints with the people instead"
        yield FieldProblem("/case/assign/people", "unused", message)
    yield from _people_problems("/case/assign/people", assign.people, people)


def _alert_problems(alert: AlertAction, people: Container[str], *, has_owner: bool) -> Problems:
    if not alert.people and not (alert.owner and has_owner):
        yield FieldProblem("/alert/people", "missing", "tells nobody: it needs people, or a case whose owner is told")
    yield from _people_problems("/alert/people", alert.people, people)


def _people_problems(pointer: str, named: Sequence[str], people: Container[str]) -> Problems:
    for number, person in enumerate(named):
        if person in named[:number]:
            yield FieldProblem(f"{pointer}/{number}", "unique", f"{person} stands in the list already")
        elif person not in people:
            yield FieldProblem(f"{pointer}/{number}", "exists", "there is no person of that id")
