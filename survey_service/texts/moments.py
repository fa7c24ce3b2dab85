"""An instant, a zone and a language come in; the day and the time of day as people write them there go out. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, get_timezone_gmt, get_timezone_name

from survey_service.texts.words import words_in


def day_of(instant: datetime, zone: tzinfo, language: str) -> str:
    """The day in full: `Dienstag, 24. November 2026`."""
    return format_date(instant.astimezone(zone).date(), format="full", locale=_locale(language))


def short_day_of(instant: datetime, zone: tzinfo, language: str) -> str:
    """The day where there is little room: `Di., 24. Nov.`."""
    return format_skeleton("MMMEd", instant.astimezone(zone).replace(tzinfo=None), locale=_locale(language))


def time_of(instant: datetime, zone: tzinfo, language: str) -> str:
    """The time of day: `14:30`, or `2:30 PM`."""
    return format_time(instant, format="short", tzinfo=zone, locale=_locale(language))


def time_in_zone(instant: datetime, zone: tzinfo, language: str) -> str:
    """The time of day and whose it is: `14:30 MEZ`, or `14:30 GMT+01:00` where the zone has no common short name."""
    locale, local = _locale(language), instant.astimezone(zone)
    name = get_timezone_name(local, width="short", locale=locale)
    if any(character.isdigit() for character in name):
        name = get_timezone_gmt(local, width="long", locale=locale)
    return f"{time_of(instant, zone, language)} {name}"


@lru_cache(maxsize=256)
def _locale(language: str) -> Locale:
    """The locale of a tag such as `de-AT`; where there is none, that of the interface's words."""
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(words_in(language).lang)
