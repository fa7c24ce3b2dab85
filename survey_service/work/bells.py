"""Bells: a stage that wrote a row rings for the stage that picks it up, within one process.

Other processes find the row by their own look once in under a second; a bell that is missed loses nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict


class Bells:
    """One bell a stage; that of a stage with lanes, `stage:lane`, rings in each of them."""

    def __init__(self) -> None:
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def ring(self, stage: str) -> None:
        """There may be something due for `stage`."""
        self._events[stage].set()
        lanes = f"{stage}:"
        for name, event in self._events.items():
            if name.startswith(lanes):
                event.set()

    async def wait(self, stage: str, timeout: float) -> None:
        """Return at the next ring, or after `timeout` seconds."""
        event = self._events[stage]
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            return

    def silence(self, stage: str) -> None:
        """Forget earlier rings; called right before looking for due rows."""
        self._events[stage].clear()
