"""Buckets: a granularity and a zone come in; the hour, day, week, month, quarter or year of an instant goes out. Pure.

A database that groups rows knows a bucket by its label: the wall clock of the zone at the bucket's start, written as
if it were UTC. `Stretch`es tell it what to add to an instant for that, so that its own table of zones never matters.
An hour's label is its instant: the hour that comes twice when clocks go back is two hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_HOUR, _DAY, _SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


class Granularity(StrEnum):
    """How long a bucket is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday on
    MONTH = "month"
    QUARTER = "quarter"  # from January, April, July and October on
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Up to, not including, `until` (None: for ever) the clock of a zone is `offset` ahead of UTC."""

    until: datetime | None
    offset: timedelta


def stretches(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """The stretches of a zone that cover [start, end), both aware; a zone changes its clock once a day at most."""
    found = []
    here = start.astimezone(UTC)
    while here < end:
        later = min(here + _DAY, end.astimezone(UTC))
        if _offset(here, zone) != _offset(later, zone):
            found.append(Stretch(_change_between(here, later, zone), _offset(here, zone)))
        here = later
    return (*found, Stretch(None, _offset(end, zone)))


def has_whole_hours(of: Sequence[Stretch]) -> bool:
    """Whether each hour of the zone is an hour of UTC."""
    return all(
        stretch.offset % _HOUR == timedelta() and (stretch.until is None or _is_on_the_hour(stretch.until))
        for stretch in of
    )


def label_of(instant: datetime, granularity: Granularity, zone: ZoneInfo) -> datetime:
    """The label of the bucket that holds an instant."""
    offset = _offset(instant, zone)
    local = instant.astimezone(UTC) + offset
    if granularity is Granularity.HOUR:
        return local.replace(minute=0, second=0, microsecond=0) - offset
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    match granularity:
        case Granularity.DAY:
            return day
        case Granularity.WEEK:
            return day - day.weekday() * _DAY
        case Granularity.MONTH:
            return day.replace(day=1)
        case Granularity.QUARTER:
            return day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1)
        case Granularity.YEAR:
            return day.replace(day=1, month=1)


def shifted(label: datetime, granularity: Granularity, by: int) -> datetime:
    """The label of the bucket that comes `by` later, or -`by` earlier."""
    match granularity:
        case Granularity.HOUR:
            return label + by * _HOUR
        case Granularity.DAY:
            return label + by * _DAY
        case Granularity.WEEK:
            return label + by * 7 * _DAY
        case Granularity.MONTH | Granularity.QUARTER | Granularity.YEAR:
            months = {Granularity.MONTH: 1, Granularity.QUARTER: 3, Granularity.YEAR: 12}[granularity]
            year, month = divmod(label.year * 12 + label.month - 1 + by * months, 12)
            return label.replace(year=year, month=month + 1)


def start_of(label: datetime, granularity: Granularity, zone: ZoneInfo) -> datetime:
    """The instant at which the bucket of a label begins: the first one at which the clock shows that day; UTC."""
    if granularity is Granularity.HOUR:
        return label
    # A midnight that the clock skips is the instant of the change, one that it shows twice the first of both.
    return label.replace(tzinfo=zone, fold=0).astimezone(UTC)


def end_of(label: datetime, granularity: Granularity, zone: ZoneInfo) -> datetime:
    """The instant at which the next bucket begins; UTC."""
    return start_of(shifted(label, granularity, 1), granularity, zone)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _is_on_the_hour(instant: datetime) -> bool:
    return instant.minute == instant.second == instant.microsecond == 0


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """When the clock changed; clocks change on whole seconds."""
    before = before.replace(microsecond=0)
    offset = _offset(before, zone)
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
