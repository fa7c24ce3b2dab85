"""Holding: a pause that was lifted comes in; what it held goes out as due, whichever process wrote it down, and when.

A held message is not looked at until its end. Whoever lifts a pause wakes what it holds at that moment; a worker that
holds a message looks for the pause once more after it wrote so; and what either could not do, since it died, every
process looks for now and then.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from survey_service.store.store import Store
from survey_service.work.bells import Bells

log = structlog.get_logger()


class Holding:
    """Lets go of messages that no pause holds any more."""

    def __init__(self, store: Store, bells: Bells) -> None:
        self._store = store
        self._bells = bells
        self._reading = asyncio.Lock()
        self._standing: frozenset[str] = frozenset()
        self._read_at = 0.0

    async def check(self, pause: str) -> None:
        """A message was just written down as held by `pause`: it is let go if that was lifted meanwhile.

        Whoever lifted it may have looked for what it holds before the message said so. Callers share a read.
        """
        since = time.monotonic()
        async with self._reading:
            if self._read_at <= since:
                read_at = time.monotonic()
                self._standing = frozenset((await self._store.configuration.current()).pauses)
                self._read_at = read_at
        if pause not in self._standing:
            await self._let_go(pause)

    async def let_go_of_lifted(self) -> None:
        """Wake whatever a pause holds that does not stand any more."""
        standing = (await self._store.configuration.current()).pauses
        for pause in await self._store.deliveries.held_by_others(standing):
            await self._let_go(pause)

    async def _let_go(self, pause: str) -> None:
        count = await self._store.deliveries.let_go(pause, self._store.clock.now())
        log.info("holding.let_go", pause=pause, messages=count)
        self._bells.ring("sending")
