"""Spending: the segments of one text message come in; whether today's caps still hold them goes out.

Two caps a UTC day, over all processes: one for everything, one for each country calling code, since toll fraud sends
many messages to few places. They are taken before the send, so that no burst slips through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from survey_service.clock import Clock
from survey_service.store.counters import Counters
from survey_service.texts.phone_kinds import kind_of

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SegmentCaps:
    """How many segments a UTC day may cost."""

    daily: int
    prefix_daily: int  # to numbers of one country calling code


@dataclass(frozen=True, slots=True)
class Spent:
    """What was taken for one message; the names of the counters, and how much."""

    counters: tuple[str, str]
    segments: int


class Spending:
    """The two budgets of a day."""

    def __init__(self, counters: Counters, clock: Clock, caps: SegmentCaps) -> None:
        self._counters = counters
        self._clock = clock
        self._caps = caps

    async def take(self, number: str, segments: int) -> Spent | None:
        """Take a message's segments from both budgets; None, and nothing taken, where one of them is used up."""
        now = self._clock.now()
        total = f"sms:{now.astimezone(UTC):%Y-%m-%d}"
        spent = Spent((f"{total}:{kind_of(number).prefix}", total), segments)
        forget_at = now + 2 * _DAY
        of_prefix, of_all = spent.counters
        if not await self._counters.take_all(of_prefix, segments, self._caps.prefix_daily, forget_at):
            return None
        if not await self._counters.take_all(of_all, segments, self._caps.daily, forget_at):
            await self._counters.give_back(of_prefix, segments)
            return None
        return spent

    async def give_back(self, spent: Spent) -> None:
        """The provider did not take the message."""
        for counter in spent.counters:
            await self._counters.give_back(counter, spent.segments)


def next_day(now: datetime) -> datetime:
    """When the budgets begin anew."""
    return datetime.combine(now.astimezone(UTC).date() + _DAY, time(), UTC)
