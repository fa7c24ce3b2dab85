"""Open cases come in; the list of them that people read goes out, in the reader's language. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from survey_service.models.case import Case
from survey_service.pages.dashboard_figures import MOST_COUNTED
from survey_service.pages.dashboard_filters import Filters
from survey_service.pages.dashboard_look import CasesView, CaseView
from survey_service.texts.numbers import decimal, moment_text
from survey_service.texts.words import Words


@dataclass(frozen=True, slots=True)
class CaseNames:
    """What things of a case are called, and `href`: the page of its customer, for those who may read it."""

    touchpoints: Mapping[str, str]
    href: Callable[[str | None], str | None]


def cases_view(
    cases: Sequence[Case], count: int, names: CaseNames, filters: Filters, now: datetime, words: Words
) -> CasesView:
    """Some of `count` open cases, in their order; with the way to the page of all, where there are more."""
    note = words("Cases have no topic: these are of all topics.") if filters.topic else ""
    if not count:
        return CasesView(words("Open cases"), words("Nobody waits to hear from us."), (), note)
    number = decimal(count, words.lang) + ("+" if count >= MOST_COUNTED else "")
    return CasesView(
        heading=words.count("{count} open case", "{count} open cases", count, count=number),
        sentence=words("Somebody waits to hear from us."),
        rows=tuple(_case_view(case, names, filters, now, words) for case in cases),
        note=note,
        all_text=words("Show all {n}", n=number) if count > len(cases) else "",
    )


def _case_view(case: Case, names: CaseNames, filters: Filters, now: datetime, words: Words) -> CaseView:
    place = names.touchpoints.get(case.touchpoint or "", case.touchpoint or "")
    is_overdue = case.overdue or now > case.due_by
    due = moment_text(case.due_by, filters.span.zone, words.lang)
    return CaseView(
        title=case.title,
        about=" · ".join(part for part in (place, case.owner or words("nobody owns it")) if part),
        due=words("overdue since {time}", time=due) if is_overdue else words("due by {time}", time=due),
        is_overdue=is_overdue,
        href=names.href(case.customer),
    )
