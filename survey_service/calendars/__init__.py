"""Time as people write it: ISO 8601 periods and IANA zones come in, timedeltas and ZoneInfos go out."""

from survey_service.calendars.periods import LONGEST_PERIOD, PeriodInvalid, format_period, parse_period
from survey_service.calendars.zones import ZoneInvalid, is_zone, zone

__all__ = ["LONGEST_PERIOD", "PeriodInvalid", "ZoneInvalid", "format_period", "is_zone", "parse_period", "zone"]
