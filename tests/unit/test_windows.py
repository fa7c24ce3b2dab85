"""Quiet hours: whatever clocks do, a message leaves at the first instant at which the wall shows an allowed time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey_service.calendars import WindowsInvalid, is_zone, parse_windows, zone

Allow = Mapping[str, Sequence[str]]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = sorted(name for name in available_timezones() if is_zone(name))


def at(text: str) -> datetime:
    """An instant, written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shows_allowed(instant: datetime, place: ZoneInfo, allow: Allow) -> bool:
    """The rule, said a second time: the wall clock shows a time inside a span of that day."""
    local = instant.astimezone(place)
    day, shown = local.weekday(), f"{local:%H:%M}"
    for key, spans in allow.items():
        first, last = DAYS.index(key[:3]), DAYS.index(key[-3:])
        if first <= day <= last and any(span[:5] <= shown < span[6:] for span in spans):
            return True
    return False


@pytest.mark.parametrize(
    ("allow", "instant", "expected"),  # 1 June 2026 is a Monday
    [
        ({"mon-sun": ["08:00-21:00"]}, "2026-06-01T08:00", "2026-06-01T08:00"),
        ({"mon-sun": ["08:00-21:00"]}, "2026-06-01T20:59:59.999", "2026-06-01T20:59:59.999"),
        ({"mon-sun": ["08:00-21:00"]}, "2026-06-01T21:00", "2026-06-02T08:00"),
        ({"mon-sun": ["08:00-21:00"]}, "2026-06-01T07:59:59.999", "2026-06-01T08:00"),
        ({"mon-fri": ["08:00-12:00", "13:00-20:00"]}, "2026-06-01T12:00", "2026-06-01T13:00"),
        ({"mon-fri": ["13:00-20:00", "08:00-12:00"]}, "2026-06-01T03:30:30", "2026-06-01T08:00"),
        ({"mon-fri": ["08:00-12:00"], "sat": ["10:00-14:00"]}, "2026-06-05T12:00", "2026-06-06T10:00"),
        ({"mon-fri": ["08:00-12:00"], "sat": ["10:00-14:00"]}, "2026-06-06T14:00", "2026-06-08T08:00"),
        ({"mon-fri": ["08:00-12:00"], "sat": []}, "2026-06-06T10:00", "2026-06-08T08:00"),
        ({"mon": ["08:00-09:00"]}, "2026-06-01T09:00", "2026-06-08T08:00"),
        ({"mon": ["00:00-00:01"]}, "2026-06-01T00:01", "2026-06-08T00:00"),
        ({"mon-sun": ["20:00-24:00"]}, "2026-06-01T23:59:59", "2026-06-01T23:59:59"),
        ({"mon-sun": ["20:00-24:00"]}, "2026-06-02T00:00", "2026-06-02T20:00"),
        ({"fri": ["22:00-24:00"], "sat": ["00:00-06:00"]}, "2026-06-05T23:59:59", "2026-06-05T23:59:59"),
        ({"fri": ["22:00-24:00"], "sat": ["00:00-06:00"]}, "2026-06-06T00:00", "2026-06-06T00:00"),
        ({"sun": ["22:00-24:00"], "mon": ["00:00-02:00"]}, "2026-06-08T02:00", "2026-06-14T22:00"),
        ({"mon": ["09:00-10:00", "10:00-11:00"]}, "2026-06-01T10:00", "2026-06-01T10:00"),
        ({"mon-sun": ["00:00-24:00"]}, "2026-06-01T03:04:05.678", "2026-06-01T03:04:05.678"),
    ],
)
def test_the_next_allowed_time_is_the_instant_itself_or_the_start_of_a_window(
    allow: Allow, instant: str, expected: str
) -> None:
    windows = parse_windows(allow)
    assert windows.next_allowed(at(instant), zone("UTC")) == at(expected)
    assert windows.allows(at(instant), zone("UTC")) == (instant == expected)


def test_any_aware_instant_is_taken_and_the_answer_is_utc() -> None:
    windows = parse_windows({"mon-sun": ["08:00-21:00"]})
    evening = datetime(2026, 3, 28, 22, tzinfo=zone("Europe/Berlin"))
    answer = windows.next_allowed(evening, zone("Europe/Berlin"))
    assert (answer, answer.tzinfo) == (at("2026-03-29T06:00"), UTC)


@pytest.mark.parametrize(
    ("allow", "key", "message"),
    [
        ({}, "", "no time of the week"),
        ({"mon-fri": []}, "", "no time of the week"),
        ({"monday": ["08:00-21:00"]}, "monday", "neither a day"),
        ({"Mon": ["08:00-21:00"]}, "Mon", "neither a day"),
        ({"": ["08:00-21:00"]}, "", "neither a day"),
        ({"mon-": ["08:00-21:00"]}, "mon-", "neither a day"),
        ({"-mon": ["08:00-21:00"]}, "-mon", "neither a day"),
        ({"mon-fri-sun": ["08:00-21:00"]}, "mon-fri-sun", "neither a day"),
        ({"mon,tue": ["08:00-21:00"]}, "mon,tue", "neither a day"),
        ({"sat-mon": ["08:00-21:00"]}, "sat-mon", "runs backwards"),
        ({"mon": ["08:00-21:00"], "tue": ["21:00-08:00"]}, "tue", "a night needs two spans"),
        ({"mon": ["08:00-08:00"]}, "mon", "does not end after it starts"),
        ({"mon": ["00:00-00:00"]}, "mon", "does not end after it starts"),
        ({"mon": ["08:00-24:01"]}, "mon", "not a span"),
        ({"mon": ["24:00-24:00"]}, "mon", "not a span"),
        ({"mon": ["8:00-21:00"]}, "mon", "not a span"),
        ({"mon": ["08:60-21:00"]}, "mon", "not a span"),
        ({"mon": ["08:00 - 21:00"]}, "mon", "not a span"),
        ({"mon": ["08:00-21:00\n"]}, "mon", "not a span"),
        ({"mon": ["0٨:00-21:00"]}, "mon", "not a span"),
        ({"mon": ["08:00"]}, "mon", "not a span"),
        ({"mon": [""]}, "mon", "not a span"),
        ({"mon": ["08:00-12:00", "11:59-13:00"]}, "mon", "the windows of mon overlap"),
        ({"mon": ["08:00-12:00", "08:00-12:00"]}, "mon", "overlap"),
        ({"mon-fri": ["08:00-20:00"], "wed": ["09:00-10:00"]}, "wed", "the windows of wed overlap"),
        ({"mon-sun": [], "sat-sun": ["08:00-20:00"], "sun": ["08:00-10:00"]}, "sun", "the windows of sun overlap"),
    ],
)
def test_impossible_windows_are_refused_under_their_key(allow: Allow, key: str, message: str) -> None:
    with pytest.raises(WindowsInvalid, match=message) as refused:
        parse_windows(allow)
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("place", "allow", "instant", "expected"),
    [
        # The night is an hour shorter or longer, the morning is where it is.
        ("Europe/Berlin", {"mon-sun": ["08:00-21:00"]}, "2026-03-28T21:00", "2026-03-29T06:00"),
        ("Europe/Berlin", {"mon-sun": ["08:00-21:00"]}, "2026-10-24T20:00", "2026-10-25T07:00"),
        # 02:00 to 03:00 does not exist: it swallows the start of a window, or the whole window.
        ("Europe/Berlin", {"mon-sun": ["02:30-05:00"]}, "2026-03-29T00:00", "2026-03-29T01:00"),
        ("Europe/Berlin", {"mon-sun": ["02:15-02:45"]}, "2026-03-29T00:00", "2026-03-30T00:15"),
        ("Europe/Berlin", {"mon-sun": ["02:15-02:45", "03:10-03:20"]}, "2026-03-29T00:00", "2026-03-29T01:10"),
        ("Europe/Berlin", {"sun": ["02:00-03:00"]}, "2026-03-29T00:00", "2026-04-05T00:00"),
        # 02:00 to 03:00 comes twice: the window opens twice, or stays open, or opens again in the middle.
        ("Europe/Berlin", {"mon-sun": ["02:30-02:45"]}, "2026-10-25T00:29:59", "2026-10-25T00:30"),
        ("Europe/Berlin", {"mon-sun": ["02:30-02:45"]}, "2026-10-25T00:45", "2026-10-25T01:30"),
        ("Europe/Berlin", {"mon-sun": ["02:30-02:45"]}, "2026-10-25T01:45", "2026-10-26T01:30"),
        ("Europe/Berlin", {"mon-sun": ["02:00-03:00"]}, "2026-10-25T01:59:59", "2026-10-25T01:59:59"),
        ("Europe/Berlin", {"mon-sun": ["01:30-02:10"]}, "2026-10-25T00:20:00.5", "2026-10-25T01:00"),
        # Half an hour on Lord Howe, at 02:00.
        ("Australia/Lord_Howe", {"mon-sun": ["02:10-02:20"]}, "2026-10-03T15:00", "2026-10-04T15:10"),
        ("Australia/Lord_Howe", {"mon-sun": ["02:10-03:00"]}, "2026-10-03T15:00", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", {"mon-sun": ["01:30-01:45"]}, "2026-04-04T14:50", "2026-04-04T15:00"),
        # Offsets of a half and of three quarters of an hour.
        ("Asia/Kolkata", {"mon-sun": ["08:00-21:00"]}, "2026-06-01T20:00", "2026-06-02T02:30"),
        ("Asia/Kathmandu", {"mon-sun": ["08:00-21:00"]}, "2026-06-01T20:00", "2026-06-02T02:15"),
        ("Pacific/Chatham", {"mon-sun": ["03:00-03:30"]}, "2026-04-04T13:50", "2026-04-04T14:15"),
        # Two hours at Troll.
        ("Antarctica/Troll", {"mon-sun": ["01:30-02:30"]}, "2026-03-29T00:00", "2026-03-29T23:30"),
        # Midnight itself is skipped in Cairo, comes twice in Havana, and is taken back before it is shown in Nuuk.
        ("Africa/Cairo", {"fri": ["00:00-00:30"]}, "2026-04-23T21:00", "2026-04-30T21:00"),
        ("Africa/Cairo", {"fri": ["00:30-02:00"]}, "2026-04-23T21:00", "2026-04-23T22:00"),
        ("America/Havana", {"sun": ["00:00-00:30"]}, "2026-11-01T04:45", "2026-11-01T05:00"),
        ("America/Nuuk", {"sat": ["23:00-23:15"]}, "2026-10-25T00:30", "2026-10-25T01:00"),
        ("America/Nuuk", {"sun": ["00:00-01:00"]}, "2026-10-25T00:30", "2026-10-25T02:00"),
        # Samoa had no 30 December 2011, Kwajalein no 21 August 1993.
        ("Pacific/Apia", {"fri": ["08:00-21:00"]}, "2011-12-29T12:00", "2012-01-05T18:00"),
        ("Pacific/Apia", {"mon-sun": ["08:00-21:00"]}, "2011-12-30T08:00", "2011-12-30T18:00"),
        ("Pacific/Apia", {"sat": ["00:00-08:00"]}, "2011-12-30T08:00", "2011-12-30T10:00"),
        ("Pacific/Kwajalein", {"sat": ["08:00-21:00"]}, "1993-08-21T09:00", "1993-08-27T20:00"),
    ],
)
def test_the_wall_clock_alone_counts_when_clocks_change(place: str, allow: Allow, instant: str, expected: str) -> None:
    windows = parse_windows(allow)
    found = windows.next_allowed(at(instant), zone(place))
    assert found == at(expected)
    assert found == first_shown(at(instant), zone(place), allow)


def first_shown(instant: datetime, place: ZoneInfo, allow: Allow) -> datetime:
    """By patience: `instant`, or the first whole minute after it, at which an allowed time is shown."""
    if shows_allowed(instant, place, allow):
        return instant
    minute = instant.replace(second=0, microsecond=0) + MINUTE
    while not shows_allowed(minute, place, allow):
        minute += MINUTE
    return minute


@st.composite
def some_windows(draw: st.DrawFn) -> dict[str, list[str]]:
    """One to three spans on one to seven days, all under keys of their own."""
    allow = {}
    for day in draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)):
        edges = sorted(draw(st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True)))
        pairs = zip(edges[::2], edges[1::2], strict=False)
        allow[day] = [f"{_clock(start)}-{_clock(end)}" for start, end in pairs]
    return allow


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@settings(deadline=None)
@given(
    allow=some_windows(),
    place=st.sampled_from(ZONES).map(zone),
    instant=st.timedeltas(timedelta(), 40 * 365 * DAY).map(lambda since: at("1995-01-01") + since),
)
def test_the_next_allowed_time_is_allowed_and_none_before_it_is(
    allow: Allow, place: ZoneInfo, instant: datetime
) -> None:
    windows = parse_windows(allow)
    found = windows.next_allowed(instant, place)
    assert found >= instant
    assert shows_allowed(found, place, allow)
    assert windows.allows(found, place)
    minute = instant
    while minute < min(found, instant + 3 * DAY):
        assert not shows_allowed(minute, place, allow)
        assert not windows.allows(minute, place)
        minute += MINUTE
    if found > instant:
        assert not shows_allowed(found - timedelta(microseconds=1), place, allow)


WINDOWS: list[Allow] = [
    {"mon-sun": ["08:00-21:00"]},
    {"mon-sun": ["00:00-00:20", "01:15-01:45", "02:10-02:20", "02:30-03:05", "23:40-24:00"]},
    {"fri": ["22:00-24:00"], "sat": ["00:00-01:00"], "sun": ["00:30-01:10", "01:50-03:30"], "mon": ["01:20-01:25"]},
]


def clock_changes(place: ZoneInfo) -> Iterator[tuple[datetime, timedelta | None]]:
    """Each change of the offset in 2026 and 2027, to half an hour, with the offset after it; first the first day."""
    instant = at("2026-01-01")
    offset = instant.astimezone(place).utcoffset()
    yield instant, offset
    while instant < at("2028-01-01"):
        step = DAY if (instant + DAY).astimezone(place).utcoffset() == offset else HOUR / 2
        instant += step
        if (now := instant.astimezone(place).utcoffset()) != offset:
            offset = now
            yield instant, offset


@pytest.mark.long
def test_no_clock_change_of_two_years_opens_a_closed_time_or_misses_an_open_one() -> None:
    alike: defaultdict[tuple[tuple[datetime, timedelta | None], ...], list[str]] = defaultdict(list)
    for name in ZONES:
        alike[tuple(clock_changes(zone(name)))].append(name)
    for changes, (name, *_) in alike.items():
        for change, _ in changes:
            for allow in WINDOWS:
                check_each_minute(change - 12 * HOUR, change + DAY, zone(name), allow)


def check_each_minute(start: datetime, end: datetime, place: ZoneInfo, allow: Allow) -> None:
    """From the back, so that the next allowed minute is known when it is asked for."""
    windows = parse_windows(allow)
    expected = first_shown(end, place, allow)
    instant = end
    while instant > start:
        instant -= MINUTE
        if shows_allowed(instant, place, allow):
            expected = instant
        assert windows.next_allowed(instant, place) == expected, (place.key, instant, allow)
