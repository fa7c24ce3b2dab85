"""Capping: granted wishes go in; those beyond their trigger's hourly cap come out refused, or moved to a later hour.

A cap guards against a mistake (a condition that suddenly holds for everybody), so it counts what was granted in each
UTC hour over all processes, and what a killed pass took stays taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from survey_service.models.decision import Reason
from survey_service.store.counters import HOUR, Counters, hour_of
from survey_service.work.budget import Refusal
from survey_service.work.reserving import Answer, Granted, Reserving, Wish

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
            changed |= await self._later(wishes[room:], caps[trigger], now)
        return changed

    async def _take(self, trigger: str, hour: datetime, wanted: int, cap: int) -> int:
        return await self._counters.take(f"cap:{trigger}:{hour.isoformat()}", wanted, cap, hour + _REMEMBERED)

    async def _later(self, wishes: Sequence[Wish], cap: int, now: datetime) -> dict[str, Answer]:
        """The first later hours with room, for wishes that may wait; else the refusal."""
        await self._reserving.release([wish.invitation for wish in wishes])
        refusal = Refusal(Reason.HOURLY_CAP, hour_of(now) + HOUR)
        answers: dict[str, Answer] = {wish.invitation: refusal for wish in wishes}
        waiting = list(wishes)
        for ahead in range(1, _HOURS_AHEAD + 1):
            start = hour_of(now) + HOUR * ahead
            waiting = [later for wish in waiting if (later := _not_before(wish, start)) is not None]
            if not waiting:
                break
            room = await self._take(waiting[0].rules.trigger, start, len(waiting), cap)
            for name, answer in (await self._reserving.reserve(waiting[:room])).items():
                answers[name] = Granted(answer.at, refusal) if isinstance(answer, Granted) else answer
            waiting = waiting[room:]
        return answers


def _not_before(wish: Wish, start: datetime) -> Wish | None:
    """The wish, moved to the first allowed time from `start` on; None if it may not wait so long."""
    at = wish.allowed_from(max(start, wish.at))
    return replace(wish, at=at) if wish.latest is not None and at < wish.latest else None
