"""Time as people write it: ISO 8601 periods, IANA zones and windows of the week come in, exact instants go out."""

from survey_service.calendars.periods import LONGEST_PERIOD, PeriodInvalid, format_period, parse_period
from survey_service.calendars.windows import WeekWindows, WindowsInvalid, parse_windows
from survey_service.calendars.zones import ZoneInvalid, is_zone, zone

__all__ = [
    "LONGEST_PERIOD",
    "PeriodInvalid",
    "WeekWindows",
    "WindowsInvalid",
    "ZoneInvalid",
    "format_period",
    "is_zone",
    "parse_period",
    "parse_windows",
    "zone",
]
