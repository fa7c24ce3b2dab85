"""Conditions come in; a test goes on as soon as they hold, or fails with words when they never do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")

PATIENCE = 30.0  # seconds; only a broken service ever uses them up
_LOOK_EVERY = 0.05


async def until(
    look: Callable[[], Awaitable[ResultT]], what: str, within: float = PATIENCE, every: float = _LOOK_EVERY
) -> ResultT:
    """The first truthy result of `look`; `what` says in the failure's message what did not come true."""
    deadline = time.monotonic() + within
    while not (found := await look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; the last look found {found!r}")
        await asyncio.sleep(every)
    return found
