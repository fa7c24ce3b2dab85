"""Figures come in; the flat rows that BI tools read go out (DESIGN "GET /v1/metrics"). Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from survey_service.calendars.buckets import Granularity, end_of, start_of
from survey_service.models.rollup import Progress
from survey_service.reporting.comparing import Comparison, Figure
from survey_service.reporting.dimensions import column_of
from survey_service.reporting.intervals import Interval, wilson
from survey_service.reporting.metrics import Answer, MetricQuestion, Volume
from survey_service.reporting.periods import Time
from survey_service.reporting.scores import Score
from survey_service.store.histograms import Group
from survey_service.store.paging import SETTLING


def score_row(figure: Figure, question: MetricQuestion, answer: Answer, now: datetime, other: str) -> dict[str, Any]:
    """One figure; what it is compared with stands under `other`, the same columns in every row of an answer."""
    row = {
        "metric": question.metric,
        "scale": figure.group.scale,
        **group_columns(figure.group, question),
        **period_columns(figure.group, question, answer.time, now),
        **_score_columns(figure.score, question),
        "withheld": figure.score is None,
        "source": answer.source.value,
    }
    if other:
        row |= _comparison_columns(figure.against, other)
    if other == "rest":
        row["rank"] = figure.rank
    return row


def volume_row(volume: Volume, question: MetricQuestion, time: Time, source: str, now: datetime) -> dict[str, Any]:
    """One count; too few responses are not shown where people are compared."""
    counts = {progress: volume.counts.get(progress, 0) for progress in Progress}
    started = counts[Progress.STARTED] + counts[Progress.FINISHED]
    shown = started >= question.least
    figures = {
        "started": started,
        "finished": counts[Progress.FINISHED],
        **rate_columns("completion_rate", counts[Progress.FINISHED], started),
        "suspect": counts[Progress.SUSPECT],
    }
    return {
        **group_columns(volume.group, question),
        **period_columns(volume.group, question, time, now),
        **(figures if shown else dict.fromkeys(figures)),
        "withheld": not shown,
        "source": source,
    }


def rate_columns(name: str, part: int | None, of: int | None) -> dict[str, float | None]:
    """A share in %, with Wilson's interval; None of nothing, and no interval where the one is no part of the other."""
    interval = wilson(part, of) if part is not None and of and part <= of else None
    return {
        name: 100 * part / of if part is not None and of else None,
        f"{name}_ci_low": 100 * interval.low if interval else None,
        f"{name}_ci_high": 100 * interval.high if interval else None,
    }


def group_columns(group: Group, question: MetricQuestion) -> dict[str, str | None]:
    """The dimensions that were asked for."""
    return {column_of(name): key for name, key in zip(question.group_by, group.keys, strict=True)}


def period_columns(group: Group, question: MetricQuestion, time: Time, now: datetime) -> dict[str, Any]:
    """When it begins and ends (UTC), and whether it has ended; without a granularity the whole time is one period."""
    start, end = period_of(group.label, question.granularity, question.zone) or (time.start, time.end)
    return {"period_start": start, "period_end": end, "period_complete": end <= now - SETTLING}


def period_of(
    label: datetime | None, granularity: Granularity | None, zone: ZoneInfo
) -> tuple[datetime, datetime] | None:
    """Begin and end of the period of a label; None where there is one period alone."""
    if label is None or granularity is None:
        return None
    return start_of(label, granularity, zone), end_of(label, granularity, zone)


def _score_columns(score: Score | None, question: MetricQuestion) -> dict[str, Any]:
    columns = {
        "score": score.score if score else None,
        "n": score.n if score else None,
        "counts": score.counts if score else None,
        "distribution": {str(value): count for value, count in score.distribution.items()} if score else None,
        **_interval_columns("ci", score.interval if score else None),
        "ci_level": score.level if score else None,
    }
    if question.metric == "ces":
        columns["share"] = score.share if score else None
        columns |= _interval_columns("share_ci", score.share_interval if score else None)
    return columns


def _comparison_columns(against: Comparison | None, other: str) -> dict[str, Any]:
    return {
        other: {"score": against.other.score, "n": against.other.n} if against else None,
        "change": against.change if against else None,
        **_interval_columns("change_ci", against.interval if against else None),
        "change_ci_level": against.level if against else None,
        "significant": against.is_significant if against else None,
    }


def _interval_columns(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {f"{name}_low": interval.low if interval else None, f"{name}_high": interval.high if interval else None}
