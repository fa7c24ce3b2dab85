"""Capping: granted wishes go in; those beyond their trigger's hourly cap come out refused, or moved to a later hour.

A cap guards against a mistake (a condition that suddenly holds for everybody), so it counts what was granted in each
UTC hour over all processes, and what a killed pass took stays taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from survey_service.intake.budget import Refusal
from survey_service.intake.reserving import Answer, Granted, Reserving, Wish
from survey_service.models.decision import Reason
from survey_service.store.counters import HOUR, Counters, hour_of

_REMEMBERED = timedelta(days=2)
_HOURS_AHEAD = 48


class HourlyCaps:
    """The caps of all triggers."""

    def __init__(self, counters: Counters, reserving: Reserving) -> None:
        self._counters = counters
        self._reserving = reserving

    async def apply(self, granted: Sequence[Wish], caps: Mapping[str, int], now: datetime) -> dict[str, Answer]:
        """The changed answers; wishes without a change keep theirs."""
        changed: dict[str, Answer] = {}
        by_trigger = sorted(granted, key=lambda wish: wish.rules.trigger)
        for trigger, group in groupby(by_trigger, key=lambda wish: wish.rules.trigger):
            wishes = list(group)
            room = await self._take(trigger, hour_of(now), len(wishes), caps[trigger])
            for wish in wishes[room:]:
                changed[wish.invitation] = await self._later(wish, caps[trigger], now)
        return changed

    async def _take(self, trigger: str, hour: datetime, wanted: int, cap: int) -> int:
        return await self._counters.take(f"cap:{trigger}:{hour.isoformat()}", wanted, cap, hour + _REMEMBERED)

    async def _later(self, wish: Wish, cap: int, now: datetime) -> Answer:
        """The first later hour with room, for a wish that may wait; else the refusal."""
        await self._reserving.release([wish.invitation])
        refusal = Refusal(Reason.HOURLY_CAP, hour_of(now) + HOUR)
        for ahead in range(1, _HOURS_AHEAD + 1):
            start = hour_of(now) + HOUR * ahead
            if wish.latest is None or start >= wish.latest:
                break
            if await self._take(wish.rules.trigger, start, 1, cap):
                later = replace(wish, at=wish.allowed_from(max(start, wish.at)))
                answer = (await self._reserving.reserve([later]))[wish.invitation]
                return Granted(answer.at, refusal) if isinstance(answer, Granted) else answer
        return refusal
