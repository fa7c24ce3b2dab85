"""Pacing: a channel's rate holds over all processes; permits are leased from MongoDB in blocks of one second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from survey_service.clock import Clock
from survey_service.store.counters import Counters

_FORGET = timedelta(minutes=5)


class Pace:
    """At most `per_second` permits in each second of the clock, wherever they are asked for; None: any number.

    A process takes a block for the present second and hands it out itself, so that a busy channel costs few
    round trips. What it does not use in that second is lost: after an outage no burst can follow.
    """

    def __init__(
        self,
        name: str,
        per_second: int | None,
        counters: Counters,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._per_second = per_second
        self._counters = counters
        self._clock = clock
        self._sleep = sleep
        self._second = 0
        self._left = 0
        self._turn = asyncio.Lock()

    async def permit(self) -> None:
        """Return when one more may leave; who asked first leaves first."""
        if self._per_second is None:
            return
        async with self._turn:
            while not self._hand_out():
                if not await self._lease(self._per_second):
                    await self._sleep(self._until_next_second())

    def _hand_out(self) -> bool:
        """Whether there was a permit left of a block whose second is not over."""
        if self._left == 0 or self._this_second() != self._second:
            return False
        self._left -= 1
        return True

    async def _lease(self, per_second: int) -> bool:
        """Whether this second had permits left for a block."""
        second = self._this_second()
        counter = f"pace:{self._name}:{second}"
        block = max(1, per_second // 4)
        left = await self._counters.take(counter, block, per_second, self._clock.now() + _FORGET)
        self._second, self._left = second, left
        return left > 0

    def _this_second(self) -> int:
        return int(self._clock.now().timestamp())

    def _until_next_second(self) -> float:
        moment = self._clock.now().timestamp()
        return 1.0 - moment % 1.0 + 0.001
