"""An offered call and the language and zone of its reader come in; days and times as people write them go out. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_name

from survey_service.answering.forms import NO_CALL, Circumstances
from survey_service.calendars.periods import parse_period
from survey_service.calendars.slots import free_times, offered_times
from survey_service.models.response import CallWish
from survey_service.models.survey import CallOffer
from survey_service.pages.look import DayView, SlotView
from survey_service.texts.moments import day_of, time_in_zone, time_of
from survey_service.texts.words import words_in


def days_of(
    offer: CallOffer, chosen: str, circumstances: Circumstances, zone: ZoneInfo, language: str
) -> tuple[DayView, ...]:
    """The times that are offered now, by day, in the customer's `zone`; a `chosen` one stays while it is free."""
    times = _times(offer, chosen, circumstances)
    by_day = groupby(times, key=lambda time: day_of(time, zone, language))
    return tuple(DayView(day, tuple(_slot(time, zone, language, day) for time in on_day)) for day, on_day in by_day)


def zone_name(zone: ZoneInfo, language: str) -> str:
    """What the interface calls the zone, whatever the season."""
    return get_timezone_name(zone, locale=words_in(language).lang)


def promise(call: CallWish, zone: ZoneInfo, language: str) -> str:
    """The sentence that says when we call."""
    day, time = day_of(call.at, zone, language), time_in_zone(call.at, zone, language)
    return words_in(language)("We call you on {day} at {time}.", day=day, time=time)


def _times(offer: CallOffer, chosen: str, circumstances: Circumstances) -> list[datetime]:
    now, zone = circumstances.now, circumstances.zone
    earliest = now + parse_period(offer.notice)
    times = offered_times(offer.windows, offer.minutes, zone, earliest, offer.days, offer.most)
    if chosen in {"", NO_CALL, *map(_value, times)}:
        return times
    free = free_times(offer.windows, offer.minutes, zone, now, offer.days)
    return sorted([*times, *(time for time in free if _value(time) == chosen)])


def _slot(time: datetime, zone: ZoneInfo, language: str, day: str) -> SlotView:
    shown = time_of(time, zone, language)
    return SlotView(value=_value(time), time=shown, name=f"{day}, {shown}")


def _value(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()
