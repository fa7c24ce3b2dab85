"""Questions about figures: query strings come in; what reporting is asked for goes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from survey_service.api.pagination import ListQuery
from survey_service.api.shapes.fields import Instant, Zone
from survey_service.calendars import PeriodInvalid, parse_period, zone
from survey_service.calendars.buckets import Granularity
from survey_service.errors import InvalidInput
from survey_service.reporting.dimensions import NoDimension, dimension_named
from survey_service.reporting.metrics import MetricQuestion
from survey_service.reporting.periods import Time
from survey_service.reporting.scores import score_of

_LONGEST = timedelta(days=20 * 366)
_ANY_SCALE = {"nps": "0-10", "csat": "1-5", "ces": "1-7"}
_FILTERS = (
    "survey",
    "question",
    "touchpoint",
    "region",
    "journey_stage",
    "channel",
    "language",
    "agent",
    "trigger",
    "variant",
    "brand",
    "topic",
)


@dataclass(frozen=True, slots=True)
class Shielded:
    """What fewer than `least` answers may not be shown of.

    Figures by one of the dimensions that tell our own `people` apart, and those that may count `anonymous` surveys.
    """

    least: int
    people: frozenset[str] = frozenset()
    anonymous: frozenset[str] = frozenset()


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _parts(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


Values = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=200), BeforeValidator(_as_list)]
Names = Annotated[tuple[Annotated[str, Field(max_length=70)], ...], Field(max_length=2), BeforeValidator(_parts)]


class AnswersQuery(ListQuery):
    """Which answers are looked at. A filter may come several times: any of its values matches."""

    start: Instant | None = Field(default=None, alias="from", description="Widened to whole periods")
    end: Instant | None = Field(default=None, alias="to", description="Exclusive; widened to whole periods")
    timezone: Zone = "UTC"
    survey: Values = ()
    question: Values = ()
    touchpoint: Values = ()
    region: Values = ()
    journey_stage: Values = ()
    channel: Values = ()
    language: Values = ()
    agent: Values = ()
    trigger: Values = ()
    variant: Values = ()
    brand: Values = ()
    topic: Values = Field(default=(), description="What the comment is about")
    where: Values = Field(default=(), description="Filters by other dimensions that surveys list: `tier:gold`")

    def named(self) -> frozenset[str]:
        """Every dimension that is looked at.

        Raises:
            InvalidInput: one that cannot be.
        """
        return frozenset(self._only())

    def ask(self, metric: Any, shielded: Shielded, now: datetime) -> MetricQuestion:
        """The question that reporting understands.

        Raises:
            InvalidInput: a dimension that cannot be, a period that is none, or too small a group.
        """
        if self.start is not None and self.start >= (self.end or now):
            raise InvalidInput.at("/from", "period", "must be earlier than to")
        if self.start is not None and (self.end or now) - self.start > _LONGEST:
            raise InvalidInput.at("/from", "period", "must not lie more than twenty years before to")
        only = self._only()
        anonymous = shielded.anonymous
        looks_at_anonymous = bool(anonymous) and ("survey" not in only or bool(only["survey"] & anonymous))
        least = shielded.least if looks_at_anonymous or shielded.people & only.keys() else 0
        return MetricQuestion(metric, only=only, start=self.start, end=self.end, zone=zone(self.timezone), least=least)

    def _only(self) -> dict[str, frozenset[str | None]]:
        only: dict[str, frozenset[str | None]] = {}
        for name in _FILTERS:
            if values := getattr(self, name):
                only[_dimension(name, f"/{name}")] = _known(values)
        for text in self.where:
            name, colon, value = text.partition(":")
            if not colon:
                raise InvalidInput.at("/where", "filter", "is not a dimension and a value, such as tier:gold")
            dimension = _dimension(name, "/where")
            only[dimension] = only.get(dimension, frozenset()) | _known((value,))
        return only


class FiguresQuery(AnswersQuery):
    """What every figure can be asked for by."""

    group_by: Names = Field(
        default=(), description="One or two dimensions, comma-separated: fixed ones or such as a survey lists"
    )
    granularity: Granularity | None = Field(default=None, description="Length of a period; without: one for all")
    min_n: int | None = Field(default=None, ge=0, le=10_000, description="Groups of fewer answers are withheld")

    def named(self) -> frozenset[str]:
        """The same, and what is grouped by."""
        return super().named() | frozenset(self._group_by())

    def ask(self, metric: Any, shielded: Shielded, now: datetime) -> MetricQuestion:
        """The same, by group and period."""
        question = super().ask(metric, shielded, now)
        group_by = self._group_by()
        if len(set(group_by)) < len(group_by):
            raise InvalidInput.at("/group_by", "twice", "names a dimension twice")
        bound = shielded.least if shielded.people & set(group_by) else question.least
        least = bound if self.min_n is None else self.min_n
        if least < bound:
            message = f"must be at least {bound} where people are compared, or anonymity was promised"
            raise InvalidInput.at("/min_n", "too_few", message)
        return replace(question, group_by=group_by, granularity=self.granularity, least=least)

    def _group_by(self) -> tuple[str, ...]:
        return tuple(_dimension(name, "/group_by") for name in self.group_by)


class ComparedQuery(FiguresQuery):
    """Figures with what each is compared with."""

    compare: Literal["previous", "baseline"] | None = Field(
        default=None, description="Against the period before, or against the group that `baseline` names"
    )
    baseline: str | None = Field(default=None, max_length=200, description="With `compare=baseline`")
    compare_from: Instant | None = Field(
        default=None,
        description="With `compare=previous` and no granularity: against as long a time from there on",
    )

    def ask(self, metric: Any, shielded: Shielded, now: datetime) -> MetricQuestion:
        """The same, and where the other time begins."""
        question = super().ask(metric, shielded, now)
        if (self.compare == "baseline") != (self.baseline is not None):
            raise InvalidInput.at("/baseline", "baseline", "goes with compare=baseline")
        if self.compare == "baseline" and not question.group_by:
            raise InvalidInput.at("/group_by", "required", "says what is compared")
        if self.compare == "previous" and self.granularity is None and (self.start is None or self.end is None):
            raise InvalidInput.at("/compare", "period", "needs a granularity, or from and to")
        if self.compare_from is None:
            return question
        if self.compare != "previous" or self.granularity is not None or self.start is None or self.end is None:
            raise InvalidInput.at("/compare_from", "period", "goes with compare=previous, and without a granularity")
        compared = replace(question, compared_from=self.compare_from)
        other = compared.compared_with(Time(self.start, self.end))
        if other.start < self.end and other.end > self.start:
            raise InvalidInput.at("/compare_from", "period", "must begin a time that shares nothing with the first one")
        return compared

    def baseline_of(self, question: MetricQuestion) -> tuple[str | None, ...]:
        """The group that all others are compared with.

        Raises:
            InvalidInput: it is none of those that are asked for.
        """
        keys = tuple(key or None for key in (self.baseline or "").split(",", len(question.group_by) - 1))
        if len(keys) < len(question.group_by):
            raise InvalidInput.at("/baseline", "baseline", "names one value for each dimension of group_by")
        return keys


class MetricsQuery(ComparedQuery):
    """Scores; `compare` and `rank` add what each is compared with."""

    metric: Literal["nps", "csat", "ces"]
    rank: bool = Field(default=False, description="A league table: ranks, and each group against the rest")


class PhrasesQuery(AnswersQuery):
    """Whose comments are read."""

    metric: Literal["nps", "csat", "ces"]
    band: Literal["promoters", "passives", "detractors", "satisfied", "easy", "others"] | None = Field(
        default=None, description="Only those who answered so: one of the `counts` of the metric"
    )
    comment_language: Values = Field(default=(), description="What the comments are written in")

    def known_band(self) -> str | None:
        """The band.

        Raises:
            InvalidInput: the metric has no such band.
        """
        bands = score_of(self.metric, _ANY_SCALE[self.metric], {}).counts
        if self.band is not None and self.band not in bands:
            raise InvalidInput.at("/band", "band", f"is none of {self.metric}: {', '.join(bands)}")
        return self.band


class ReturnsQuery(ComparedQuery):
    """What counts as coming back."""

    event_type: Values = Field(min_length=1, max_length=20, description="Any of these events")
    within: str = Field(default="P90D", max_length=30, description="So long after the answer, such as P90D")

    def period(self) -> timedelta:
        """`within` as a timedelta.

        Raises:
            InvalidInput: it is no period, or none at all.
        """
        try:
            period = parse_period(self.within)
        except PeriodInvalid as error:
            raise InvalidInput.at("/within", "period", str(error)) from None
        if not period:
            raise InvalidInput.at("/within", "period", "must be longer than nothing")
        return period


def _dimension(name: str, pointer: str) -> str:
    try:
        return dimension_named(name)
    except NoDimension as error:
        raise InvalidInput.at(pointer, "dimension", f"{name[:70]}: {error}") from None


def _known(values: tuple[str, ...]) -> frozenset[str | None]:
    """An empty value stands for none."""
    return frozenset(value or None for value in values)
