"""Questions about figures: query strings come in; what reporting is asked for goes out, and its rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.fields import Instant, Zone
from survey_service.calendars import PeriodInvalid, parse_period, zone
from survey_service.calendars.buckets import Granularity
from survey_service.errors import InvalidInput
from survey_service.reporting.dimensions import ABOUT_PEOPLE, NoDimension, dimension_named
from survey_service.reporting.metrics import MetricQuestion
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

    def ask(
        self, metric: Any, least_people: int, now: datetime, anonymous: Collection[str] = frozenset()
    ) -> MetricQuestion:
        """The question that reporting understands; `least_people` answers must stand behind a figure of one person.

        So many must stand behind each figure where one of the surveys that it may count is or was `anonymous`.

        Raises:
            InvalidInput: a dimension that cannot be, a period that is none, or too small a group.
        """
        if self.start is not None and self.start >= (self.end or now):
            raise InvalidInput.at("/from", "period", "must be earlier than to")
        if self.start is not None and (self.end or now) - self.start > _LONGEST:
            raise InvalidInput.at("/from", "period", "must not lie more than twenty years before to")
        only = self._only()
        looks_at_anonymous = bool(anonymous) and ("survey" not in only or bool(only["survey"] & set(anonymous)))
        least = least_people if looks_at_anonymous or ABOUT_PEOPLE & only.keys() else 0
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

    def ask(
        self, metric: Any, least_people: int, now: datetime, anonymous: Collection[str] = frozenset()
    ) -> MetricQuestion:
        """The same, by group and period."""
        question = super().ask(metric, least_people, now, anonymous)
        group_by = tuple(_dimension(name, "/group_by") for name in self.group_by)
        if len(set(group_by)) < len(group_by):
            raise InvalidInput.at("/group_by", "twice", "names a dimension twice")
        bound = least_people if ABOUT_PEOPLE & set(group_by) else question.least
        least = bound if self.min_n is None else self.min_n
        if least < bound:
            message = f"must be at least {bound} where people are compared, or anonymity was promised"
            raise InvalidInput.at("/min_n", "too_few", message)
        return replace(question, group_by=group_by, granularity=self.granularity, least=least)


class MetricsQuery(FiguresQuery):
    """Scores; `compare` and `rank` add what each is compared with."""

    metric: Literal["nps", "csat", "ces"]
    compare: Literal["previous", "baseline"] | None = Field(
        default=None, description="Against the period before, or against the group that `baseline` names"
    )
    baseline: str | None = Field(default=None, max_length=200, description="With `compare=baseline`")
    rank: bool = Field(default=False, description="A league table: ranks, and each group against the rest")


class Reference(BaseModel):
    """What a score is compared with."""

    score: float | None
    n: int


class PeriodRow(BaseModel):
    """One period of one group; the dimensions that were asked for stand beside these columns."""

    model_config = ConfigDict(extra="allow")

    period_start: AwareDatetime
    period_end: AwareDatetime
    period_complete: bool
    withheld: bool = Field(description="Too few answers to show where people are compared; the figures are null")


class MetricRow(PeriodRow):
    """One score; scales are never pooled. CES has its `share` of 5 to 7 as well."""

    metric: str
    scale: str
    score: float | None
    n: int | None
    counts: dict[str, int] | None
    distribution: dict[str, int] | None
    ci_low: float | None
    ci_high: float | None
    ci_level: float | None
    source: Literal["rollup", "responses"]
    share: float | None = None
    share_ci_low: float | None = None
    share_ci_high: float | None = None
    previous: Reference | None = Field(default=None, description="With `compare=previous`")
    baseline: Reference | None = Field(default=None, description="With `compare=baseline`")
    rest: Reference | None = Field(default=None, description="With `rank`: all other groups together")
    rank: int | None = None
    change: float | None = None
    change_ci_low: float | None = None
    change_ci_high: float | None = None
    change_ci_level: float | None = None
    significant: bool | None = Field(default=None, description="Whether the interval of the change leaves out zero")


class VolumeRow(PeriodRow):
    """How many responses began in a period, and how many of them are finished."""

    started: int | None
    finished: int | None
    completion_rate: float | None = Field(description="Finished of started, in %, with its interval")
    completion_rate_ci_low: float | None
    completion_rate_ci_high: float | None
    suspect: int | None = Field(description="Left out of everything else")
    source: Literal["rollup", "responses"]


class FunnelRow(PeriodRow):
    """From event to finished answer. Numbers that the asked dimensions cannot tell are null; rates are in %."""

    events: int | None
    invited: int | None
    sent: int | None
    delivered: int | None
    bounced: int | None
    started: int | None
    finished: int | None
    opted_out: int | None
    response_rate: float | None = Field(description="Started of sent")
    response_rate_ci_low: float | None
    response_rate_ci_high: float | None
    completion_rate: float | None = Field(description="Finished of started")
    completion_rate_ci_low: float | None
    completion_rate_ci_high: float | None
    bounce_rate: float | None = Field(description="Bounced of sent")
    bounce_rate_ci_low: float | None
    bounce_rate_ci_high: float | None
    opt_out_rate: float | None = Field(description="Opted out of sent")
    opt_out_rate_ci_low: float | None
    opt_out_rate_ci_high: float | None
    not_invited: dict[str, int] | None = Field(description="Decisions against an invitation, by reason")


class TimesRow(PeriodRow):
    """Time from the first message to the first answer."""

    n: int | None
    p25_seconds: float | None
    median_seconds: float | None
    p75_seconds: float | None


class IncentiveCostRow(PeriodRow):
    """What rewards cost, and that for each answer; currencies are never added up."""

    currency: str | None
    rewards: int
    cost: float
    answers: int
    cost_per_answer: float | None


class CaseFiguresRow(PeriodRow):
    """Cases that were opened in a period."""

    opened: int
    active: int
    overdue: int
    closed: int
    p25_seconds: float | None
    median_seconds: float | None = Field(description="Until it was resolved or closed")
    p75_seconds: float | None


class PhraseRow(BaseModel):
    """What several people wrote in the same words."""

    phrase: str = Field(description="As most of them spelled it")
    language: str = Field(description="Of the comments")
    n: int = Field(description="How many people wrote it: three at least")


class PhraseList(ListOf[PhraseRow]):
    """Phrases, the most frequent first, and what they were counted in."""

    comments: int = Field(description="How many comments were read, the newest ones")
    all_read: bool = Field(description="Whether these are all that match")


class ReturnsRow(PeriodRow):
    """Who came back after an answer, by the band of its score and by its case."""

    metric: str
    scale: str
    band: str = Field(description="promoters, passives, detractors; satisfied, easy, others")
    case: str = Field(description="State of the case that it opened, or none")
    answers: int | None
    returned: int | None
    return_rate: float | None
    ci_low: float | None
    ci_high: float | None


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


class ReturnsQuery(FiguresQuery):
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
