"""Weeks: a person and an instant come in; which Monday tells them of which week, and when, goes out. Pure.

A Monday is called by its label (see `calendars/buckets.py`), which is the same in every zone: whoever moves to another
one is told of the same weeks, each once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from survey_service.calendars import parse_windows, zone
from survey_service.calendars.buckets import Granularity, label_of, shifted, start_of
from survey_service.calendars.mornings import morning_of
from survey_service.models.person import Person
from survey_service.reporting.periods import Time

OF_USE = timedelta(days=2)  # that a report may come late; then the next one is nearer to people's work


def wants_report(person: Person | None) -> bool:
    """Whether somebody is to be told of each week."""
    return person is not None and person.active and person.weekly_report and person.email is not None


def due_at(monday: datetime, person: Person) -> datetime:
    """The morning of that Monday, as soon as the person's quiet hours allow; UTC."""
    place = zone(person.timezone)
    morning = morning_of(monday.date(), place)
    if person.quiet_hours is None:
        return morning
    return parse_windows(person.quiet_hours.allow).next_allowed(morning, place)


def first_monday(person: Person, since: datetime) -> datetime:
    """The first Monday that falls due after `since`: who switches the report on is not told of the past."""
    monday = _shifted(_week_of(since, person), -1)
    while due_at(monday, person) <= since:
        monday = _shifted(monday, 1)
    return monday


def newest_monday(person: Person, now: datetime) -> datetime:
    """The last Monday that has fallen due."""
    return _shifted(first_monday(person, now), -1)


def next_monday(monday: datetime) -> datetime:
    """The Monday after."""
    return _shifted(monday, 1)


def week_before(monday: datetime) -> datetime:
    """The label of the week that ends with a Monday."""
    return _shifted(monday, -1)


def week_that_ended(now: datetime, person: Person) -> datetime:
    """The Monday, already there in the person's zone, with which the last whole week ended."""
    return _week_of(now, person)


def monday_after(day: datetime) -> datetime:
    """The Monday with which the week of a day ends; `day` is a label."""
    return day + timedelta(days=7 - day.weekday())


def two_weeks(monday: datetime, person: Person) -> Time:
    """The week that ends with a Monday, and the one before it, in the person's zone."""
    place = zone(person.timezone)
    start, end = (start_of(label, Granularity.WEEK, place) for label in (_shifted(monday, -2), monday))
    return Time(start.astimezone(UTC), end.astimezone(UTC))


def _week_of(instant: datetime, person: Person) -> datetime:
    return label_of(instant, Granularity.WEEK, zone(person.timezone))


def _shifted(monday: datetime, by: int) -> datetime:
    return shifted(monday, Granularity.WEEK, by)
