"""Periods of figures: whole ones of a zone, across changes of its clock, and the cells that add up to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.calendars import zone
from survey_service.calendars.buckets import (
    Granularity,
    Stretch,
    end_of,
    has_whole_hours,
    label_of,
    shifted,
    start_of,
    stretches,
)
from survey_service.reporting.periods import (
    Time,
    cover_of,
    the_time_before,
    widened,
    with_the_period_before,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"]
instants = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 -- hypothesis wants bounds without a zone


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("granularity", "name", "instant", "start", "end"),
    [
        ("hour", "Europe/Berlin", utc(2025, 11, 3, 10, 20), utc(2025, 11, 3, 10), utc(2025, 11, 3, 11)),
        ("hour", "Asia/Kathmandu", utc(2025, 11, 3, 10, 20), utc(2025, 11, 3, 10, 15), utc(2025, 11, 3, 11, 15)),
        # 25 hours, and 23 hours
        ("day", "Europe/Berlin", utc(2025, 10, 26, 12), utc(2025, 10, 25, 22), utc(2025, 10, 26, 23)),
        ("day", "Europe/Berlin", utc(2025, 3, 30, 12), utc(2025, 3, 29, 23), utc(2025, 3, 30, 22)),
        ("day", "Asia/Kathmandu", utc(2025, 11, 3, 20), utc(2025, 11, 3, 18, 15), utc(2025, 11, 4, 18, 15)),
        # midnight is skipped: the day begins at one o'clock
        ("day", "Africa/Cairo", utc(2024, 4, 26, 12), utc(2024, 4, 25, 22), utc(2024, 4, 26, 21)),
        # the design's example
        ("week", "Europe/Berlin", utc(2026, 11, 22, 12), utc(2026, 11, 15, 23), utc(2026, 11, 22, 23)),
        ("week", "UTC", utc(2026, 11, 23), utc(2026, 11, 23), utc(2026, 11, 30)),
        ("month", "Europe/Berlin", utc(2025, 10, 31, 23), utc(2025, 10, 31, 23), utc(2025, 11, 30, 23)),
        ("quarter", "America/New_York", utc(2025, 12, 31, 23), utc(2025, 10, 1, 4), utc(2026, 1, 1, 5)),
        ("year", "Asia/Kathmandu", utc(2025, 12, 31, 18, 15), utc(2025, 12, 31, 18, 15), utc(2026, 12, 31, 18, 15)),
    ],
)
def test_a_period_is_that_of_the_zone(
    granularity: str, name: str, instant: datetime, start: datetime, end: datetime
) -> None:
    of, where = Granularity(granularity), zone(name)
    label = label_of(instant, of, where)
    assert (start_of(label, of, where), end_of(label, of, where)) == (start, end)


@given(instants, st.sampled_from(list(Granularity)), st.sampled_from(ZONES))
def test_every_instant_lies_in_its_own_period(instant: datetime, granularity: Granularity, name: str) -> None:
    where = zone(name)
    label = label_of(instant, granularity, where)
    start, end = start_of(label, granularity, where), end_of(label, granularity, where)
    assert start <= instant < end
    assert label_of(start, granularity, where) == label
    assert start_of(shifted(shifted(label, granularity, 1), granularity, -1), granularity, where) == start


def test_the_hour_that_comes_twice_is_two_periods() -> None:
    berlin = zone("Europe/Berlin")
    labels = [label_of(utc(2025, 10, 26, hour, 30), Granularity.HOUR, berlin) for hour in (0, 1)]
    assert labels == [utc(2025, 10, 26, 0), utc(2025, 10, 26, 1)]


@given(instants, st.integers(0, 800), st.sampled_from(ZONES))
def test_stretches_say_what_the_clock_shows(start: datetime, days: int, name: str) -> None:
    where = zone(name)
    end = start + days * DAY
    found = stretches(where, start, end)
    for number in range(0, days * 24, 7):
        at = start + number * HOUR
        stretch = next(one for one in found if one.until is None or at < one.until)
        assert at + stretch.offset == at.astimezone(where).replace(tzinfo=UTC)


def test_a_change_of_the_clock_is_found_to_the_second() -> None:
    assert stretches(zone("Europe/Berlin"), utc(2025, 10, 1, 5, 7), utc(2025, 11, 1)) == (
        Stretch(utc(2025, 10, 26, 1), 2 * HOUR),
        Stretch(None, HOUR),
    )


@pytest.mark.parametrize(
    ("name", "whole"),
    [("UTC", True), ("Europe/Berlin", True), ("Asia/Kathmandu", False), ("Australia/Lord_Howe", False)],
)
def test_only_some_zones_share_the_hours_of_utc(name: str, whole: bool) -> None:
    assert has_whole_hours(stretches(zone(name), utc(2025, 1, 1), utc(2026, 1, 1))) is whole


@given(instants, st.integers(1, 400 * 24), st.sampled_from([None, *Granularity]), st.sampled_from(ZONES[:3]))
def test_the_cells_of_a_cover_hold_each_hour_once_and_none_of_two_periods(
    start: datetime, hours: int, granularity: Granularity | None, name: str
) -> None:
    start = start.replace(minute=0, second=0, microsecond=0)
    where = zone(name)
    time = widened(Time(start, start + hours * HOUR), granularity, where)
    cover = cover_of(time, granularity, where)
    if cover.edges is None:
        return
    first = time.start.replace(hour=0)
    for number in range((time.end - first) // DAY + 1):
        day = first + number * DAY
        if day in cover.edges or day < time.start or day >= time.end:
            continue
        assert day + DAY <= time.end
        if granularity is not None:
            last = day + DAY - timedelta(milliseconds=1)
            assert label_of(day, granularity, where) == label_of(last, granularity, where)


@pytest.mark.parametrize(
    ("granularity", "name", "edges"),
    [
        (Granularity.WEEK, "UTC", 0),
        (Granularity.DAY, "UTC", 0),
        (Granularity.WEEK, "Europe/Berlin", 54),
        (Granularity.MONTH, "Europe/Berlin", 14),
        (Granularity.DAY, "Europe/Berlin", None),
        (Granularity.HOUR, "UTC", None),
    ],
)
def test_a_year_is_read_by_days_where_that_can_be(granularity: Granularity, name: str, edges: int | None) -> None:
    where = zone(name)
    time = widened(Time(utc(2025, 1, 1), utc(2026, 1, 1)), granularity, where)
    found = cover_of(time, granularity, where).edges
    assert (None if found is None else len(found)) == edges


def test_a_time_is_widened_to_whole_periods() -> None:
    berlin = zone("Europe/Berlin")
    time = Time(utc(2025, 10, 28, 5), utc(2025, 11, 5))
    assert widened(time, None, berlin) == time
    weeks = widened(time, Granularity.WEEK, berlin)
    assert weeks == Time(utc(2025, 10, 26, 23), utc(2025, 11, 9, 23))
    assert widened(weeks, Granularity.WEEK, berlin) == weeks
    # with an hour more than a week has: clocks went back
    assert with_the_period_before(weeks, Granularity.WEEK, berlin).start == utc(2025, 10, 19, 22)


@pytest.mark.parametrize(
    ("name", "time", "start"),
    [
        ("UTC", Time(utc(2025, 11, 3), utc(2025, 11, 10)), utc(2025, 10, 27)),
        # The week after the one in which clocks went back begins a week earlier at midnight, not at one o'clock.
        ("Europe/Berlin", Time(utc(2026, 10, 25, 23), utc(2026, 11, 1, 23)), utc(2026, 10, 18, 22)),
        ("Europe/Berlin", Time(utc(2026, 3, 29, 22), utc(2026, 4, 5, 22)), utc(2026, 3, 22, 23)),
        # of hours, not of days
        ("Europe/Berlin", Time(utc(2026, 10, 25, 20), utc(2026, 10, 26, 20)), utc(2026, 10, 24, 20)),
    ],
)
def test_the_time_before_is_as_long(name: str, time: Time, start: datetime) -> None:
    assert the_time_before(time, zone(name)) == Time(start, time.start)


@given(instants, st.integers(1, 400), st.sampled_from(ZONES))
def test_the_time_before_whole_days_is_as_many_of_them(instant: datetime, days: int, name: str) -> None:
    where = zone(name)
    label = label_of(instant, Granularity.DAY, where)
    first, start, end = (start_of(label + number * DAY, Granularity.DAY, where) for number in (-days, 0, days))
    assert the_time_before(Time(start, end), where) == Time(first, start)
    assert the_time_before(Time(start, end + HOUR), where).end == start
