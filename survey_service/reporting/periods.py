"""Periods of figures: a time comes in; whole periods, and the cells that add up to them, go out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from survey_service.calendars.buckets import Granularity, end_of, label_of, shifted, start_of
from survey_service.store.histograms import Cover

_HOUR, _DAY, _INSTANT = timedelta(hours=1), timedelta(days=1), timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Time:
    """[start, end), both aware."""

    start: datetime
    end: datetime

    @property
    def is_in_whole_hours(self) -> bool:
        """Whether it begins and ends on the hour of UTC."""
        return _is_on(self.start, _HOUR) and _is_on(self.end, _HOUR)


def widened(time: Time, granularity: Granularity | None, zone: ZoneInfo) -> Time:
    """The same time in whole periods."""
    if granularity is None:
        return time
    first = label_of(time.start, granularity, zone)
    last = label_of(time.end - _INSTANT, granularity, zone)
    return Time(start_of(first, granularity, zone), end_of(last, granularity, zone))


def with_the_period_before(time: Time, granularity: Granularity, zone: ZoneInfo) -> Time:
    """Whole periods, and one more before them."""
    first = shifted(label_of(time.start, granularity, zone), granularity, -1)
    return Time(start_of(first, granularity, zone), time.end)


def the_time_before(time: Time, zone: ZoneInfo) -> Time:
    """As long, and up to its start: as many days of the zone where it is one of whole days, whatever its clock did."""
    first, last = (label_of(end, Granularity.DAY, zone) for end in (time.start, time.end))
    if all(start_of(day, Granularity.DAY, zone) == end for day, end in ((first, time.start), (last, time.end))):
        return Time(start_of(first - (last - first), Granularity.DAY, zone), time.start)
    return Time(time.start - (time.end - time.start), time.start)


def next_hour(now: datetime) -> datetime:
    """The end of the present hour: up to there cells hold everything."""
    return now.replace(minute=0, second=0, microsecond=0) + _HOUR


def cover_of(time: Time, granularity: Granularity | None, zone: ZoneInfo) -> Cover:
    """The cells of which no period gets a part: days, and hours where a day holds the end of a period."""
    if granularity is Granularity.HOUR:
        return Cover(None)
    ends = {time.start, time.end} if granularity is None else set(_ends(time, granularity, zone))
    edges = {_day_of(end) for end in ends if not _is_on(end, _DAY)}
    # Every day would be read by its hours.
    if 2 * len(edges) > (time.end - time.start) / _DAY:
        return Cover(None)
    return Cover(sorted(edges))


def _ends(time: Time, granularity: Granularity, zone: ZoneInfo) -> Iterator[datetime]:
    label = label_of(time.start, granularity, zone)
    while (start := start_of(label, granularity, zone)) < time.end:
        yield start
        label = shifted(label, granularity, 1)
    yield start


def _day_of(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _is_on(instant: datetime, unit: timedelta) -> bool:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) % unit == timedelta()
