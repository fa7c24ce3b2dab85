"""The calendar file: what RFC 5545 wants of it holds, whatever the texts in it try."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.texts.calendar_file import CALENDAR_TYPE, CalendarEntry, write_calendar

ENTRY = CalendarEntry(
    uid="dlv_0123456789abcdefghijKL",
    stamp=datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC),
    begin=datetime(2026, 11, 24, 14, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    end=datetime(2026, 11, 24, 14, 45, tzinfo=ZoneInfo("Europe/Berlin")),
    summary="Call from Acme",
    description="We call +4915123456789.\nAbout: the invoice",
    organizer="Acme",
    organizer_address="hello@acme.example",
)
HOSTILE = [
    "a\r\nATTENDEE:mailto:victim@example.com",
    "a\nEND:VEVENT\nBEGIN:VEVENT",
    "a\rb\x00c\x0bd\x0ce\x1bf\x85g\u2028h\u2029i",
    "; , \\ \\n : \" ' ^n ^' = %0D%0A",
    '";X-EVIL=1:mailto:victim@example.com',
    "<script>alert(1)</script> {{7*7}}",
    "😀ä" * 300,
    "\u202egnp.exe \ud800 \ufffe",
    "x" * 10_000,
    "",
]
# RFC 5545 section 3.1: a name, parameters that are quoted or plain, a value.
PARAMETER = r';[A-Z-]+=(?:"[^"\x00-\x08\x0a-\x1f]*"|[^";:,]*)'
CONTENT_LINE = re.compile(rf"(?P<name>[A-Z-]+)(?P<parameters>(?:{PARAMETER})*):(?P<value>.*)")
TEXT_ESCAPE = re.compile(r"\\([\\;,nN])")


def unfolded(content: bytes) -> list[str]:
    """The content lines, checked as bytes."""
    assert content.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    physical = content[:-2].split(b"\r\n")
    for line in physical:
        assert 1 <= len(line) <= 75
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
        line.decode()  # no character is torn apart
    return content[:-2].decode().replace("\r\n ", "").split("\r\n")


def parsed(content: bytes) -> dict[str, tuple[str, str]]:
    """The properties of the one event: parameters and value by name."""
    lines = unfolded(content)
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VEVENT", "END:VCALENDAR"]
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == [
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        match = CONTENT_LINE.fullmatch(line)
        assert match, line
        if match["name"] not in {"BEGIN", "END"}:
            assert match["name"] not in found
            found[match["name"]] = (match["parameters"], match["value"])
    return found


def text(value: str) -> str:
    """A TEXT value as a reader takes it (section 3.3.11); nothing in it stands unescaped that has to be."""
    assert not re.search(r"[;,\\]", TEXT_ESCAPE.sub("", value))
    return TEXT_ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def test_the_file_publishes_one_event() -> None:
    assert unfolded(write_calendar(ENTRY)) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Survey service//Calls//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:dlv_0123456789abcdefghijKL",
        "DTSTAMP:20261122T120000Z",
        "DTSTART:20261124T133000Z",
        "DTEND:20261124T134500Z",
        "SUMMARY:Call from Acme",
        "DESCRIPTION:We call +4915123456789.\\nAbout: the invoice",
        'ORGANIZER;CN="Acme":mailto:hello@acme.example',
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    assert "method=PUBLISH" in CALENDAR_TYPE


def test_the_same_entry_makes_the_same_bytes_in_any_zone() -> None:
    elsewhere = dataclasses.replace(
        ENTRY,
        stamp=ENTRY.stamp.astimezone(ZoneInfo("Australia/Lord_Howe")),
        begin=ENTRY.begin.astimezone(timezone(timedelta(hours=5, minutes=45))),
    )
    assert write_calendar(elsewhere) == write_calendar(ENTRY)


def test_what_has_a_meaning_in_a_text_is_escaped() -> None:
    told = dataclasses.replace(ENTRY, summary="a;b,c\\d:e", description="one\r\n\r\ntwo\\n")
    found = parsed(write_calendar(told))
    assert found["SUMMARY"] == ("", "a\\;b\\,c\\\\d:e")
    assert text(found["SUMMARY"][1]) == "a;b,c\\d:e"
    assert found["DESCRIPTION"] == ("", "one\\n\\ntwo\\\\n")


@pytest.mark.parametrize("length", range(60, 70))
@pytest.mark.parametrize("sign", ["x", "ä", "中", "😀"])
def test_long_lines_are_folded_between_characters(length: int, sign: str) -> None:
    summary = "x" * length + sign * 100
    content = write_calendar(dataclasses.replace(ENTRY, summary=summary))
    assert text(parsed(content)["SUMMARY"][1]) == summary
    assert max(len(line) for line in content.split(b"\r\n")) > 75 - len(sign.encode())


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: ascii(value[:20]))
def test_a_hostile_text_stays_a_value(hostile: str) -> None:
    told = dataclasses.replace(ENTRY, summary=hostile, description=hostile, organizer=hostile)
    found = parsed(write_calendar(told))
    assert found.keys() == parsed(write_calendar(ENTRY)).keys()
    assert found["ORGANIZER"][1] == "mailto:hello@acme.example"
    assert re.fullmatch(r';CN="[^"]*"', found["ORGANIZER"][0])
    assert "\n" not in text(found["SUMMARY"][1]).replace("\n", "", hostile.count("\n") + hostile.count("\r"))


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("jane+survey=1@example.com", "mailto:jane%2Bsurvey%3D1@example.com"),
        ('"jane doe"@example.com', "mailto:%22jane%20doe%22@example.com"),
        ("josé@xn--bcher-kva.example", "mailto:jos%C3%A9@xn--bcher-kva.example"),
    ],
)
def test_the_organizer_is_a_uri(address: str, uri: str) -> None:
    """RFC 6068 section 2."""
    assert parsed(write_calendar(dataclasses.replace(ENTRY, organizer_address=address)))["ORGANIZER"][1] == uri


@given(st.text(), st.text(), st.text())
def test_any_texts_make_a_file_that_can_be_read(summary: str, description: str, organizer: str) -> None:
    told = dataclasses.replace(ENTRY, summary=summary, description=description, organizer=organizer)
    found = parsed(write_calendar(told))
    assert found.keys() == parsed(write_calendar(ENTRY)).keys()
    assert (found["DTSTART"], found["DTEND"]) == (("", "20261124T133000Z"), ("", "20261124T134500Z"))
