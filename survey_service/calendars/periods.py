"""ISO 8601 durations of a fixed length: `PT2H` comes in, a timedelta goes out, and back."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

LONGEST_PERIOD = timedelta(days=3650)

# The grammar is RFC 3339, appendix A: weeks stand alone.
_PERIOD = re.compile(
    r"P(?:(?P<weeks>[0-9]{1,9})W"
    r"|(?=[0-9T])(?:(?P<days>[0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,9})S)?)?)"
)
_SECONDS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_YEARS_OR_MONTHS = re.compile(r"P[0-9]+[YM]")


class PeriodInvalid(Exception):
    """The text is no period; the message says what is wrong with it."""


@lru_cache(maxsize=1024)
def parse_period(text: str) -> timedelta:
    """The length that `P2D`, `PT2H`, `P1W`, `P1DT12H` or `PT90S` states; whole numbers only.

    Raises PeriodInvalid for anything else: years and months (their length varies), signs, fractions, more than ten
    years.
    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        if _YEARS_OR_MONTHS.match(text):
            raise PeriodInvalid("years and months vary in length; write days, such as P30D")
        raise PeriodInvalid("not an ISO 8601 period in whole numbers, such as PT2H, P2D, P1W or P1DT12H")
    seconds = sum(_SECONDS[unit] * int(number) for unit, number in match.groupdict(default="0").items())
    if seconds > LONGEST_PERIOD.total_seconds():
        raise PeriodInvalid(f"longer than {LONGEST_PERIOD.days} days")
    return timedelta(seconds=seconds)


def format_period(period: timedelta) -> str:
    """The shortest ISO 8601 text in days, hours, minutes and seconds that `parse_period` reads as the same length.

    Raises PeriodInvalid for a negative length or a fraction of a second.
    """
    if period < timedelta() or period.microseconds:
        raise PeriodInvalid("a period is neither negative nor a fraction of a second")
    minutes, seconds = divmod(period.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    date = f"{period.days}D" if period.days else ""
    time = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if number)
    if not date and not time:
        return "PT0S"
    return f"P{date}T{time}" if time else f"P{date}"
