from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.calendars import (
    LONGEST_PERIOD,
    PeriodInvalid,
    ZoneInvalid,
    format_period,
    is_zone,
    parse_period,
    zone,
)


@pytest.mark.parametrize(
    ("text", "period", "shortest"),
    [
        ("PT2H", timedelta(hours=2), "PT2H"),
        ("P2D", timedelta(days=2), "P2D"),
        ("P1W", timedelta(weeks=1), "P7D"),
        ("P1DT12H", timedelta(days=1, hours=12), "P1DT12H"),
        ("PT90S", timedelta(seconds=90), "PT1M30S"),
        ("PT0S", timedelta(), "PT0S"),
        ("P0D", timedelta(), "PT0S"),
        ("P3DT4H5M6S", timedelta(days=3, hours=4, minutes=5, seconds=6), "P3DT4H5M6S"),
        ("PT36H", timedelta(hours=36), "P1DT12H"),
        ("P3650D", LONGEST_PERIOD, "P3650D"),
    ],
)
def test_a_period_is_read_and_written_at_its_shortest(text: str, period: timedelta, shortest: str) -> None:
    assert parse_period(text) == period
    assert format_period(period) == shortest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an ISO 8601 period"),
        ("P", "not an ISO 8601 period"),
        ("PT", "not an ISO 8601 period"),
        ("P1DT", "not an ISO 8601 period"),
        ("2H", "not an ISO 8601 period"),
        ("P2H", "not an ISO 8601 period"),
        ("PT2D", "not an ISO 8601 period"),
        ("PT5S4M", "not an ISO 8601 period"),
        ("P1W2D", "not an ISO 8601 period"),
        ("-PT2H", "not an ISO 8601 period"),
        ("PT-2H", "not an ISO 8601 period"),
        ("PT1.5H", "not an ISO 8601 period"),
        ("pt2h", "not an ISO 8601 period"),
        ("PT2H\n", "not an ISO 8601 period"),
        ("PT٢H", "not an ISO 8601 period"),
        ("PT" + "9" * 5000 + "H", "not an ISO 8601 period"),
        ("P1Y", "vary in length"),
        ("P2M", "vary in length"),
        ("P1Y2D", "vary in length"),
        ("P3651D", "longer than 3650 days"),
        ("PT999999999H", "longer than 3650 days"),
        ("P999999999W", "longer than 3650 days"),
    ],
)
def test_what_is_no_period_is_refused_and_says_why(text: str, message: str) -> None:
    with pytest.raises(PeriodInvalid, match=message):
        parse_period(text)


@given(st.integers(0, int(LONGEST_PERIOD.total_seconds())))
def test_a_written_period_reads_as_the_same_length(seconds: int) -> None:
    period = timedelta(seconds=seconds)
    assert parse_period(format_period(period)) == period


@pytest.mark.parametrize("period", [timedelta(seconds=-1), timedelta(milliseconds=1)])
def test_a_length_that_has_no_text_is_refused(period: timedelta) -> None:
    with pytest.raises(PeriodInvalid):
        format_period(period)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Asia/Kolkata"])
def test_an_iana_name_is_a_zone(name: str) -> None:
    assert is_zone(name)
    assert zone(name).key == name
    assert zone(name) is zone(name)


def test_a_zone_knows_summer_time() -> None:
    winter, summer = (datetime(2026, month, 1, 12, tzinfo=UTC).astimezone(zone("Europe/Berlin")) for month in (1, 7))
    assert (winter.hour, summer.hour) == (13, 14)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Europe",
        "europe/berlin",
        "Berlin",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "Factory",
        "CEST",
        "\0",
    ],
)
def test_anything_else_is_no_zone(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(ZoneInvalid):
        zone(name)
