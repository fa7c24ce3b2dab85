"""The retry schedule: how often a send was tried goes in, when to try again comes out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

# Of messages. Short at first (grey-listing, a restart), then slower; together about 27 hours.
SEND_SCHEDULE: tuple[timedelta, ...] = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
)
# Of webhooks, after the first call at once: together 76 hours, so that a receiver may be down for a long weekend.
CALL_SCHEDULE: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=6)


def next_try_in(
    attempts: int,
    schedule: Sequence[timedelta],
    retry_after: float | None = None,
    jitter: float | None = None,
    longest: timedelta = LONGEST_RETRY_AFTER,
) -> timedelta | None:
    """How long to wait after `attempts` calls to the provider; None when the schedule is used up.

    A provider's `retry_after` (seconds) prolongs the wait up to `longest`, and never shortens it. `jitter` is a
    number from -1 to 1, by default random, worth a fifth of the wait.
    """
    if attempts > len(schedule):
        return None
    wait = schedule[max(attempts, 1) - 1]
    if retry_after is not None:
        wait = max(wait, timedelta(seconds=max(0.0, min(retry_after, longest.total_seconds()))))
    spread = random.uniform(-1, 1) if jitter is None else jitter  # noqa: S311 -- spreading load, not a secret
    return wait * (1 + JITTER * spread)
