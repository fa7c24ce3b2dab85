"""One entry for a calendar comes in; the bytes of an iCalendar file (RFC 5545) that publishes it go out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from survey_service.texts.printable import one_line, printable

CALENDAR_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"

_LINE_OCTETS = 75  # RFC 5545 section 3.1, without the line break
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})  # section 3.3.11


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A meeting from `begin` to `end`; `uid` names it for ever, `stamp` is when it was written. Times are aware."""

    uid: str
    stamp: datetime
    begin: datetime
    end: datetime
    summary: str
    description: str
    organizer: str  # a name
    organizer_address: str


def write_calendar(entry: CalendarEntry) -> bytes:
    """The file: the same entry makes the same bytes; a text is only ever a value in it.

    ORGANIZER and DTSTAMP have to be there where METHOD is PUBLISH (RFC 5546 section 3.2.1).
    """
    name = one_line(entry.organizer).replace('"', "'")  # section 3.1: a quoted parameter holds no quotation mark
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Survey service//Calls//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_text(entry.uid)}",
        f"DTSTAMP:{_utc(entry.stamp)}",
        f"DTSTART:{_utc(entry.begin)}",
        f"DTEND:{_utc(entry.end)}",
        f"SUMMARY:{_text(entry.summary)}",
        f"DESCRIPTION:{_text(entry.description)}",
        f'ORGANIZER;CN="{name}":mailto:{quote(entry.organizer_address, safe="@")}',
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return b"".join(folded + b"\r\n" for line in lines for folded in _fold(line))


def _text(value: str) -> str:
    # Line by line, since other signs than LF end a line for some readers.
    return "\n".join(one_line(line) for line in printable(value).split("\n")).translate(_ESCAPED)


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _fold(line: str) -> Iterator[bytes]:
    """Lines of at most 75 octets of whole characters; each but the first begins with a space, which counts."""
    chunk = b""
    for character in line:
        octets = character.encode()
        if len(chunk) + len(octets) > _LINE_OCTETS:
            yield chunk
            chunk = b" "
        chunk += octets
    yield chunk
