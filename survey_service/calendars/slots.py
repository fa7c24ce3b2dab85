"""Free times of a week come in; the ones that can be offered for a call go out, and whether a chosen one is among them.

Pure. A time that the clock skips (DST) is never offered, one that it shows twice is offered the first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from survey_service.calendars.windows import parse_windows

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def free_times(
    windows: Mapping[str, Sequence[str]], minutes: int, zone: ZoneInfo, earliest: datetime, days: int
) -> Iterator[datetime]:
    """When a talk of `minutes` could begin: the windows cut into pieces, for `days` days from `earliest` on; UTC.

    `windows` are as `parse_windows` reads them, in `zone`; `earliest` is aware. A talk is over when its window ends.
    """
    week, length = parse_windows(windows), timedelta(minutes=minutes)
    earliest = earliest.astimezone(UTC)
    latest = earliest + days * _DAY
    first, last = earliest.astimezone(zone).date(), latest.astimezone(zone).date()
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        for window in week.days[day.weekday()]:
            closing = _instant(day, window.end, zone)
            for minute in range(window.start, window.end - minutes + 1, minutes):
                begin = _instant(day, minute, zone)
                if earliest <= begin <= latest and begin + length <= closing and _is_shown(begin, day, minute, zone):
                    yield begin


def offered_times(
    windows: Mapping[str, Sequence[str]], minutes: int, zone: ZoneInfo, earliest: datetime, days: int, most: int
) -> list[datetime]:
    """At most `most` of the free times, in their order: as many on each day as on another, spread over that day.

    Where there are more days than times, the first days have them: who wants a call wants it soon.
    """
    free = free_times(windows, minutes, zone, earliest, days)
    by_day = [list(times) for _, times in groupby(free, key=lambda begin: begin.astimezone(zone).date())]
    shares = _shares([len(times) for times in by_day], most)
    return [begin for times, share in zip(by_day, shares, strict=True) for begin in _spread(times, share)]


def is_free(
    windows: Mapping[str, Sequence[str]], minutes: int, zone: ZoneInfo, begin: datetime, now: datetime, days: int
) -> bool:
    """Whether `begin` (aware) is a free time that lies ahead; one that was offered a while ago still counts.

    It was offered for `days` days from some notice on, which is shorter than they are.
    """
    # The bounds first: at the ends of the calendar no zone can be asked.
    if not now < begin <= now + 2 * days * _DAY:
        return False
    return begin in free_times(windows, minutes, zone, begin - _MINUTE, 1)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """When the clock of `zone` shows a minute of the day, 24:00 included, for the first time; UTC."""
    later, minute = divmod(minute, 24 * 60)
    return datetime.combine(day + later * _DAY, time(minute // 60, minute % 60), zone).astimezone(UTC)


def _is_shown(instant: datetime, day: date, minute: int, zone: ZoneInfo) -> bool:
    """Whether the clock of `zone` really shows that minute of that day then: it skips some."""
    local = instant.astimezone(zone)
    return local.date() == day and local.hour * 60 + local.minute == minute


def _shares(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each day's times are offered: one a day by turns, until none is left or `most` are."""
    shares = [0] * len(sizes)
    while most > 0 and shares != list(sizes):
        for number, size in enumerate(sizes):
            if most > 0 and shares[number] < size:
                shares[number] += 1
                most -= 1
    return shares


def _spread(times: Sequence[datetime], share: int) -> list[datetime]:
    """`share` of the times, in even steps from the first one on."""
    return [times[number * len(times) // share] for number in range(share)]
