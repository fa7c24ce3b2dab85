"""Time: the database's clock, so that no process's own clock matters (DESIGN "Time and size").

Comes in: the server's `localTime` now and then. Goes out: aware UTC instants from `Clock.now()`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Database time as offset plus monotonic; follows the server, never the wall clock of this machine.

    `shift` moves the whole service in time, for tests and for the demo; it is part of `now()` and, as
    `shift_ms`, of every lease that the server computes with `$$NOW`.
    """

    def __init__(self, shift: timedelta = timedelta()) -> None:
        self.shift = shift
        self._base = datetime.now(UTC)
        self._mono = time.monotonic()

    def now(self) -> datetime:
        """The present instant, aware UTC, to the millisecond that MongoDB can store."""
        instant = self._base + timedelta(seconds=time.monotonic() - self._mono) + self.shift
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    @property
    def shift_ms(self) -> int:
        """The shift in milliseconds, to be added to `$$NOW` on the server."""
        return int(self.shift.total_seconds() * 1000)

    def synchronise(self, server_time: datetime, asked_at: float, answered_at: float) -> None:
        """Take over the server's time, measured at the middle of one round trip.

        `asked_at` and `answered_at` are `time.monotonic()` readings around the call.
        """
        self._base = server_time if server_time.tzinfo else server_time.replace(tzinfo=UTC)
        self._mono = (asked_at + answered_at) / 2
