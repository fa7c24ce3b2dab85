"""Quiet hours: windows of the week in somebody's zone go in; whether, or when next, an instant is allowed comes out.

An instant is allowed when the wall clock of the zone shows a time inside a window of that weekday. That single rule
also settles the nights on which clocks change: an hour that does not exist is never shown, one that comes twice is
allowed both times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_MIDNIGHT = 24 * 60
_SECOND = timedelta(seconds=1)


class WindowsInvalid(Exception):
    """The windows cannot be read; the message says which part and why, `key` is the days it stands under."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.message = message
        self.key = key


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to, not including, `end`, in minutes of the day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WeekWindows:
    """The windows of each weekday, Monday first, sorted, without overlap; there is at least one."""

    days: tuple[tuple[Window, ...], ...]

    def allows(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Whether the wall clock of `zone` shows an allowed time at `instant` (aware)."""
        return not self._closed_for(instant.astimezone(zone))

    def next_allowed(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """`instant` (aware) if it is allowed, else the first allowed one after it; aware UTC."""
        instant = instant.astimezone(UTC)
        while closed := self._closed_for(instant.astimezone(zone)):
            instant = _advance(instant, closed, zone)
        return instant

    def _closed_for(self, local: datetime) -> timedelta:
        """How far the wall clock is from the day's next window, or from midnight if none comes; nothing inside one."""
        minute = local.hour * 60 + local.minute
        window = next((window for window in self.days[local.weekday()] if minute < window.end), None)
        opening = window.start if window else _MIDNIGHT
        if opening <= minute:
            return timedelta()
        return timedelta(minutes=opening - minute, seconds=-local.second, microseconds=-local.microsecond)


def _advance(instant: datetime, by: timedelta, zone: ZoneInfo) -> datetime:
    """`by` after `instant` (UTC), at most a day; or when the clock of `zone` changes, if that comes first."""
    later = instant + by
    offset = _offset(instant, zone)
    if _offset(later, zone) == offset:
        return later
    before = instant.replace(microsecond=0)  # clocks change on whole seconds
    while later - before > _SECOND:
        middle = (before + (later - before) / 2).replace(microsecond=0)
        if _offset(middle, zone) == offset:
            before = middle
        else:
            later = middle
    return later


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def parse_windows(allow: Mapping[str, Sequence[str]]) -> WeekWindows:
    """Windows by days, such as `{"mon-fri": ["08:00-12:00", "13:00-20:00"], "sat": ["10:00-14:00"]}`.

    Raises:
        WindowsInvalid: unknown days, a span that is none or ends before it starts, spans that overlap, or no span.
    """
    return _parse(tuple((key, tuple(spans)) for key, spans in allow.items()))


@lru_cache(maxsize=256)
def _parse(allow: tuple[tuple[str, tuple[str, ...]], ...]) -> WeekWindows:
    week: list[list[tuple[Window, str]]] = [[] for _ in DAYS]
    for key, spans in allow:
        days = _days(key)
        for window in [_window(span, key) for span in spans]:
            for day in days:
                week[day].append((window, key))
    for name, windows in zip(DAYS, week, strict=True):
        windows.sort(key=lambda written: written[0].start)
        for (left, _), (right, key) in pairwise(windows):
            if right.start < left.end:
                raise WindowsInvalid(f"the windows of {name} overlap", key)
    if not any(week):
        raise WindowsInvalid("no time of the week is allowed", "")
    return WeekWindows(tuple(tuple(window for window, _ in windows) for windows in week))


def _days(key: str) -> range:
    first, dash, last = key.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise WindowsInvalid(f"{key} is neither a day ({', '.join(DAYS)}) nor a range such as mon-fri", key)
    start, end = DAYS.index(first), DAYS.index(last if dash else first)
    if end < start:
        raise WindowsInvalid(f"{key} runs backwards; write the two parts apart", key)
    return range(start, end + 1)


def _window(span: str, key: str) -> Window:
    match = _SPAN.fullmatch(span)
    if match is None:
        raise WindowsInvalid(f"{span} is not a span such as 08:00-21:00", key)
    start = int(match[1]) * 60 + int(match[2])
    end = int(match[3]) * 60 + int(match[4]) if match[3] else _MIDNIGHT
    if end <= start:
        raise WindowsInvalid(f"{span} does not end after it starts; a night needs two spans", key)
    return Window(start, end)
