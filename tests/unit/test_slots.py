"""Slots: which times of a week can be offered for a call, in zones whose clocks change, and that an offer holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.calendars.slots import free_times, is_free, offered_times

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
APIA = ZoneInfo("Pacific/Apia")
ALWAYS = {"mon-sun": ("00:00-24:00",)}
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def local_midnight(day: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=zone)


def shown(windows: dict[str, tuple[str, ...]], minutes: int, zone: ZoneInfo, day: str, days: int = 1) -> list[str]:
    """The free times from a local midnight on, as the clock of the zone shows them."""
    times = free_times(windows, minutes, zone, local_midnight(day, zone), days)
    return [f"{begin.astimezone(zone):%d %H:%M}" for begin in times]


def test_windows_are_cut_into_pieces_and_what_is_left_over_is_not_offered() -> None:
    windows = {"mon": ("09:00-10:00", "13:00-13:50")}
    assert shown(windows, 20, BERLIN, "2026-11-23", 7) == ["23 09:00", "23 09:20", "23 09:40", "23 13:00", "23 13:20"]


def test_a_talk_that_is_longer_than_the_window_is_never_offered() -> None:
    assert shown({"mon": ("09:00-10:00",)}, 61, BERLIN, "2026-11-23", 7) == []


def test_times_are_utc_and_begin_at_the_earliest() -> None:
    earliest = datetime(2026, 11, 23, 8, 15, 1, tzinfo=UTC)
    times = list(free_times({"mon": ("09:00-10:00",)}, 15, BERLIN, earliest, 1))
    assert times == [datetime(2026, 11, 23, 8, minute, tzinfo=UTC) for minute in (30, 45)]
    assert {begin.tzinfo for begin in times} == {UTC}


def test_the_horizon_is_counted_to_the_minute() -> None:
    earliest = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    times = free_times({"mon-sun": ("09:00-10:00",)}, 30, BERLIN, earliest, 1)
    assert [f"{begin:%d %H:%M}" for begin in times] == ["23 08:30", "24 08:00", "24 08:30"]


def test_a_window_may_end_at_midnight() -> None:
    assert shown({"mon": ("23:00-24:00",)}, 30, BERLIN, "2026-11-23") == ["23 23:00", "23 23:30"]
    assert shown({"sun": ("23:30-24:00",), "mon": ("00:00-00:30",)}, 30, BERLIN, "2026-11-22") == [
        "22 23:30",
        "23 00:00",
    ]


@pytest.mark.parametrize(
    ("zone", "day", "windows", "minutes", "expected"),
    [
        # Clocks go from 02:00 to 03:00.
        (BERLIN, "2026-03-29", "01:00-04:00", 30, ["01:00", "01:30", "03:00", "03:30"]),
        (BERLIN, "2026-03-29", "02:00-03:00", 30, []),
        (BERLIN, "2026-03-29", "01:00-03:00", 120, []),  # there is one hour in this window
        (BERLIN, "2026-03-29", "01:00-04:00", 90, ["01:00"]),  # at 02:30 there is none
        # Clocks go from 03:00 to 02:00.
        (BERLIN, "2026-10-25", "01:00-04:00", 30, ["01:00", "01:30", "02:00", "02:30", "03:00", "03:30"]),
        # Clocks go from 02:00 to 02:30.
        (LORD_HOWE, "2026-10-04", "01:30-03:00", 15, ["01:30", "01:45", "02:30", "02:45"]),
        (LORD_HOWE, "2026-10-04", "02:00-02:30", 15, []),
        # Clocks go from 02:00 to 01:30.
        (LORD_HOWE, "2026-04-05", "01:15-02:15", 15, ["01:15", "01:30", "01:45", "02:00"]),
        # No change, and no whole hours.
        (KATHMANDU, "2026-11-23", "09:00-10:00", 30, ["09:00", "09:30"]),
    ],
)
def test_a_time_that_the_clock_skips_is_not_offered_and_one_that_comes_twice_once(
    zone: ZoneInfo, day: str, windows: str, minutes: int, expected: list[str]
) -> None:
    assert [time[3:] for time in shown({"mon-sun": (windows,)}, minutes, zone, day) if time[:2] == day[-2:]] == expected


def test_a_time_that_comes_twice_is_the_first_one() -> None:
    first, *_ = free_times({"sun": ("02:30-03:30",)}, 30, BERLIN, local_midnight("2026-10-25", BERLIN), 1)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert not is_free({"sun": ("02:30-03:30",)}, 30, BERLIN, first + timedelta(hours=1), first - DAY, 5)


def test_a_zone_of_five_hours_and_three_quarters_is_counted_right() -> None:
    first, *_ = free_times({"mon": ("09:00-10:00",)}, 30, KATHMANDU, local_midnight("2026-11-23", KATHMANDU), 1)
    assert first == datetime(2026, 11, 23, 3, 15, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_has_no_times() -> None:
    """Samoa had no 30 December 2011."""
    times = shown({"mon-sun": ("09:00-09:30",)}, 30, APIA, "2011-12-29", 2)
    assert times == ["29 09:00", "31 09:00"]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (40, ["09:00", "09:30", "10:00", "10:30"] * 3),
        (6, ["09:00", "10:00"] * 3),
        (5, ["09:00", "10:00", "09:00", "10:00", "09:00"]),
        (2, ["09:00", "09:00"]),
    ],
)
def test_the_offer_is_spread_over_the_days_and_over_each_day(most: int, expected: list[str]) -> None:
    windows = {"mon-wed": ("09:00-11:00",)}
    times = offered_times(windows, 30, BERLIN, local_midnight("2026-11-23", BERLIN), 5, most)
    assert [f"{begin.astimezone(BERLIN):%H:%M}" for begin in times] == expected


def test_a_day_with_few_times_leaves_its_share_to_the_others() -> None:
    windows = {"mon": ("09:00-09:30",), "tue": ("09:00-12:00",)}
    times = offered_times(windows, 30, BERLIN, local_midnight("2026-11-23", BERLIN), 2, 4)
    assert [f"{begin.astimezone(BERLIN):%a %H:%M}" for begin in times] == [
        "Mon 09:00",
        "Tue 09:00",
        "Tue 10:00",
        "Tue 11:00",
    ]


def test_what_was_offered_a_while_ago_counts_until_it_begins() -> None:
    windows = {"mon-fri": ("09:00-17:00",)}
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    begin = datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert begin in free_times(windows, 15, BERLIN, now + timedelta(hours=4), 5)
    assert is_free(windows, 15, BERLIN, begin, now + timedelta(hours=3), 5)  # later than the notice would allow
    assert is_free(windows, 15, BERLIN, begin, begin - timedelta(seconds=1), 5)
    assert not is_free(windows, 15, BERLIN, begin, begin, 5)


@pytest.mark.parametrize(
    "begin",
    [
        datetime(2026, 11, 23, 13, 0, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 13, 5, tzinfo=UTC),
        datetime(2026, 11, 23, 16, tzinfo=UTC),  # 17:00 in Berlin
        datetime(2026, 11, 28, 13, tzinfo=UTC),  # a Saturday
        datetime(2027, 11, 22, 13, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo")),
    ],
)
def test_a_time_that_nobody_offered_is_not_free(begin: datetime) -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert not is_free({"mon-fri": ("09:00-17:00",)}, 15, BERLIN, begin, now, 5)


def test_the_zone_in_which_a_choice_is_written_does_not_matter() -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    begin = datetime(2026, 11, 23, 14, tzinfo=BERLIN)
    assert is_free({"mon-fri": ("09:00-17:00",)}, 15, BERLIN, begin.astimezone(KATHMANDU), now, 5)


ZONES = st.sampled_from([BERLIN, LORD_HOWE, KATHMANDU, ZoneInfo("America/New_York"), ZoneInfo("UTC")])
SPANS = st.sampled_from(["00:00-24:00", "01:30-03:30", "09:00-17:00", "22:15-24:00", "00:00-02:10"])


@given(
    zone=ZONES,
    span=SPANS,
    minutes=st.integers(10, 240),
    now=st.integers(0, 366 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE),
    days=st.integers(1, 9),
    most=st.integers(1, 10),
    notice=st.floats(0.01, 0.99),  # of the days
    waited=st.floats(0, 1),
)
def test_every_offered_time_is_free_and_stays_so_until_it_begins(
    zone: ZoneInfo, span: str, minutes: int, now: datetime, days: int, most: int, notice: float, waited: float
) -> None:
    windows = {"mon-sun": (span,)}
    earliest = now + notice * days * DAY
    times = offered_times(windows, minutes, zone, earliest, days, most)
    assert len(times) <= most
    assert all(one < other for one, other in pairwise(times))
    length = timedelta(minutes=minutes)
    for begin in times:
        assert earliest <= begin <= earliest + days * DAY
        assert is_free(windows, minutes, zone, begin, now + waited * (begin - now - MINUTE), days)
        opening, closing = (int(part[:2]) * 60 + int(part[3:]) for part in span.split("-"))
        local, end = begin.astimezone(zone), (begin + length - MINUTE).astimezone(zone)
        assert opening <= local.hour * 60 + local.minute
        assert end.hour * 60 + end.minute < closing
        assert end.date() == local.date()


def test_without_a_free_time_nothing_is_offered() -> None:
    assert offered_times({"mon": ("09:00-09:10",)}, 15, BERLIN, local_midnight("2026-11-23", BERLIN), 30, 8) == []


def test_a_whole_day_has_its_times_in_order() -> None:
    times = list(free_times(ALWAYS, 60, LORD_HOWE, local_midnight("2026-10-03", LORD_HOWE), 3))
    assert all(one < other for one, other in pairwise(times))
