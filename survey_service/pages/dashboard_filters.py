"""The dashboard's address comes in; what it asks for goes out: which answers, of which time, in which zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import cast
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from survey_service.calendars.buckets import Granularity
from survey_service.calendars.zones import is_zone, zone
from survey_service.models.response import Measure
from survey_service.models.survey import Survey
from survey_service.reporting.metrics import MetricQuestion
from survey_service.reporting.scores import Metric

_DAY = timedelta(days=1)
_LONGEST = timedelta(days=10 * 366)
_LONGEST_VALUE = 200  # characters


class Preset(StrEnum):
    """Periods that end today."""

    WEEK = "7d"  # seven days
    MONTH = "4w"  # four weeks
    QUARTER = "13w"  # thirteen calendar weeks
    YEAR = "12m"  # twelve calendar months
    OWN = "own"  # from and to are given


@dataclass(frozen=True, slots=True)
class Ask:
    """What is measured; `question` is one of a survey's, None: all that measure it on this scale."""

    metric: Metric
    scale: str
    question: str | None = None

    @property
    def value(self) -> str:
        """As it stands in the address: `nps.0-10` or `nps.0-10.recommend`."""
        return ".".join(part for part in (self.measure.name, self.question) if part)

    @property
    def measure(self) -> Measure:
        """The same, as it stands in answers."""
        return Measure(metric=self.metric, scale=self.scale)


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) of whole local days, in periods of `granularity`; `preset` says how it was chosen."""

    preset: Preset
    first: date
    last: date
    granularity: Granularity
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The first instant, UTC."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The instant after the last one, UTC."""
        return _midnight(self.last + _DAY, self.zone)


@dataclass(frozen=True, slots=True)
class Promised:
    """The surveys that are anonymous or ever were, and how many answers a figure that may count theirs needs."""

    surveys: frozenset[str]
    least: int

    def least_of(self, looked_at: frozenset[str] | None) -> int:
        """How many answers a figure of these surveys needs, None: of all that were ever asked."""
        return self.least if self.surveys and (looked_at is None or self.surveys & looked_at) else 0


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked at; an empty text stands for all. `allowed` touchpoints bound it, None: there is no bound.

    `of_brand` are the surveys of the brand, None: of all of them. `least` is how many answers must stand behind a
    figure.
    """

    ask: Ask | None
    span: Span
    brand: str = ""
    of_brand: frozenset[str] | None = None
    survey: str = ""
    touchpoint: str = ""
    region: str = ""
    channel: str = ""
    topic: str = ""
    allowed: frozenset[str] | None = None
    least: int = 0
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def touchpoints(self) -> frozenset[str] | None:
        """The touchpoints whose answers may be read; None: all, and those without one."""
        if not self.touchpoint:
            return self.allowed
        chosen = frozenset({self.touchpoint})
        return chosen if self.allowed is None else chosen & self.allowed

    @property
    def only(self) -> dict[str, frozenset[str | None]]:
        """The dimensions that answers are chosen by, as reporting calls them."""
        only: dict[str, frozenset[str | None]] = {}
        for name in ("survey", "region", "channel", "topic"):
            if value := getattr(self, name):
                only[name] = frozenset({value})
        if self.of_brand is not None and not self.survey:
            only["survey"] = cast(frozenset[str | None], self.of_brand)
        if self.touchpoints is not None:
            only["touchpoint"] = cast(frozenset[str | None], self.touchpoints)
        return only

    @property
    def asked(self) -> dict[str, str]:
        """What the address says, without what is empty."""
        return {name: value for name, value in self.given.items() if value}

    @property
    def query(self) -> str:
        """The same as an address's query."""
        return urlencode(self.asked)

    def question(self, group_by: tuple[str, ...] = (), granularity: Granularity | None = None) -> MetricQuestion:
        """The question to reporting.

        Raises:
            ValueError: nothing is measured.
        """
        asked = replace(self.all_questions(), group_by=group_by, granularity=granularity, least=self.least)
        if self.ask is not None and self.ask.question:
            return replace(asked, only={**self.only, "question": frozenset({self.ask.question})})
        return asked

    def all_questions(self) -> MetricQuestion:
        """The same about what has no question: how far invitations came.

        Raises:
            ValueError: nothing is measured.
        """
        if self.ask is None:
            raise ValueError("no survey measures anything")
        return MetricQuestion(
            self.ask.metric, only=self.only, start=self.span.start, end=self.span.end, zone=self.span.zone
        )


NAMES = ("brand", "survey", "question", "touchpoint", "region", "channel", "topic", "period", "from", "to", "zone")
CUSTOMER = "customer"  # whose page a sign-in leads on to


def read_filters(
    query: Mapping[str, str],
    surveys: Mapping[str, Survey],
    allowed: frozenset[str] | None,
    home: str,
    now: datetime,
    promised: Promised,
) -> Filters:
    """What an address asks for; what it says wrongly is taken for unsaid. `home` is the reader's own zone."""
    given = _given(query)
    brand = given["brand"] if given["brand"] in {survey.brand for survey in surveys.values()} else ""
    surveys = surveys_of(brand, surveys)
    survey = given["survey"] if given["survey"] in surveys else ""
    asks = asks_of(surveys, survey)
    chosen = next((ask for ask in asks if ask.value == given["question"]), _usual(asks, surveys.get(survey)))
    looked_at = frozenset({survey} if survey else surveys) if survey or brand else None
    place = zone(given["zone"] if is_zone(given["zone"]) else home if is_zone(home) else "UTC")
    return Filters(
        ask=chosen,
        span=_span(given, place, now),
        brand=brand,
        of_brand=frozenset(surveys) if brand else None,
        survey=survey,
        touchpoint=given["touchpoint"],
        region=given["region"],
        channel=given["channel"],
        topic=given["topic"],
        allowed=allowed,
        least=promised.least_of(looked_at),
        given=given,
    )


def query_of(query: Mapping[str, str]) -> str:
    """What an address asks for, to be carried to another one: `?period=4w`; empty where it asks for nothing."""
    asked = {**_given(query), CUSTOMER: _customer(query)}
    given = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(given)}" if given else ""


def target_of(query: Mapping[str, str]) -> str:
    """Where an address leads on to: the page of the customer that it names, else the dashboard. It never leaves it."""
    customer = _customer(query)
    return f"/dashboard/customers/{quote(customer, safe='')}" if customer else f"/dashboard{query_of(query)}"


def _customer(query: Mapping[str, str]) -> str:
    return query.get(CUSTOMER, "").strip()[:_LONGEST_VALUE]


def _given(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query.get(name, "").strip()[:_LONGEST_VALUE] for name in NAMES}


def surveys_of(brand: str, surveys: Mapping[str, Survey]) -> Mapping[str, Survey]:
    """The surveys of a brand; of all of them where none is named."""
    return {name: survey for name, survey in surveys.items() if not brand or survey.brand == brand}


def asks_of(surveys: Mapping[str, Survey], survey: str) -> list[Ask]:
    """What can be looked at: a survey's own questions, or every metric and scale of all surveys."""
    if survey:
        return list(_measured(surveys[survey], by_question=True))
    found = (ask for each in surveys.values() for ask in _measured(each, by_question=False))
    return sorted(set(found), key=lambda ask: (_ORDER.index(ask.metric), ask.scale))


_ORDER: tuple[Metric, ...] = ("nps", "csat", "ces")


def _measured(survey: Survey, *, by_question: bool) -> Iterable[Ask]:
    for question in survey.questions:
        if question.metric is not None:
            metric = cast(Metric, question.kind.value)
            yield Ask(metric, question.metric.label, question.id if by_question else None)


def _usual(asks: list[Ask], survey: Survey | None) -> Ask | None:
    """The survey's primary question, or the first there is."""
    primary = [ask for ask in asks if survey is not None and ask.question == survey.primary]
    return next(iter(primary + asks), None)


def _span(given: Mapping[str, str], place: ZoneInfo, now: datetime) -> Span:
    today = now.astimezone(place).date()
    first, last = _date(given["from"]), _date(given["to"])
    if first or last:
        last = min(last or today, today)
        first = first or last - 27 * _DAY
        if timedelta() <= last - first <= _LONGEST:
            return Span(Preset.OWN, first, last, _granularity(last - first), place)
    monday = today - today.weekday() * _DAY
    match given["period"]:
        case Preset.WEEK:
            return Span(Preset.WEEK, today - 6 * _DAY, today, Granularity.DAY, place)
        case Preset.MONTH:
            return Span(Preset.MONTH, today - 27 * _DAY, today, Granularity.DAY, place)
        case Preset.YEAR:
            months = today.year * 12 + today.month - 12
            return Span(Preset.YEAR, date(months // 12, months % 12 + 1, 1), today, Granularity.MONTH, place)
        case _:
            return Span(Preset.QUARTER, monday - 12 * 7 * _DAY, today, Granularity.WEEK, place)


def _granularity(length: timedelta) -> Granularity:
    if length < timedelta(days=2):
        return Granularity.HOUR
    if length <= timedelta(days=35):
        return Granularity.DAY
    if length <= timedelta(days=250):
        return Granularity.WEEK
    return Granularity.MONTH if length <= timedelta(days=3 * 366) else Granularity.QUARTER


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # Zones and databases are sure of these years.
    return found if 1980 <= found.year <= 2200 else None


def _midnight(day: date, place: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), place).astimezone(UTC)
