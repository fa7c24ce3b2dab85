"""Metrics: a question about scores comes in; figures by period and group go out, from rollups where they can tell.

Where no cube holds the dimensions, or the zone's hours are not those of UTC, the responses themselves are read, within
a bound.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from survey_service.calendars.buckets import Granularity, has_whole_hours, label_of, stretches
from survey_service.models.rollup import TOPIC, VOLUME, cube_of
from survey_service.reporting.cells import dimensions_of, values_of
from survey_service.reporting.comparing import Figure, against_a_group, against_the_period_before, figures_of, ranked
from survey_service.reporting.dimensions import QUESTION, SURVEY
from survey_service.reporting.periods import Time, cover_of, next_hour, the_time_before, widened, with_the_period_before
from survey_service.reporting.scores import Metric
from survey_service.store.histograms import Group, Histograms, Wanted, oldest_cell, read_facts, read_rollups
from survey_service.store.store import Store

_UTC = ZoneInfo("UTC")
_HOUR = timedelta(hours=1)


class Source(StrEnum):
    """Where figures were counted."""

    ROLLUP = "rollup"
    RESPONSES = "responses"


@dataclass(frozen=True, slots=True)
class MetricQuestion:
    """What is asked for; dimensions are called as in the rollups (see `reporting/dimensions.py`).

    Without `start` it begins with the first answer, without `end` it goes on to the present. Both are widened to whole
    periods. `least` is how many answers a group must have to be shown.
    """

    metric: Metric
    group_by: tuple[str, ...] = ()
    only: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None
    granularity: Granularity | None = None
    zone: ZoneInfo = _UTC
    least: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Figures of a time; the order is by period, scale, rank and group."""

    figures: list[Figure]
    time: Time
    source: Source


@dataclass(frozen=True, slots=True)
class Volume:
    """How many responses of one period and group there are, by how far they came."""

    group: Group
    counts: Counter[int]


class Metrics:
    """Answers questions; reads only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    async def scores(self, question: MetricQuestion) -> Answer:
        """Each period's and group's score.

        Raises:
            InvalidInput: more rows would have to be read, or shown, than one answer may.
        """
        time = await self._time(question, question.metric)
        histograms, source = await self._histograms(question, question.metric, time)
        return Answer(_in_order(figures_of(question.metric, histograms, question.least)), time, source)

    async def compared_with_before(self, question: MetricQuestion) -> Answer:
        """The same, each with the score of the period before it, or of as long a time before all of it."""
        time = await self._time(question, question.metric)
        if question.granularity is None:
            histograms, source = await self._histograms(question, question.metric, time)
            before, _ = await self._histograms(question, question.metric, the_time_before(time, question.zone))
        else:
            longer = with_the_period_before(time, question.granularity, question.zone)
            before, source = await self._histograms(question, question.metric, longer)
            first = label_of(time.start, question.granularity, question.zone)
            histograms = {group: counts for group, counts in before.items() if group.label and group.label >= first}
        earlier = figures_of(question.metric, before, question.least)
        figures = figures_of(question.metric, histograms, question.least)
        return Answer(_in_order(against_the_period_before(figures, earlier, question.granularity)), time, source)

    async def compared_with_group(self, question: MetricQuestion, baseline: tuple[str | None, ...]) -> Answer:
        """The same, each with the score of one group in the same period."""
        answer = await self.scores(question)
        return replace(answer, figures=_in_order(against_a_group(answer.figures, baseline)))

    async def league_table(self, question: MetricQuestion) -> Answer:
        """The same with ranks, each against the rest of its table: of topics, against all answers without that one."""
        answer = await self.scores(question)
        wholes: Histograms = {}
        if TOPIC in question.group_by:
            wholes, _ = await self._histograms(replace(question, group_by=()), question.metric, answer.time)
        return replace(answer, figures=_in_order(ranked(answer.figures, question.least, wholes)))

    async def volume(self, question: MetricQuestion) -> tuple[list[Volume], Time, Source]:
        """How many responses there are by period and group; `metric` is not looked at."""
        time = await self._time(question, VOLUME)
        histograms, source = await self._histograms(question, VOLUME, time)
        rows = [Volume(group, counts) for group, counts in histograms.items()]
        return sorted(rows, key=lambda row: order_of(row.group)), time, source

    async def _time(self, question: MetricQuestion, metric: str) -> Time:
        end = question.end or next_hour(self._store.clock.now())
        start = question.start or min(await oldest_cell(self._database, metric) or end, end - _HOUR)
        return widened(Time(start, end), question.granularity, question.zone)

    async def _histograms(self, question: MetricQuestion, metric: str, time: Time) -> tuple[Histograms, Source]:
        clock = stretches(question.zone, time.start, time.end) if question.granularity else ()
        wanted = Wanted(metric, time.start, time.end, question.group_by, question.only, question.granularity, clock)
        cube = None if _would_count_twice(wanted) else cube_of(wanted.dimensions)
        if cube is not None and has_whole_hours(clock) and time.is_in_whole_hours:
            cover = cover_of(time, question.granularity, question.zone)
            return await read_rollups(self._database, wanted, cube, cover), Source.ROLLUP
        return await self._count(wanted), Source.RESPONSES

    async def _count(self, wanted: Wanted) -> Histograms:
        found: Histograms = defaultdict(Counter)
        async for label, facts, responses in read_facts(self._database, wanted):
            listed = dimensions_of(facts)
            if not wanted.dimensions <= listed.keys():
                continue  # its survey does not list one of them
            for given in values_of(facts):
                if given.metric != wanted.metric:
                    continue
                values = {**listed, SURVEY: (facts["survey"],), QUESTION: (given.question,)}
                for name, chosen in wanted.only.items():
                    values[name] = tuple(value for value in values[name] if value in chosen)
                if all(values[name] for name in wanted.only):
                    for keys in itertools.product(*(values[name] for name in wanted.by)):
                        found[Group(given.scale, label, keys)][given.value] += responses
        return dict(found)


def _would_count_twice(wanted: Wanted) -> bool:
    """Whether cells of topics would be added up: an answer that is about two of them stands in both."""
    return TOPIC not in wanted.by and len(wanted.only.get(TOPIC, ())) > 1


def order_of(group: Group, rank: int | None = None) -> tuple[Any, ...]:
    """What figures are sorted by: period, scale, rank, then the group, in which what has no value comes first."""
    at = round(group.label.timestamp()) if group.label else 0
    return (at, group.scale, rank or 0, *((key is not None, key or "") for key in group.keys))


def _in_order(figures: list[Figure]) -> list[Figure]:
    return sorted(figures, key=lambda figure: order_of(figure.group, figure.rank))
