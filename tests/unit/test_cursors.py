"""Cursors of lists: what goes in comes back to the millisecond; garbage is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.errors import InvalidInput
from survey_service.store.paging import Cursor

INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 -- bounds
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


@given(INSTANTS, st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_comes_back_as_it_was(at: datetime, name: str) -> None:
    assert Cursor.decode(Cursor(at, name).encode()) == Cursor(at, name)


def test_every_millisecond_of_a_second_comes_back() -> None:
    # A cursor one millisecond off skips the rows that share its last row's instant.
    start = datetime(2097, 6, 30, 23, 59, 59, tzinfo=UTC)
    for number in range(1000):
        at = start + timedelta(milliseconds=number)
        assert Cursor.decode(Cursor(at, "rsp_1").encode()).at == at


@given(INSTANTS, st.text(alphabet="abc_", max_size=30))
def test_a_cursor_can_stand_in_a_url(at: datetime, name: str) -> None:
    assert set(Cursor(at, name).encode()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "AAAA",
        "ä",
        "\ud800",
        "====",
        "AAAA AAAA AAAA",
        encoded(b"\x7f" + b"\xff" * 7 + b"id"),  # an instant after the end of time
        encoded(b"\x80" + b"\0" * 7 + b"id"),  # and one before its beginning
        encoded(b"\0" * 8 + b"\xff\xfe"),  # an id that is no text
    ],
)
def test_garbage_is_refused_at_the_cursor(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Cursor.decode(text)
    assert refused.value.problems[0].pointer == "/cursor"


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        cursor = Cursor.decode(text)
    except InvalidInput:
        return
    assert cursor.at.tzinfo is UTC
