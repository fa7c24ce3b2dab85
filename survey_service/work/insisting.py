"""Insisting: a write that must not be lost comes in; while the database is away it is tried again, for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from survey_service.errors import Unavailable
from survey_service.store.faults import as_service_error

log = structlog.get_logger()

FIRST_WAIT = 0.1  # seconds; each wait is twice as long as the one before it
LONGEST_WAIT = 2.0


async def insist(write: Callable[[], Awaitable[None]], patience: timedelta) -> int:
    """Write, and again if the database did not confirm it; returns how many tries that took.

    Raises:
        Unavailable, PyMongoError: `patience` is over, or it is another fault than the database's absence.
    """
    now = asyncio.get_running_loop().time
    deadline, wait, tries = now() + patience.total_seconds(), FIRST_WAIT, 1
    while True:
        try:
            await write()
        except Exception as error:
            if not isinstance(as_service_error(error), Unavailable) or now() + wait > deadline:
                raise
            log.warning("insisting.database_away", error=type(error).__name__, tries=tries)
        else:
            return tries
        await asyncio.sleep(wait)
        wait, tries = min(2 * wait, LONGEST_WAIT), tries + 1
