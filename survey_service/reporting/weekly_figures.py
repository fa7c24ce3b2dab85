"""A person, a brand and a Monday come in; the figures of the week that ended with it go out, beside those before it.

They are those of `/v1/metrics` with `granularity=week` in the person's zone. Whether a touchpoint has changed is told
at a level that holds for all touchpoints of a table together (Bonferroni): among forty of them, two would else seem to
have changed in a week in which nothing did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from survey_service.calendars import zone
from survey_service.calendars.buckets import Granularity
from survey_service.errors import InvalidInput
from survey_service.models.case import ACTIVE_STATES
from survey_service.models.person import Person
from survey_service.reporting.comparing import Comparison, Figure, compare
from survey_service.reporting.intervals import LEVEL
from survey_service.reporting.metrics import MetricQuestion, Metrics
from survey_service.reporting.scores import Metric, Score, corrected_level
from survey_service.reporting.weekly_schedule import two_weeks, week_before
from survey_service.store.store import Store

MOST_COUNTED = 1_000  # cases
_SCALE_RANGE: dict[Metric, float] = {"nps": 200.0, "csat": 100.0, "ces": 6.0}

Place = str | None  # a touchpoint; None: answers without one
_Weeks = dict[bool, Score | None]  # the week itself and the one before it, as far as they have answers; None: withheld


@dataclass(frozen=True, slots=True)
class Line:
    """A score of the week, None where nobody answered, and how it compares with the week before, if that can be told.

    `before` is the score of that week. Where `is_withheld` and `was_withheld` somebody answered, but too few to show.
    """

    metric: Metric
    score: Score | None
    before: Score | None
    against: Comparison | None
    is_withheld: bool = False
    was_withheld: bool = False

    @property
    def n(self) -> int:
        """How many answers the week has."""
        return self.score.n if self.score else 0

    @property
    def real_change(self) -> float:
        """How far the score has moved by more than chance, as a share of its scale; 0 where it may not have."""
        if self.against is None or self.against.change is None or not self.against.is_significant:
            return 0.0
        return self.against.change / _SCALE_RANGE[self.metric]


@dataclass(frozen=True, slots=True)
class Standing:
    """One metric on one scale: all of the person's touchpoints together, then each of them.

    What really changed comes first, then what has most answers.
    """

    metric: Metric
    scale: str
    total: Line
    places: tuple[tuple[Place, Line], ...]

    @property
    def compared(self) -> int:
        """How many touchpoints have both weeks."""
        return sum(line.against is not None for _, line in self.places)


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Cases of the person's touchpoints that wait for somebody; of these those overdue, and the person's own."""

    active: int = 0
    overdue: int = 0
    own: int = 0


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """What there is to tell; `is_too_much` where it cannot be counted at once, and `standings` are empty.

    `least` is how many answers each figure needs.
    """

    standings: tuple[Standing, ...] = ()
    cases: OpenCases = OpenCases()
    is_too_much: bool = False
    least: int = 0

    @property
    def says_anything(self) -> bool:
        """Whether anybody answered in this week or the one before: that nobody did any more is news, once."""
        return self.is_too_much or bool(self.standings)


async def read_week(
    store: Store, person: Person, brand: str, surveys: Collection[str], monday: datetime, least: int = 0
) -> WeekFigures:
    """The figures of a brand, whose surveys are named, in the week that ends with `monday`.

    `least` answers must stand behind each.
    """
    cases = await _read_cases(store, person, brand)
    if not surveys:
        return WeekFigures(cases=cases)
    try:
        found = [await _read_metric(store, person, surveys, monday, metric, least) for metric in get_args(Metric)]
    except InvalidInput:  # in zones whose hours are not those of UTC the answers themselves are read, within a bound
        return WeekFigures(cases=cases, is_too_much=True)
    return WeekFigures(tuple(standing for standings in found for standing in standings), cases, least=least)


async def _read_metric(
    store: Store, person: Person, surveys: Collection[str], monday: datetime, metric: Metric, least: int
) -> list[Standing]:
    time = two_weeks(monday, person)
    only: dict[str, frozenset[str | None]] = {"survey": frozenset(surveys)}
    if person.touchpoints:
        only["touchpoint"] = frozenset(person.touchpoints)

    async def ask(*group_by: str) -> list[Figure]:
        place = zone(person.timezone)
        question = MetricQuestion(metric, group_by, only, time.start, time.end, Granularity.WEEK, place, least)
        return (await Metrics(store).scores(question)).figures

    return standings_of(metric, await ask(), await ask("touchpoint"), monday)


def standings_of(
    metric: Metric, totals: Iterable[Figure], places: Iterable[Figure], monday: datetime
) -> list[Standing]:
    """Figures of two weeks, folded into one standing a scale. Pure."""
    week = week_before(monday)
    by_place: dict[str, dict[Place, _Weeks]] = {}
    for figure in places:
        of_place = by_place.setdefault(figure.group.scale, {}).setdefault(figure.group.keys[0], {})
        of_place[figure.group.label == week] = figure.score
    of_total: dict[str, _Weeks] = {}
    for figure in totals:
        of_total.setdefault(figure.group.scale, {})[figure.group.label == week] = figure.score
    standings = []
    for scale, both in sorted(of_total.items()):
        rows = by_place.get(scale, {})
        level = corrected_level(sum(len(weeks) == 2 and None not in weeks.values() for weeks in rows.values()))
        lines = [(place, _line(metric, weeks, level)) for place, weeks in rows.items()]
        lines.sort(key=lambda pair: (-abs(pair[1].real_change), -pair[1].n, pair[0] or ""))
        standings.append(Standing(metric, scale, _line(metric, both, LEVEL), tuple(lines)))
    return standings


def _line(metric: Metric, weeks: _Weeks, level: float) -> Line:
    score, before = weeks.get(True), weeks.get(False)
    against = compare(score, before, level) if score is not None and before is not None else None
    is_withheld, was_withheld = (week in weeks and weeks[week] is None for week in (True, False))
    return Line(metric, score, before, against, is_withheld, was_withheld)


async def _read_cases(store: Store, person: Person, brand: str) -> OpenCases:
    now = store.clock.now()
    match: dict[str, Any] = {"brand": brand, "state": {"$in": [state.value for state in ACTIVE_STATES]}}
    if person.touchpoints:
        match["touchpoint"] = {"$in": list(person.touchpoints)}
    active = await store.cases.count(match, MOST_COUNTED)
    if not active:
        return OpenCases()
    overdue = await store.cases.count({**match, "$or": [{"overdue": True}, {"due_by": {"$lt": now}}]}, MOST_COUNTED)
    own = await store.cases.count({**match, "owner": person.id}, MOST_COUNTED)
    return OpenCases(active, overdue, own)
