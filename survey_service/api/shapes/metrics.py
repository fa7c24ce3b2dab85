"""Figures as callers read them: flat rows, a period and a group each."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from survey_service.api.pagination import ListOf


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


class RateChange(BaseModel):
    """What a rate is compared with, and by how much it differs, in percentage points."""

    rate: float = Field(description="The other one, in %")
    n: int = Field(description="What the other one is a share of")
    change: float
    ci_low: float
    ci_high: float
    significant: bool = Field(description="Whether the interval of the change leaves out zero")


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
    changes: dict[str, RateChange | None] | None = Field(default=None, description="With `compare`, by rate")


class TimesRow(PeriodRow):
    """Time from the first message to the first answer."""

    n: int | None
    p25_seconds: float | None
    median_seconds: float | None
    p75_seconds: float | None


class IncentiveCostRow(PeriodRow):
    """What rewards cost, and that for each answer; currencies are never added up."""

    currency: str | None
    rewards: int | None
    cost: float | None
    answers: int | None
    cost_per_answer: float | None


class CaseFiguresRow(PeriodRow):
    """Cases of a period."""

    opened: int | None
    active: int | None = Field(description="Open at the end of the period, or now, whenever they were opened")
    overdue: int | None = Field(description="Of the active ones")
    closed: int | None = Field(description="Of the opened ones, by now")
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
    changes: dict[str, RateChange | None] | None = Field(default=None, description="With `compare`, by rate")
