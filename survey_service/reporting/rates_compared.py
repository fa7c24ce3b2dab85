"""A question about rates comes in; its rows go out, each rate with that of another period or group, and their change.

The interval of a change is Newcombe's, of two shares.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from survey_service.calendars.buckets import label_of, shifted, start_of
from survey_service.reporting.intervals import newcombe
from survey_service.reporting.metrics import MetricQuestion
from survey_service.reporting.outcomes import Keyed, Row
from survey_service.reporting.periods import Time

# By rate, the columns that it is the share of: how many, and of how many.
RATES: Mapping[str, tuple[str, str]] = {
    "response_rate": ("started", "sent"),
    "completion_rate": ("finished", "started"),
    "bounce_rate": ("bounced", "sent"),
    "opt_out_rate": ("opted_out", "sent"),
    "return_rate": ("returned", "answers"),
}
_BEFORE_GROUPS = 3  # parts of a row's key: period, scale, rank

Ask = Callable[[MetricQuestion], Awaitable[Keyed]]


async def against_the_time_before(question: MetricQuestion, start: datetime, end: datetime, ask: Ask) -> Keyed:
    """Each row against that of its group one period earlier, or in the other time where [start, end) is one period."""
    if question.granularity is None:
        other = question.compared_with(Time(start, end))
        rows, before = await ask(question), dict(await ask(replace(question, start=other.start, end=other.end)))
        return [(key, with_changes(row, before.get(key))) for key, row in rows]
    first = label_of(start, question.granularity, question.zone)
    one_more = start_of(shifted(first, question.granularity, -1), question.granularity, question.zone)
    rows = await ask(replace(question, start=one_more))
    before, compared = dict(rows), []
    for key, row in rows:
        at, *group = key
        label = datetime.fromtimestamp(at, UTC)
        if label >= first:
            earlier = round(shifted(label, question.granularity, -1).timestamp())
            compared.append((key, with_changes(row, before.get((earlier, *group)))))
    return compared


async def against_a_group(question: MetricQuestion, baseline: tuple[str | None, ...], ask: Ask) -> Keyed:
    """Each row against that of one group in the same period; that group itself is compared with nothing."""
    named = tuple((key is not None, key or "") for key in baseline)
    end = _BEFORE_GROUPS + len(named)
    rows = await ask(question)
    of_baseline = {key: row for key, row in rows if key[_BEFORE_GROUPS:end] == named}
    return [
        (key, with_changes(row, None if key in of_baseline else of_baseline.get((*key[:3], *named, *key[end:]))))
        for key, row in rows
    ]


def with_changes(row: Row, other: Row | None) -> Row:
    """The row with what became of each of its rates (`changes`), None where that cannot be told."""
    rates = [name for name in RATES if name in row]
    return {**row, "changes": {name: None if other is None else _change(row, other, name) for name in rates}}


def _change(row: Row, other: Row, rate: str) -> dict[str, Any] | None:
    part, of = RATES[rate]
    numbers = (row[part], row[of], other[part], other[of])
    # Opt-outs are those of the time, whoever they had been sent something: they may be more than what was sent.
    if None in numbers or not 0 <= numbers[0] <= numbers[1] or not 0 <= numbers[2] <= numbers[3]:
        return None
    if not numbers[1] or not numbers[3]:
        return None
    interval = newcombe(*numbers)
    return {
        "rate": other[rate],
        "n": other[of],
        "change": row[rate] - other[rate],
        "ci_low": 100 * interval.low,
        "ci_high": 100 * interval.high,
        "significant": not interval.holds_zero,
    }
