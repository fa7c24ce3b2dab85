"""Which week, and when: in every zone, on days when clocks change, and for whoever moves or switches the report on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from survey_service.calendars.mornings import next_morning
from survey_service.models.person import Person
from survey_service.reporting.weekly_schedule import (
    OF_USE,
    due_at,
    first_monday,
    monday_after,
    newest_monday,
    next_monday,
    two_weeks,
    wants_report,
    week_that_ended,
)

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
WEEK = timedelta(days=7)


def a_reader(timezone: str = "UTC", **changes: Any) -> Person:
    fields = {"id": "mia", "name": "Mia", "email": "mia@acme.example", "timezone": timezone, "weekly_report": True}
    return Person.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("timezone", "monday", "due"),
    [
        ("UTC", "2026-11-23", "2026-11-23T08:00Z"),
        ("Europe/Berlin", "2026-11-23", "2026-11-23T07:00Z"),
        ("Europe/Berlin", "2026-03-30", "2026-03-30T06:00Z"),  # the day after clocks went forward
        ("Europe/Berlin", "2026-10-26", "2026-10-26T07:00Z"),  # the day after they went back
        ("America/Los_Angeles", "2026-11-02", "2026-11-02T16:00Z"),
        ("Asia/Kathmandu", "2026-11-23", "2026-11-23T02:15Z"),
        ("Pacific/Auckland", "2026-11-23", "2026-11-22T19:00Z"),
        ("Pacific/Kiritimati", "2026-11-23", "2026-11-22T18:00Z"),
    ],
)
def test_monday_morning_is_that_of_the_persons_zone(timezone: str, monday: str, due: str) -> None:
    label = datetime.fromisoformat(monday).replace(tzinfo=UTC)
    assert due_at(label, a_reader(timezone)) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("allow", "due"),
    [
        ({"mon-fri": ["09:30-17:00"]}, "2026-11-23T08:30Z"),
        ({"mon-sun": ["06:00-22:00"]}, "2026-11-23T07:00Z"),
        ({"tue-sat": ["10:00-18:00"]}, "2026-11-24T09:00Z"),
        ({"sun": ["10:00-11:00"]}, "2026-11-29T09:00Z"),
    ],
)
def test_it_waits_for_the_end_of_the_persons_quiet_hours(allow: dict[str, list[str]], due: str) -> None:
    person = a_reader("Europe/Berlin", quiet_hours={"allow": allow})
    assert due_at(MONDAY, person) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("timezone", "monday", "hours"),
    [
        ("Europe/Berlin", "2026-11-23", 336),
        ("Europe/Berlin", "2026-03-30", 335),
        ("Europe/Berlin", "2026-11-02", 337),
        ("Australia/Lord_Howe", "2026-10-05", 335.5),
        ("Asia/Kathmandu", "2026-11-23", 336),
    ],
)
def test_the_two_weeks_are_those_of_the_clock_on_the_wall(timezone: str, monday: str, hours: float) -> None:
    label, zone = datetime.fromisoformat(monday).replace(tzinfo=UTC), ZoneInfo(timezone)
    time = two_weeks(label, a_reader(timezone))
    assert time.end - time.start == timedelta(hours=hours)
    for edge, day in ((time.start, label - 2 * WEEK), (time.end, label)):
        assert edge.astimezone(zone).replace(tzinfo=UTC) == day


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("hours", [None, {"allow": {"wed": ["10:00-11:00"]}}, {"allow": {"mon": ["07:00-07:30"]}}])
def test_every_instant_lies_between_two_reports(timezone: str, hours: Any) -> None:
    person = a_reader(timezone, quiet_hours=hours)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for now in (start + timedelta(hours=5 * step) for step in range(200)):
        newest = newest_monday(person, now)
        assert newest.weekday() == 0
        assert due_at(newest, person) <= now < due_at(next_monday(newest), person)
        assert first_monday(person, now) == next_monday(newest)


def test_who_switches_it_on_after_the_morning_is_told_of_the_next_week() -> None:
    person = a_reader("Europe/Berlin")
    morning = due_at(MONDAY, person)
    assert first_monday(person, morning - timedelta(seconds=1)) == MONDAY
    assert first_monday(person, morning) == next_monday(MONDAY)
    assert first_monday(person, morning + timedelta(hours=7)) == next_monday(MONDAY)


def test_a_report_is_of_no_use_when_the_week_is_half_over() -> None:
    assert timedelta(days=1) <= OF_USE < WEEK / 2


@pytest.mark.parametrize(
    ("changes", "wants"),
    [({}, True), ({"active": False}, False), ({"weekly_report": False}, False), ({"email": None}, False)],
)
def test_only_who_works_here_has_an_address_and_wants_it_gets_it(changes: dict[str, Any], wants: bool) -> None:
    assert wants_report(a_reader(**changes)) is wants
    assert not wants_report(None)


def test_the_last_whole_week_is_over_at_midnight_of_the_zone() -> None:
    midnight = datetime(2026, 11, 22, 11, tzinfo=UTC)  # of Monday in Auckland
    assert week_that_ended(midnight, a_reader("Pacific/Auckland")) == MONDAY
    assert week_that_ended(midnight - timedelta(seconds=1), a_reader("Pacific/Auckland")) == MONDAY - WEEK
    assert week_that_ended(midnight, a_reader("Europe/Berlin")) == MONDAY - WEEK


@pytest.mark.parametrize("day", range(16, 23))
def test_a_week_is_called_by_any_of_its_days(day: int) -> None:
    assert monday_after(datetime(2026, 11, day, tzinfo=UTC)) == MONDAY


def test_a_morning_comes_after_an_instant_in_each_zone() -> None:
    at = datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert next_morning(at, ZoneInfo("Europe/Berlin")) == at + timedelta(days=1)
    assert next_morning(at - timedelta(seconds=1), ZoneInfo("Europe/Berlin")) == at
    assert next_morning(at, ZoneInfo("America/New_York")) == at + timedelta(hours=6)
