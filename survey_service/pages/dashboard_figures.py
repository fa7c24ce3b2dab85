"""What is looked at comes in; everything that the dashboard shows of it goes out. Reads only.

Every query names the touchpoints that its reader may see: nothing is read first and left out afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from survey_service.calendars.buckets import end_of, label_of, shifted
from survey_service.errors import InvalidInput
from survey_service.models.case import ACTIVE_STATES, Case
from survey_service.models.response import Response
from survey_service.pages.dashboard_filters import Filters
from survey_service.reporting.comparing import Figure
from survey_service.reporting.metrics import Metrics
from survey_service.reporting.outcomes import Outcomes, Unanswerable
from survey_service.reporting.scores import Score
from survey_service.store.paging import PageRequest
from survey_service.store.store import Store

ANSWERS, CASES = 12, 6  # that are listed
MOST_COUNTED = 1_000  # cases
_INSTANT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """One point of time; `score` is None where nobody answered."""

    label: datetime
    is_complete: bool
    score: Score | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures; `headline` is None where nobody answered. `ranked` are touchpoints, the best one first."""

    headline: Figure | None = None
    periods: tuple[Period, ...] = ()
    ranked: tuple[Figure, ...] = ()
    answers: tuple[Response, ...] = ()
    cases: tuple[Case, ...] = ()
    open_cases: int = 0
    any_response: bool = True


async def read_overview(store: Store, filters: Filters, now: datetime) -> Overview:
    """Everything at once.

    Raises:
        InvalidInput: more rows would have to be read than one answer may.
    """
    if filters.ask is None:
        return Overview(any_response=False)
    metrics, scale = Metrics(store), filters.ask.scale
    span = filters.span
    headline, over_time, ranked, answers, (cases, open_cases) = await asyncio.gather(
        metrics.compared_with_before(filters.question()),
        metrics.scores(filters.question(granularity=span.granularity)),
        metrics.league_table(filters.question(group_by=("touchpoint",))),
        newest_answers(store, filters),
        _open_cases(store, filters),
    )
    total = next((figure for figure in headline.figures if figure.group.scale == scale), None)
    scores = {figure.group.label: figure.score for figure in over_time.figures if figure.group.scale == scale}
    return Overview(
        headline=total,
        periods=tuple(_periods(filters, scores, now)),
        ranked=tuple(figure for figure in ranked.figures if figure.group.scale == scale and figure.score),
        answers=answers,
        cases=cases,
        open_cases=open_cases,
        any_response=total is not None or bool(answers) or await _any_response(store, filters),
    )


async def newest_answers(store: Store, filters: Filters) -> tuple[Response, ...]:
    """The last answers that match, the newest one first."""
    if filters.ask is None:
        return ()
    ask = filters.ask
    match: dict[str, Any] = {
        "started_at": {"$gte": filters.span.start, "$lt": filters.span.end},
        "suspect": None,
        **_in_lists(filters.only),
    }
    match |= (
        {f"scores.{ask.question}": {"$exists": True}} if ask.question else {"metric": ask.metric, "scale": ask.scale}
    )
    return (await store.responses.page(match, PageRequest(limit=ANSWERS))).rows


async def read_funnel(store: Store, filters: Filters) -> Mapping[str, Any] | None:
    """From event to answer; an empty row where nothing happened, None where it is more than can be followed.

    It follows each invitation of the time, which takes longer than all the rest of the page: it is read by itself.
    """
    if filters.ask is None:
        return {}
    try:
        rows = await Outcomes(store).funnel(filters.all_questions())
    except (InvalidInput, Unanswerable):
        return None
    return next((row for _, row in rows), {})


async def _open_cases(store: Store, filters: Filters) -> tuple[tuple[Case, ...], int]:
    """The newest of them, whenever they were opened, and how many there are."""
    only = {name: values for name, values in filters.only.items() if name != "region"}  # no case keeps its region
    match = {"state": {"$in": [state.value for state in ACTIVE_STATES]}, **_in_lists(only)}
    count = await store.cases.count(match, MOST_COUNTED)
    return (await store.cases.page(match, PageRequest(limit=CASES))).rows if count else (), count


def _in_lists(only: Mapping[str, frozenset[str | None]]) -> dict[str, Any]:
    return {name: {"$in": sorted(values, key=str)} for name, values in only.items()}


async def _any_response(store: Store, filters: Filters) -> bool:
    """Whether there is anything at all that this reader could see."""
    match = {} if filters.allowed is None else {"touchpoint": {"$in": sorted(filters.allowed)}}
    return bool((await store.responses.page(match, PageRequest(limit=1))).rows)


def _periods(filters: Filters, scores: Mapping[datetime | None, Score | None], now: datetime) -> list[Period]:
    """Every period of the span up to now, those without answers too."""
    span, granularity = filters.span, filters.span.granularity
    newest = label_of(min(span.end - _INSTANT, now), granularity, span.zone)
    label, found = label_of(span.start, granularity, span.zone), []
    while label <= newest:
        found.append(Period(label, end_of(label, granularity, span.zone) <= now, scores.get(label)))
        label = shifted(label, granularity, 1)
    return found
