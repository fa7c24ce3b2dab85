"""Mornings: a zone comes in; when its people begin their day goes out, so that they are told then. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MORNING = time(8)  # by the wall clock
_DAY = timedelta(days=1)


def morning_of(day: date, zone: ZoneInfo) -> datetime:
    """The morning of a day; UTC."""
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


def next_morning(at: datetime, zone: ZoneInfo) -> datetime:
    """The first morning after `at` (aware); UTC."""
    today = at.astimezone(zone).date()
    morning = morning_of(today, zone)
    return morning if morning > at else morning_of(today + _DAY, zone)
