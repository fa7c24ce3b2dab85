"""What is looked at comes in; everything that the dashboard shows of it goes out. Reads only.

Every query names the touchpoints that its reader may see: nothing is read first and left out afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from survey_service.calendars.buckets import end_of, label_of, shifted
from survey_service.errors import InvalidInput
from survey_service.models.case import ACTIVE_STATES, Case
from survey_service.models.response import Response
from survey_service.models.rollup import TOPIC, TOPICS
from survey_service.pages.dashboard_filters import Filters
from survey_service.reporting.comparing import Figure
from survey_service.reporting.metrics import Metrics
from survey_service.reporting.outcomes import Outcomes, Unanswerable
from survey_service.reporting.phrases import PhraseQuestion, Talk, read_phrases
from survey_service.reporting.scores import Metric, Score
from survey_service.store.paging import Page, PageRequest
from survey_service.store.store import Store

ANSWERS, CASES = 12, 6  # that are listed
MOST_COUNTED = 1_000  # cases
_COMMENTS = 500  # that are read for phrases
_WORST: Mapping[Metric, str] = {"nps": "detractors", "csat": "others", "ces": "others"}
_INSTANT = timedelta(milliseconds=1)
REGION = "region"


@dataclass(frozen=True, slots=True)
class Period:
    """One point of time; `score` is None where nobody answered, or too few to show it: then it `is_withheld`."""

    label: datetime
    is_complete: bool
    score: Score | None
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures; `headline` is None where nobody answered. `ranked` are touchpoints, the best one first.

    What too few answered to be shown is a figure without a score.
    """

    headline: Figure | None = None
    periods: tuple[Period, ...] = ()
    ranked: tuple[Figure, ...] = ()
    answers: tuple[Response, ...] = ()
    cases: tuple[Case, ...] = ()
    open_cases: int = 0
    any_response: bool = True
    topics: tuple[Figure, ...] = ()  # the most frequent first; with None: answers that are about none of them
    of_all_topics: Score | None = None  # whichever is chosen
    talk: Talk | None = None  # of those who were least happy


async def read_overview(store: Store, filters: Filters, now: datetime, *, sees_cases: bool) -> Overview:
    """Everything at once; cases for those alone who may see them.

    Raises:
        InvalidInput: more rows would have to be read than one answer may.
    """
    if filters.ask is None:
        cases, open_cases = await _cases(store, filters, sees_cases=sees_cases)
        return Overview(cases=cases, open_cases=open_cases, any_response=False)
    metrics, scale = Metrics(store), filters.ask.scale
    span = filters.span
    headline, over_time, ranked, answers, (cases, open_cases), (topics, talk) = await asyncio.gather(
        metrics.compared_with_before(filters.question()),
        metrics.scores(filters.question(granularity=span.granularity)),
        metrics.league_table(filters.question(group_by=("touchpoint",))),
        newest_answers(store, filters),
        _cases(store, filters, sees_cases=sees_cases),
        _said(store, filters),
    )
    total = next((figure for figure in headline.figures if figure.group.scale == scale), None)
    by_period = {figure.group.label: figure for figure in over_time.figures if figure.group.scale == scale}
    return Overview(
        headline=total,
        of_all_topics=await _of_all_topics(store, filters, total),
        periods=tuple(_periods(filters, by_period, now)),
        ranked=tuple(figure for figure in ranked.figures if figure.group.scale == scale),
        answers=answers,
        cases=cases,
        open_cases=open_cases,
        any_response=total is not None or bool(answers) or await _any_response(store, filters),
        topics=topics,
        talk=talk,
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
    # As the figures count: whichever question measured it, unless one was chosen.
    match["measured"] = ask.measure.name
    if ask.question:
        match |= {f"measures.{ask.question}.{name}": value for name, value in ask.measure.model_dump().items()}
    return (await store.responses.page(match, PageRequest(limit=ANSWERS))).rows


async def read_open_cases(store: Store, filters: Filters, request: PageRequest) -> tuple[Page[Case], int]:
    """Those that are due first, whenever they were opened, and how many there are, up to `MOST_COUNTED`.

    No case keeps what it is about, or its region: that is the one that its touchpoint has now.
    """
    only = {name: values for name, values in filters.only.items() if name not in {REGION, TOPIC}}
    if regions := filters.only.get(REGION):
        places = frozenset(row.id for row in await store.configuration.touchpoints.all() if row.region in regions)
        only["touchpoint"] = places & only.get("touchpoint", places)
    match = {"state": {"$in": [state.value for state in ACTIVE_STATES]}, **_in_lists(only)}
    page, count = await asyncio.gather(store.cases.page_by_due(match, request), store.cases.count(match, MOST_COUNTED))
    return page, count


async def read_funnel(store: Store, filters: Filters) -> Mapping[str, Any] | None:
    """From event to answer; an empty row where nothing happened, None where it is more than can be followed.

    It follows each invitation of the time, which takes longer than all the rest of the page: it is read by itself.
    """
    if filters.ask is None:
        return {}
    try:
        # Of an invitation nobody knows what its answer will be about.
        rows = await Outcomes(store).funnel(replace(filters, topic="").all_questions())
    except (InvalidInput, Unanswerable):
        return None
    return next((row for _, row in rows), {})


async def _said(store: Store, filters: Filters) -> tuple[tuple[Figure, ...], Talk]:
    """What comments are about, and what the least happy ones say."""
    return await asyncio.gather(_topics(store, filters), _talk(store, filters))


async def _topics(store: Store, filters: Filters) -> tuple[Figure, ...]:
    """Each topic against the answers without it; none where that cannot be counted at once."""
    scale = filters.ask.scale if filters.ask else ""
    try:
        answer = await Metrics(store).league_table(replace(filters, topic="").question(group_by=(TOPIC,)))
    except InvalidInput:
        return ()
    found = [figure for figure in answer.figures if figure.group.scale == scale]
    return tuple(sorted(found, key=lambda figure: -(figure.score.n if figure.score else 0)))


async def _of_all_topics(store: Store, filters: Filters, total: Figure | None) -> Score | None:
    """The score that `total` is without a chosen topic; None where it cannot be counted at once."""
    if not filters.topic:
        return total.score if total else None
    scale = filters.ask.scale if filters.ask else ""
    try:
        answer = await Metrics(store).scores(replace(filters, topic="").question())
    except InvalidInput:
        return None
    return next((figure.score for figure in answer.figures if figure.group.scale == scale), None)


async def _talk(store: Store, filters: Filters) -> Talk:
    about, scale = filters.question(), filters.ask.scale if filters.ask else None
    return await read_phrases(store, PhraseQuestion(about, _WORST[about.metric], scale, most=_COMMENTS))


async def _cases(store: Store, filters: Filters, *, sees_cases: bool) -> tuple[tuple[Case, ...], int]:
    if not sees_cases:
        return (), 0
    page, count = await read_open_cases(store, filters, PageRequest(limit=CASES))
    return page.rows, count


def _in_lists(only: Mapping[str, frozenset[str | None]]) -> dict[str, Any]:
    return {TOPICS if name == TOPIC else name: {"$in": sorted(values, key=str)} for name, values in only.items()}


async def _any_response(store: Store, filters: Filters) -> bool:
    """Whether there is anything at all that this reader could see."""
    match = {} if filters.allowed is None else {"touchpoint": {"$in": sorted(filters.allowed)}}
    return bool((await store.responses.page(match, PageRequest(limit=1))).rows)


def _periods(filters: Filters, figures: Mapping[datetime | None, Figure], now: datetime) -> list[Period]:
    """Every period of the span up to now, those without answers too."""
    span, granularity = filters.span, filters.span.granularity
    newest = label_of(min(span.end - _INSTANT, now), granularity, span.zone)
    label, found = label_of(span.start, granularity, span.zone), []
    while label <= newest:
        figure, is_complete = figures.get(label), end_of(label, granularity, span.zone) <= now
        score = figure.score if figure else None
        found.append(Period(label, is_complete, score, is_withheld=figure is not None and score is None))
        label = shifted(label, granularity, 1)
    return found
