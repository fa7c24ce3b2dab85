"""Numbers and dates come in; how people of a language write them goes out: signs, decimals, percent, days. Pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from functools import lru_cache

from babel import Locale
from babel.dates import format_interval, format_skeleton, format_time
from babel.numbers import format_decimal

from survey_service.texts.locales import text_direction
from survey_service.texts.words import words_in

_MINUS = "\N{MINUS SIGN}"
_PATTERNS = {0: "#,##0", 1: "#,##0.0", 2: "#,##0.00"}


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """The locale of one of the interface's languages."""
    return Locale.parse(words_in(language).lang)


def decimal(value: float, language: str, places: int = 0) -> str:
    """`1,204` or `−4.2`; what rounds to zero has no sign."""
    rounded = round(value, places) + 0.0
    text = str(format_decimal(abs(rounded), format=_PATTERNS[places], locale=locale_of(language)))
    return f"{_before_sign(language)}{_MINUS}{text}" if rounded < 0 else text


def signed(value: float, language: str, places: int = 1) -> str:
    """The same with a plus where there is more: `+4.2`."""
    text = decimal(value, language, places)
    return f"{_before_sign(language)}+{text}" if round(value, places) > 0 else text


def percentage(value: float, language: str, places: int = 0) -> str:
    """`62 %`, of a value between 0 and 100; the space does not break."""
    return f"{decimal(value, language, places)}\N{NO-BREAK SPACE}%"


def score_text(metric: str, value: float, language: str, places: int = 1) -> str:
    """A score with its unit: NPS and CES have none."""
    return percentage(value, language, places) if metric == "csat" else decimal(value, language, places)


def moment_text(at: datetime, zone: tzinfo, language: str, now: datetime | None = None) -> str:
    """A day and a time of day: `22 Nov, 05:33`; with its year where that is another one than `now`."""
    local, locale = at.astimezone(zone), _dates(language)
    is_far = now is not None and local.year != now.astimezone(zone).year
    day = format_skeleton("yMMMd" if is_far else "MMMd", local, locale=locale)
    return f"{day}, {format_time(local, 'short', tzinfo=zone, locale=locale)}"


def day_text(day: date, language: str) -> str:
    """A date where there is little room: `12 Oct 2026`."""
    return str(format_skeleton("yMMMd", day, locale=_dates(language)))


def label_text(label: datetime, skeleton: str, language: str) -> str:
    """A date by its Unicode skeleton (UTS #35): `MMMd` is `12 Oct`."""
    return str(format_skeleton(skeleton, label, locale=_dates(language)))


def days_text(first: date, last: date, language: str, skeleton: str = "yMMMd") -> str:
    """Two days and all between them, as the language writes that: `16–22 Nov 2026`; by its skeleton (UTS #35)."""
    return str(format_interval(first, last, skeleton, locale=_dates(language)))


def _before_sign(language: str) -> str:
    """What keeps a sign in front of its number within writing that runs from right to left (UAX #9)."""
    return "\N{LEFT-TO-RIGHT MARK}" if text_direction(language) == "rtl" else ""


@lru_cache(maxsize=64)
def _dates(language: str) -> Locale:
    """English dates begin with the day, so that they cannot be read for another one."""
    spoken = words_in(language).lang
    return Locale.parse("en_GB" if spoken == "en" else spoken)
