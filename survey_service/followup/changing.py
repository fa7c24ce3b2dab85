"""Changing: a case and what is wanted of it come in; its next revision, with its history and news, goes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from survey_service.calendars.periods import parse_period
from survey_service.errors import Conflict
from survey_service.models.case import ACTIVE_STATES, MAX_NOTES, TRANSITIONS, Case, CaseChange, CaseNote, CaseState
from survey_service.models.outbox import News, NewsType, news_of

BY_CUSTOMER, BY_SERVICE = "customer", "service"
CHANGEABLE = frozenset({"state", "owner", "priority", "due_by", "public_note"})
_TOLD = CHANGEABLE | {"resolved_for_customer"}  # in the history
_KEPT_LINES = 1_000  # of a history; the oldest go first


@dataclass(frozen=True, slots=True)
class Changed:
    """A case after a change, and what is told of it; `news` is None where nothing changed."""

    case: Case
    news: News | None

    @property
    def told(self) -> tuple[News, ...]:
        """The news as a sequence."""
        return (self.news,) if self.news else ()


def change_case(case: Case, wanted: Mapping[str, Any], by: str, now: datetime) -> Changed:
    """The case with other values of the fields in CHANGEABLE.

    A case that is opened again is due as long from now as it was when it opened, unless `due_by` says otherwise.

    Raises:
        Conflict: the state does not lead to the wanted one.
    """
    new = {name: value for name, value in wanted.items() if value != getattr(case, name)}
    if not new:
        return Changed(case, None)
    state: CaseState = new.get("state", case.state)
    if "state" in new and state not in TRANSITIONS[case.state]:
        raise Conflict(f"the case is {case.state.value}, which cannot become {state.value}")
    active = state in ACTIVE_STATES
    reopened = active and not case.is_active
    fields = dict(new)
    if reopened:
        fields = {**_opened_again(case, now), **fields}
    elif case.is_active and not active:
        fields["closed_at"] = now
    if state is CaseState.RESOLVED and "state" in new:
        fields["resolved_for_customer"] = None
    if "owner" in new:
        fields["assigned_at"] = now if new["owner"] else None
    if "due_by" in fields:
        fields |= {"reminded": False, "overdue": False}
    lines = [_line(case, name, value, by, now) for name, value in fields.items() if name in CHANGEABLE]
    closes = case.is_active and not active
    return _revised(case, fields, lines, NewsType.CASE_CLOSED if closes else NewsType.CASE_UPDATED, now)


def note_case(case: Case, text: str, by: str, now: datetime) -> Changed:
    """The case with one more note.

    Raises:
        Conflict: it has as many as it may have.
    """
    if len(case.notes) >= MAX_NOTES:
        raise Conflict(f"the case has {MAX_NOTES} notes, which is the most")
    notes = (*case.notes, CaseNote(at=now, by=by, text=text))
    line = CaseChange(at=now, by=by, field="notes", after=str(len(notes)))
    return _revised(case, {"notes": notes}, [line], NewsType.CASE_UPDATED, now)


def reply_case(case: Case, delivery: str, by: str, now: datetime, what: str = "reply") -> Changed:
    """The case after something was written to the customer, which leaves as `delivery`."""
    line = CaseChange(at=now, by=by, field=what, after=delivery)
    return _revised(case, {"replies": case.replies + 1}, [line], NewsType.CASE_UPDATED, now)


def reward_case(case: Case, reward: str, by: str, now: datetime) -> Changed:
    """The case after its customer was given a reward; giving it again changes nothing."""
    line = CaseChange(at=now, by=by, field="reward", after=reward)
    if any((known.field, known.after) == (line.field, line.after) for known in case.history):
        return Changed(case, None)
    return _revised(case, {}, [line], NewsType.CASE_UPDATED, now)


def judge_case(case: Case, *, resolved: bool, now: datetime) -> Changed:
    """A resolved case with the customer's own word on it; one that is not resolved for them is open again.

    Raises:
        Conflict: it is not resolved any more.
    """
    if case.state is not CaseState.RESOLVED:
        raise Conflict(f"the case is {case.state.value}")
    reopened = {} if resolved else _opened_again(case, now)
    fields = {**reopened, "resolved_for_customer": resolved}
    lines = [_line(case, name, value, BY_CUSTOMER, now) for name, value in fields.items() if name in _TOLD]
    return _revised(case, fields, lines, NewsType.CASE_UPDATED, now)


def remind_case(case: Case, now: datetime) -> Changed:
    """The case once its owner was reminded; nobody else is told."""
    return Changed(_with(case, {"reminded": True}, [], now), None)


def pass_due(case: Case, now: datetime) -> Changed:
    """The case once its time ran out."""
    line = _line(case, "overdue", True, BY_SERVICE, now)
    return _revised(case, {"overdue": True, "reminded": True}, [line], NewsType.CASE_OVERDUE, now)


def next_look(case: Case) -> datetime | None:
    """When something is to be done about a case by itself: the reminder, or the escalation; None: nothing is."""
    if not case.is_active or case.overdue:
        return None
    if case.remind_before is not None and not case.reminded:
        return case.due_by - parse_period(case.remind_before)
    return case.due_by


def _opened_again(case: Case, now: datetime) -> dict[str, Any]:
    due_by = now + parse_period(case.due_within)
    return {"state": CaseState.OPEN, "due_by": due_by, "closed_at": None, "reminded": False, "overdue": False}


def _revised(case: Case, fields: Mapping[str, Any], lines: list[CaseChange], kind: NewsType, now: datetime) -> Changed:
    after = _with(case, fields, lines, now)
    return Changed(after, news_of(case.id, kind, now, after.revision))


def _with(case: Case, fields: Mapping[str, Any], lines: list[CaseChange], now: datetime) -> Case:
    after = case.model_copy(
        update={
            **fields,
            "revision": case.revision + 1,
            "history": (*case.history, *lines)[-_KEPT_LINES:],
            "updated_at": now,
        }
    )
    return after.model_copy(update={"due_at": next_look(after)})


def _line(case: Case, field: str, after: object, by: str, now: datetime) -> CaseChange:
    return CaseChange(at=now, by=by, field=field, before=_shown(getattr(case, field)), after=_shown(after))


def _shown(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case StrEnum():
            return value.value
        case _:
            return str(value)
